"""Stellar ages and masses from neural networks: from raw public data to the last figure.

`snakemake --cores N` rebuilds everything; config.yaml holds every choice; workflow/rules/ holds the rules.
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.12")

# the folder of this file, wherever the workflow runs, as another's module too
ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
# the library of this checkout, whatever is installed
sys.path.insert(0, str(ROOT / "workflow"))


from stelnet import configuration
from stelnet.errors import StelnetError

# told in one line, which Snakemake does of few faults of a file
try:
    configuration.read(ROOT / "config.yaml")
except StelnetError as error:
    raise WorkflowError(str(error))


configfile: str(ROOT / "config.yaml")


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/catalogues.smk"
include: "workflow/rules/mist.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/posterior.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/heldout.smk"
include: "workflow/rules/pretrained.smk"
include: "workflow/rules/stars.smk"
include: "workflow/rules/provenance.smk"


rule all:
    """Everything: tables, figures, models, star lists, and the page that shows them."""
    default_target: True
    input:
        TABLES,
        FIGURES,
        TRAINING_PLOTS,
        PRETRAINED,
        POSTERIORS,
        HELDOUT,
        STAR_LISTS,
        "<results>/config.yaml",
        "<results>/index.html",


rule star_lists:
    """The star lists of the configuration, with ages and masses."""
    input:
        STAR_LISTS,
