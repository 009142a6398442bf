"""Fetch a table of VizieR, or the mirror's export of it."""

import os

from stelnet.data.vizier import fetch_vizier
from stelnet.provenance.job import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    params = snakemake.params
    fetch_vizier(snakemake.wildcards.vizier, params.file, params.vizier, snakemake.output.file, mirror)
