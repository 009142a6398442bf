"""Stellar ages and masses from neural networks: from raw public data to the last figure.

`snakemake --cores N` rebuilds everything; config.yaml holds every choice; workflow/rules/ holds the rules.
"""

import sys

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


# the library of this checkout, whatever is installed
sys.path.insert(0, f"{workflow.basedir}/workflow")


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/catalogues.smk"
include: "workflow/rules/mist.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/pretrained.smk"
include: "workflow/rules/stars.smk"
include: "workflow/rules/provenance.smk"


rule all:
    default_target: True
    input:
        TABLES,
        FIGURES,
        TRAINING_PLOTS,
        PRETRAINED,
        STAR_LISTS,
        f"{OUT}/config.yaml",
        f"{OUT}/index.html",


rule star_lists:
    input:
        STAR_LISTS,
