"""Fetch the file of a dataset from the mirror or its public address."""

import os

from stelnet.data.acquisition import fetch
from stelnet.provenance.job import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    fetch(snakemake.wildcards.dataset, snakemake.params.file, snakemake.output.file, mirror)
