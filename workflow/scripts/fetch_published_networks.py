"""Fetch the networks that the paper's authors published, and the bounds of their scaling."""

import os

from stelnet import progress
from stelnet.data.acquisition import fetch
from stelnet.provenance.job import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    pairs = list(zip(snakemake.params.files, snakemake.output.files, strict=True))
    with progress.bar("published networks", len(pairs)) as advance:
        for file, path in pairs:
            fetch("published_networks", file, path, mirror)
            advance(1)
