"""Fetch the networks that the paper's authors published, and the bounds of their scaling."""

import os

from tqdm import tqdm

from stelnet.data.acquisition import fetch
from stelnet.provenance.job import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    pairs = zip(snakemake.params.files, snakemake.output.files, strict=True)
    for file, path in tqdm(list(pairs), desc="published networks", disable=None):
        fetch("published_networks", file, path, mirror)
