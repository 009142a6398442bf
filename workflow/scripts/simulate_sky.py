"""Write the raw files of the demo: simulated tracks, catalogues and clusters in the real ones' formats."""

from stelnet.data.acquisition import write_source
from stelnet.provenance.job import job, settings
from stelnet.simulation.sky import simulate

with job(snakemake) as log:
    for dataset, path in zip(snakemake.params.datasets, snakemake.output.files, strict=True):
        simulate(dataset, path, settings(snakemake)["seed"])
        write_source(path, dataset, via="simulated", address=None)
        log.info("%s: simulated as %s", dataset, path)
