"""Figure 1: the training samples on the Hertzsprung-Russell diagram."""

from stelnet.io import read_table, require_one_sky
from stelnet.plotting import hrd, style
from stelnet.provenance.job import job

with job(snakemake):
    tables = [read_table(path) for path in snakemake.input.catalogues]
    samples = {table.attrs["catalogue"]: table for table in tables}
    tracks = read_table(snakemake.input.tracks)
    simulated = require_one_sky({**samples, "tracks": tracks})
    figure = hrd.figure(samples, snakemake.params.labels, tracks, snakemake.params.zams_eep)
    style.save(figure, snakemake.output, "Training samples on the Hertzsprung-Russell diagram", simulated)
