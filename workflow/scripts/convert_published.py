"""Turn the published networks into files like those of our own."""

from pathlib import Path

from stelnet.provenance.job import job
from stelnet.training.networks import save_network
from stelnet.training.published import NAMES, read_published

with job(snakemake):
    files, outputs = {Path(path).name: path for path in snakemake.input}, iter(snakemake.output)
    for model, stage in NAMES:
        ensemble = read_published(files, model, stage)
        for boot in range(len(ensemble)):
            metadata = {"model": model, "stage": stage, "boot": str(boot), "simulated": "false"}
            save_network(next(outputs), ensemble, boot, metadata | {"source": "published_networks"})
