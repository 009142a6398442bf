"""Arrange the isochrones on a grid of metallicity, age and equivalent evolutionary point."""

from stelnet.inference.exact import Cube
from stelnet.io import arrays, read_table
from stelnet.provenance.job import job

with job(snakemake) as log:
    rows = read_table(snakemake.input[0])
    about = {key: rows.attrs[key] for key in ("dataset", "simulated")}
    cube = Cube.from_rows(arrays(rows), about)
    log.info("metallicities, ages, evolutionary points: %s", cube.state.shape[:3])
    cube.write(snakemake.output[0])
