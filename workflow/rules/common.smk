"""Paths, names and helper functions shared by all rules. Comes in: config; goes out: no file."""

import json
import os
import re
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

from stelnet import configuration
from stelnet.provenance import code, records
from stelnet.errors import StelnetError

ROOT = Path(workflow.basedir)
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

try:
    configuration.validate(DATASETS, "datasets", "resources/datasets.yaml")
    configuration.check(config, DATASETS)
except StelnetError as error:
    raise WorkflowError(str(error))

configuration.export(config)

# what the record of every output says of the run that made it
own_files = [] if workflow.config_settings.replace_workflow_config else [ROOT / "config.yaml"]
RUN = records.describe_run(
    [os.path.relpath(path, ROOT) for path in own_files + list(workflow.config_settings.configfiles)],
    workflow.config_settings.config,
)
os.environ[records.RUN] = json.dumps(RUN)


onstart:
    for name, versions in RUN["environment"]["differences"].items():
        logger.warning(
            f"The environment differs from {RUN['environment']['lock']['path']}, and the records of this run will "
            f"say so: {name} is {versions['installed']}, locked is {versions['lock']}."
        )


OUT = config["output_dir"]
STAGES = ["pre", "post"]
VARIANTS = config["variants"]
CATALOGUES = config["catalogues"]
CLUSTERS = config["clusters"]
STARS = config["star_lists"]
TRAINING = config["training"]
BOOTSTRAPS = range(TRAINING["bootstraps"])
# number of a block -> its bootstraps, trained together in one job
BLOCKS = dict(
    enumerate(
        list(BOOTSTRAPS[first : first + TRAINING["bootstraps_per_job"]])
        for first in BOOTSTRAPS[:: TRAINING["bootstraps_per_job"]]
    )
)
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


@cache
def code_of(*scripts):
    """Digest of the library code that scripts use: as a parameter, it reruns a job when that code changes."""
    return "-".join(code.source_digest(ROOT / "workflow/scripts" / script)[:16] for script in scripts)


def digest_of(paths):
    """Digest of the content of files that are no inputs of a rule but shape its outputs."""
    return records.digest([records.sha256_file(path) for path in paths])[:16]


def used(*keys):
    """Values of the configuration that shape a rule's outputs, for their records: the parameter `config` of the rule.

    Each key is dotted; at a group it stands for all below it, `*` for any one name, and {wildcards} are filled in.
    Instead of a key, a function of the wildcards may return several.
    """

    def values(wildcards):
        filled = {name: str(value) for name, value in wildcards.items()}
        own = [one for key in keys for one in (key(wildcards) if callable(key) else [key.format(**filled)])]
        found = configuration.select(config, own)
        for key in own:
            if "*" not in key and not configuration.select(config, [key]):
                raise WorkflowError(f"used({key!r}): there is no such key in the configuration.")
        # sorted, because the order in which files are merged must not make anything rerun
        return {"keys": own, "values": dict(sorted(found.items()))}

    return values


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


# Folder of figures -> the variant of the catalogues that they show; the figures of the paper have no subfolder.
FIGURE_VARIANTS = {
    "figures" if variant == config["report_variant"] else f"figures/{variant}": variant
    for variant in VARIANTS
}
# Figure -> the cluster that it shows; beyond Figures 5 and 6 of the paper they are named after their clusters.
CLUSTER_FIGURES = dict(zip(["fig5", "fig6", *list(CLUSTERS)[2:]], CLUSTERS))


def variant_of(wildcards):
    """The variant of the catalogues that a figure shows."""
    return FIGURE_VARIANTS[wildcards.figures]


def catalogue_tables(*stages):
    """Input function of a figure: the catalogues of these stages."""
    names = [name for stage in stages for name in of_stage(CATALOGUES, stage)]
    return lambda wildcards: [f"{OUT}/catalogues/{variant_of(wildcards)}/{name}.parquet" for name in names]


