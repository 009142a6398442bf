"""The page that shows every figure and table with what made it."""

import os
from pathlib import Path

from stelnet.audit.audit import Audit
from stelnet.audit.page import page
from stelnet.files import write_text
from stelnet.provenance.job import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    audit = Audit(Path(snakemake.config["output_dir"]), mirror=mirror and Path(mirror))
    write_text(page(audit), snakemake.output[0])
