"""Paths, names and helper functions shared by all rules. Comes in: config; goes out: no file."""

import os
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

from stelnet import configuration, provenance
from stelnet.errors import StelnetError

ROOT = Path(workflow.basedir)
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())

try:
    configuration.validate(DATASETS, "datasets", "resources/datasets.yaml")
    configuration.check(config, DATASETS)
except StelnetError as error:
    raise WorkflowError(str(error))

if configuration.mirror(config):
    # read by the fetch scripts alone: where a file was fetched from must not make anything rerun
    os.environ["STELNET_MIRROR"] = configuration.mirror(config)

OUT = config["output_dir"]
STAGES = ["pre", "post"]
VARIANTS = config["variants"]
CATALOGUES = config["catalogues"]
CLUSTERS = config["clusters"]
TRAINING = config["training"]
BOOTSTRAPS = range(TRAINING["bootstraps"])
SOURCES = ["this_work"] + ["published_networks"] * config["evaluation"]["published_networks"]
MIST_DATASET = f"mist_{configuration.mist_source(config)}"


wildcard_constraints:
    stage="pre|post",
    variant="published|corrected",
    model="baseline|transfer",
    source="this_work|published_networks",
    split="rows|tracks",
    boot=r"\d+",
    block=r"\d+",
    dataset="[a-z0-9_]+",
    catalogue="|".join(CATALOGUES),
    cluster="|".join(CLUSTERS) or "none",


def code_of(*scripts):
    """Digest of the library code that scripts use: as a parameter, it reruns a job when that code changes."""
    return "-".join(provenance.source_digest(ROOT / "workflow/scripts" / script)[:16] for script in scripts)


def raw(dataset):
    """Paths of the raw files of a dataset."""
    return [f"{OUT}/data/{dataset}/{file['name']}" for file in DATASETS[dataset]["files"]]


def raw_inputs(block):
    """Role -> raw file of a catalogue's or cluster's chosen source."""
    return {role: raw(dataset)[0] for role, dataset in block["inputs"][block["source"]].items()}


def of_stage(blocks, stage):
    """Names of the catalogues or clusters of a stage."""
    return [name for name, block in blocks.items() if block["stage"] == stage]


def networks(source, model, variant, stage):
    """The network files of one ensemble; a baseline has no variant."""
    if source == "published_networks":
        folder = f"{OUT}/models/published_networks/{model}/{stage}"
    elif model == "transfer":
        folder = f"{OUT}/models/transfer/{variant}/{stage}"
    else:
        folder = f"{OUT}/models/{model}/{stage}"
    count = 20 if source == "published_networks" else len(BOOTSTRAPS)
    return [f"{folder}/{boot}.safetensors" for boot in range(count)]


def blocks():
    """Block number -> bootstraps trained together in one job."""
    size = TRAINING["bootstraps_per_job"]
    return {i // size: list(BOOTSTRAPS[i : i + size]) for i in range(0, len(BOOTSTRAPS), size)}