def model_predictions(stage):
    """Input function of a figure: model -> our predictions for the stars of a stage."""
    return lambda wildcards: {
        model: f"{OUT}/predictions/this_work/{model}/{variant_of(wildcards)}/{stage}.parquet"
        for model in ("baseline", "transfer")
    }


def cluster_block(wildcards, figure):
    """The block of the configuration of the cluster that a figure shows; figure None: the wildcard's."""
    return CLUSTERS[CLUSTER_FIGURES[figure] if figure else wildcards.cluster]


def cluster_predictions(figure=None):
    """Input function of a figure: model -> our predictions for the stage of the cluster that it shows."""
    return lambda wildcards: model_predictions(cluster_block(wildcards, figure)["stage"])(wildcards)


def cluster_label(figure=None):
    """Function of a figure's wildcards: the label of the cluster that it shows."""
    return lambda wildcards: cluster_block(wildcards, figure)["label"]


def report_labels(figure, shows):
    """How the report lists a figure; `shows` is a text or a function of the wildcards."""
    return lambda wildcards: {
        "figure": figure,
        "shows": shows(wildcards) if callable(shows) else shows,
        "variant": variant_of(wildcards),
    }


def any_file_of(datasets):
    """Regular expression of the file names of datasets."""
    return "|".join(re.escape(file["name"]) for dataset in datasets for file in DATASETS[dataset]["files"])


def adapter_code(block):
    """Digest of an adapter and of the library code that it uses: the scripts import it by its configured name."""
    path = ROOT / f"workflow/stelnet/catalogues/{block['adapter']}.py"
    return code.source_digest(path, extra=(path,))[:16]


def vizier_entries(block):
    """Role -> registry entry of a table of VizieR."""
    datasets = {role: DATASETS[name] for role, name in block["inputs"][block["source"]].items()}
    return {role: dataset["vizier"] for role, dataset in datasets.items() if "vizier" in dataset}


def cluster_inputs(wildcards):
    """Role -> raw file of a cluster; members from VizieR have yet to be told by their side of the ZAMS."""
    block = CLUSTERS[wildcards.cluster]
    zams = {"zams": f"{OUT}/mist/zams.parquet"} if block["source"] == "vizier" else {}
    return raw_inputs(block) | zams


def training_settings(stage):
    """What shapes the networks of a stage: not how many there are, nor how they share jobs."""
    counts = ("bootstraps", "bootstraps_per_job")
    own = {key: value for key, value in TRAINING.items() if key not in counts}
    return own | {"epochs": TRAINING["epochs"][stage]}


def training_keys(stage):
    """Keys of the configuration that :func:`training_settings` reads."""
    return [f"training.{key}" for key in training_settings(stage) if key != "epochs"] + [
        f"training.epochs.{stage}"
    ]


def by_attempt(amount):
    """A resource that grows with every attempt, so that a retry has more memory and time than the job that failed."""
    return lambda wildcards, attempt: amount * attempt


def training_resources(boots):
    """What a job that trains these bootstraps may use: more than ten times the usual minutes; a GPU if asked for."""
    return {
        "mem_mb": by_attempt(1500 + 10 * len(boots)),
        "runtime": by_attempt(10 + 3 * len(boots)),
        "gpu": int(TRAINING["device"] == "cuda"),
    }


