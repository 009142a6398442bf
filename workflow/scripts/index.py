"""The page that shows every figure and table with what made it."""

import os
from pathlib import Path

from stelnet.audit import Audit
from stelnet.io import write_text
from stelnet.page import page
from stelnet.scripting import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    audit = Audit(Path(snakemake.config["output_dir"]), mirror=mirror and Path(mirror))
    write_text(page(audit), snakemake.output[0])
