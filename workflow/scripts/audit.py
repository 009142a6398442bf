"""Audit all results; any verdict but a good one ends the run with an error."""

import os
import sys
from pathlib import Path

from stelnet.audit.audit import Audit
from stelnet.audit.terminal import show
from stelnet.provenance.job import job

with job(snakemake):
    mirror = os.environ.get("STELNET_MIRROR")
    audit = Audit(Path(snakemake.config["output_dir"]), mirror=mirror and Path(mirror))
    findings = audit.findings()
    show(findings, trees=False)
sys.exit(max(finding.verdict for finding in findings))