def transfer_resources(boots):
    """What a job that retrains these bootstraps may use; each takes a tenth of a second."""
    return {"mem_mb": by_attempt(1000 + 5 * len(boots)), "runtime": by_attempt(5 + len(boots) // 20)}


def transfer_settings(stage):
    """What shapes the transfer networks of a stage."""
    own = {key: TRANSFER[key] for key in ("steps", "loss", "optimiser")}
    return own | {"learning_rate": TRANSFER["learning_rate"][stage]}


def transfer_plan(stage):
    """Catalogue -> copies of its stars in the pool, and how many are drawn."""
    names = of_stage(CATALOGUES, stage)
    return {name: {key: CATALOGUES[name][key] for key in ("copies", "draw")} for name in names}


def transfer_plan_keys(wildcards):
    """Keys of the configuration that :func:`transfer_plan` reads for the catalogues of a stage."""
    names = of_stage(CATALOGUES, wildcards.stage)
    return [f"catalogues.{name}.{key}" for name in names for key in ("copies", "draw")]


def transfer_start(stage):
    """The baseline network that transfer starts from."""
    return f"{OUT}/models/baseline/{stage}/{TRANSFER['start_bootstrap']}.safetensors"


def transfer_names(variant, stage):
    """Name of the random streams; a repetition other than 0 serves the spread of the scores alone."""
    return ["transfer", 0, variant, stage]


def model_keys(wildcards):
    """Keys of the configuration that shaped a model."""
    keys = [f"mist.{key}" for key in config["mist"] if key != "source"]
    keys += ["seed", "training.bootstraps", *(key for stage in STAGES for key in training_keys(stage))]
    if wildcards.model == "transfer":
        keys += ["transfer.start_bootstrap", "transfer.mist_points", "transfer.learning_rate", *TRANSFER_KEYS]
        keys += [f"catalogues.*.{key}" for key in ("stage", "copies", "draw")]
    return list(dict.fromkeys(keys))


def about_model(wildcards):
    """What the file of a model says of its origin, but for its settings."""
    blocks = CATALOGUES.values() if wildcards.model == "transfer" else []
    datasets = [
        MIST_DATASET,
        *(name for block in blocks for name in block["inputs"][block["source"]].values()),
    ]
    scripts = ["train_baseline.py", "train_transfer.py"][: 1 + (wildcards.model == "transfer")]
    return {
        "data": {
            name: {key: DATASETS[name][key] for key in ("title", "version", "citations")} for name in datasets
        },
        "licence": CITATION["license"],
        "code": {script: code_of(script) for script in [*scripts, "pack_model.py"]},
    }


def prediction_tables(sources, models, variants):
    """Tables of predictions of both stages."""
    return expand(
        f"{OUT}/predictions/{{source}}/{{model}}/{{variant}}/{{stage}}.parquet",
        source=sources,
        model=models,
        variant=variants,
        stage=STAGES,
    )


def cluster_keys(cluster):
    """Keys of the configuration that shape the figure of a cluster."""
    return [f"clusters.{cluster}.label", f"clusters.{cluster}.stage", "report_variant"]


def star_list_model(wildcards):
    """The model that a list is shown to: a file, or by its name one of this run."""
    model = STARS[wildcards.star_list]["model"]
    return f"{OUT}/pretrained/{model}.safetensors" if model in MODELS else model


def star_list_rows(block):
    """Number of rows of a list, which its file or, where that is yet to be made, `rows` tells."""
    if "rows" in block:
        return block["rows"]
    from stelnet.starlists.parquet_list import count_rows  # slow to import

    return count_rows(block["path"])


# list -> number of its pieces, known before anything is planned
try:
    STAR_PIECES = {
        name: max(1, -(-star_list_rows(block) // block["rows_per_job"])) for name, block in STARS.items()
    }
except StelnetError as error:
    raise WorkflowError(f"configuration: star_lists: {error}")


def star_list_settings(wildcards):
    """What shapes the answers to a list, beside its file and the model."""
    return {
        key: value
        for key, value in STARS[wildcards.star_list].items()
        if key not in ("path", "rows", "format")
    }


def star_list_keys(wildcards):
    """Keys of the configuration that :func:`star_list_settings` reads."""
    return [f"star_lists.{wildcards.star_list}.{key}" for key in star_list_settings(wildcards)]


def star_list_resources():
    """What a job may use: memory whatever the number of rows, of which few are worked on at a time; ample minutes."""
    return {
        "mem_mb": by_attempt(1000),
        "runtime": lambda wildcards, attempt: attempt
        * (10 + STARS[wildcards.star_list]["rows_per_job"] // 40_000),
    }
