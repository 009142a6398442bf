"""What all rules share: the configuration, constants, functions.

Inputs: config.yaml and what is set beside it, resources/datasets.yaml. Outputs: no file.
"""

import json
import os
import re
from functools import cache
from itertools import product

import yaml
from snakemake.exceptions import WorkflowError

from stelnet import choices, configuration
from stelnet.errors import StelnetError
from stelnet.provenance import code, ledger, records
from stelnet.terms import STAGES

# --- the configuration, and what the record of every output says of the run ------------------------------------------

DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

given = workflow.config_settings
if workflow.modifier.skip_configfile:
    # that of a module says what differs from config.yaml, like a file named with --configfile
    config_files, overrides = [ROOT / "config.yaml"], dict(config)
    config.update(configuration.resolve(config_files, overrides))
else:
    own_files = [] if given.replace_workflow_config else [ROOT / "config.yaml"]
    config_files, overrides = [*own_files, *given.configfiles], given.config

try:
    config["output_dir"] = configuration.output_folder(config.get("output_dir"))
    configuration.validate(DATASETS, "datasets", "resources/datasets.yaml")
    configuration.check(config, DATASETS)
except StelnetError as error:
    raise WorkflowError(str(error))

configuration.export(config)
RUN = records.describe_run([os.path.relpath(path, ROOT) for path in config_files], overrides)
os.environ[records.RUN] = json.dumps(RUN)


onstart:
    for name, versions in RUN["environment"]["differences"].items():
        logger.warning(
            f"The environment differs from {RUN['environment']['lock']['path']}, and the records of this run will "
            f"say so: {name} is {versions['installed']}, locked is {versions['lock']}."
        )


def close_records():
    """Take the records of this run into their list, and say its digest."""
    folder = Path(OUT, records.FOLDER)
    if folder.is_dir():
        logger.info(
            f"sha256 of {folder / ledger.LIST}, the list of all records: {ledger.Ledger(folder).close()}"
        )


onsuccess:
    close_records()


onerror:
    close_records()


# --- constants -------------------------------------------------------------------------------------------------------

OUT = config["output_dir"]


pathvars:
    results=OUT,
    logs=f"{OUT}/logs",
    benchmarks=f"{OUT}/benchmarks",


MODELS = ["baseline", "transfer"]
PACKAGED = [*MODELS, "posterior"]
VARIANTS = config["variants"]
CATALOGUES = config["catalogues"]
CLUSTERS = config["clusters"]
STARS = config["star_lists"]
TRAINING = config["training"]
TRANSFER = config["transfer"]

MIST_DATASET = f"mist_{configuration.mist_source(config)}"
ISOCHRONES = configuration.isochrones_dataset(config, DATASETS)
VIZIER = [name for name, dataset in DATASETS.items() if "vizier" in dataset]
# catalogue -> its block with VizieR as source, where the paper's version is known too
IN_VIZIER = {
    name: block | {"source": "vizier"}
    for name, block in CATALOGUES.items()
    if {"assembled", "vizier"} <= set(block["inputs"])
}
SINGLE = [name for name in DATASETS if name not in ("published_networks", *VIZIER)]

# stage -> its catalogues; stage -> its clusters
SAMPLES, MEMBERS = choices.samples(CATALOGUES), choices.samples(CLUSTERS)

BOOTSTRAPS = range(TRAINING["bootstraps"])
# number of a block -> its bootstraps, trained together in one job
BLOCKS = dict(
    enumerate(
        list(BOOTSTRAPS[first : first + TRAINING["bootstraps_per_job"]])
        for first in BOOTSTRAPS[:: TRAINING["bootstraps_per_job"]]
    )
)
# model -> column of the MIST table that marks the rows that it never sees
BASELINES = {"baseline": "test_rows", "baseline_tracks": "test_tracks"}
# test split of MIST -> the baseline that never saw its points
SPLITS = {column.removeprefix("test_"): model for model, column in BASELINES.items()}
SOURCES = ["this_work"] + ["published_networks"] * config["evaluation"]["published_networks"]

# what of the configuration is the recipe of the posterior network
RECIPE = "width depth components steps batch"

# the catalogues with their known faults mended, where they are built: those of the models for users
PRETRAINED_VARIANT = "corrected" if "corrected" in VARIANTS else config["report_variant"]
# stage -> the sample that the transfer networks of these models learnt from
TRANSFER_SAMPLES = {
    stage: f"<results>/models/transfer/{PRETRAINED_VARIANT}/{stage}/sample.parquet" for stage in STAGES
}

# folder of figures -> the variant of the catalogues that they show; the figures of the paper have no subfolder
FIGURE_VARIANTS = {
    "figures" if variant == config["report_variant"] else f"figures/{variant}": variant
    for variant in VARIANTS
}
# Figures 2 and 3 -> the stage that they show
STAGE_FIGURES = {"2": "post", "3": "pre"}
# figure -> the cluster that it shows; beyond Figures 5 and 6 of the paper they are named after their clusters
CLUSTER_FIGURES = {{"Praesepe": "fig5", "NGC2547": "fig6"}.get(name, name): name for name in CLUSTERS}

# a simulated sky has no place for what the paper says about the real one
PAPER = [] if config["simulated"] else [os.path.relpath(ROOT / "resources/published.yaml")]
# what of the configuration shapes every table, and the figures of catalogues
TABLE_KEYS = "variants simulated evaluation.published_networks"
ANSWER_KEYS = "catalogues.*.stage clusters.*.stage posterior.floor posterior.age_priors"
POSTERIOR_KEYS = " ".join(f"posterior.{key}" for key in f"stars draws {RECIPE}".split()) + " seed"
FIGURE_KEYS = "catalogues.*.label catalogues.*.stage report_variant"

# what rule all makes
TABLES = [
    *expand(
        "<results>/tables/{name}.{suffix}",
        name=["table1", "pearson", "clusters", "mist_error", "transfer_seeds"],
        suffix=["csv", "md", "tex"],
    ),
    *expand("<results>/tables/clusters_{variant}.csv", variant=VARIANTS),
]
FIGURES = [
    *expand(
        "<results>/{folder}/{name}.{suffix}",
        folder=FIGURE_VARIANTS,
        name=["fig1", "fig2", "fig3", *CLUSTER_FIGURES, "fig7"],
        suffix=["pdf", "png"],
    ),
    *[f"<results>/figures/fig4.{suffix}" for suffix in ("pdf", "png") if CLUSTERS],
]
TRAINING_PLOTS = expand(
    "<results>/models/{model}/{stage}/block{block}.training.png", model=BASELINES, stage=STAGES, block=BLOCKS
)
PRETRAINED = [
    *expand("<results>/pretrained/{model}.safetensors", model=PACKAGED),
    "<results>/pretrained/models.json",
    "<results>/pretrained/README.md",
]
POSTERIORS = [
    "<results>/models/posterior/training.png",
    *expand(
        "<results>/predictions/posterior/{method}/{variant}/{stage}.parquet",
        method=["network", "exact-grid"],
        variant=VARIANTS,
        stage=STAGES,
    ),
]
# what the file of the posterior network is packed from
POSTERIOR_PARTS = {
    part: f"<results>/models/posterior/{part}.safetensors" for part in ("network", "cube", "correction")
}
# posterior that is scored -> the file that it is made from
FORECASTERS = {"exact": POSTERIOR_PARTS["cube"], "posterior": POSTERIOR_PARTS["network"]}
HELDOUT_FORECASTS = expand("<results>/heldout/{name}.parquet", name=["networks", *FORECASTERS])
HELDOUT_FIGURES = ["reliability", "ranks", "coverage", "agreement"]
HELDOUT = [
    *expand("<results>/tables/{name}.{suffix}", name=["heldout", "calibration"], suffix=["csv", "md", "tex"]),
    *expand("<results>/figures/{name}.{suffix}", name=HELDOUT_FIGURES, suffix=["pdf", "png"]),
    "<results>/models/posterior/correction.safetensors",
]
STAR_LISTS = [f"<results>/stars/{name}.{block['format']}" for name, block in STARS.items()]


wildcard_constraints:
    stage="pre|post",
    variant="published|corrected",
    model="baseline|transfer",
    method="network|exact-grid",
    baseline="|".join(BASELINES),
    source="this_work|published_networks",
    split="rows|tracks",
    boot=r"\d+",
    block=r"\d+",
    repetition=r"\d+",
    piece=r"\d+",
    format="parquet|csv",
    dataset="|".join(SINGLE),
    vizier="|".join(VIZIER),
    filename="|".join(re.escape(file["name"]) for dataset in DATASETS.values() for file in dataset["files"]),
    catalogue="|".join(CATALOGUES),
    cluster="|".join(CLUSTERS) or "none",
    star_list="|".join(STARS) or "none",
    figures="|".join(FIGURE_VARIANTS),
    stage_figure="|".join(STAGE_FIGURES),
    cluster_figure="|".join(CLUSTER_FIGURES) or "none",


# --- parameters: what shapes outputs, for rerunning and for their records -----------------------------------------------


def used(script, *keys):
    """Parameters `config`, `code` and `order`, which say what a script uses of the configuration and of the library.

    Parameters
    ----------
    script
        Its name. `code` is the digest of the library code that it imports: a change there reruns the job.
    keys
        Dotted keys, separated by blanks: at a group a key stands for all below it, `*` for any one name, and
        {wildcards} are filled in. Or functions of the wildcards that return a list of keys. Where `*` stands for
        the names of a group, `order` holds them as they are: rows and draws follow it.
    """

    def values(wildcards):
        own = [
            one
            for key in keys
            for one in (key(wildcards) if callable(key) else key.format(**dict(wildcards.items())).split())
        ]
        for key in own:
            if "*" not in key and not configuration.select(config, [key]):
                raise WorkflowError(f"used({key!r}): there is no such key in the configuration.")
        # sorted, because the order in which files are merged must not make anything rerun
        return {"keys": own, "values": dict(sorted(configuration.select(config, own).items()))}

    starred = {
        key.split(".*")[0] for text in keys if isinstance(text, str) for key in text.split() if "*" in key
    }
    order = {group: list(config[group]) for group in sorted(starred)}
    return {"config": values, "code": code_of(script)} | ({"order": order} if order else {})


@cache
def code_of(script):
    """Digest of the library code that a script uses."""
    return code.source_digest(ROOT / "workflow/scripts" / script)[:16]


def adapter_code(block):
    """Digest of an adapter and of the library code that it uses: the scripts import it by its configured name."""
    path = ROOT / f"workflow/stelnet/catalogues/{block['adapter']}.py"
    return code.source_digest(path, extra=(path,))[:16]


def digest_of(paths):
    """Digest of the content of files that are no inputs of a rule but shape its outputs."""
    return records.digest([records.sha256_file(path) for path in paths])[:16]


def below(group, names):
    """Keys of the configuration below a group."""
    return " ".join(f"{group}.{name}" for name in names.split())


def training_keys(stage):
    """Keys of the configuration that shape the baseline networks of a stage."""
    counts = ("bootstraps", "bootstraps_per_job")
    names = [f"epochs.{stage}" if key == "epochs" else key for key in TRAINING if key not in counts]
    return f"seed {below('training', ' '.join(names))}"


def transfer_keys(stage=None):
    """Keys of the configuration that shape the transfer networks of a stage, or of both."""
    rate = "learning_rate" if stage is None else f"learning_rate.{stage}"
    return f"seed {below('transfer', f'start_bootstrap steps loss optimiser {rate}')}"


def drawn_keys(wildcards):
    """Keys of the configuration that say how the catalogues of a stage are drawn from."""
    return [f"catalogues.{name}.{key}" for name in SAMPLES[wildcards.stage] for key in ("copies", "draw")]


def cluster_figure_keys(wildcards):
    """Keys of the configuration that shape the figure of a cluster."""
    cluster = CLUSTER_FIGURES[wildcards.cluster_figure]
    return [f"clusters.{cluster}.label", f"clusters.{cluster}.stage", "report_variant"]


def star_list_keys(wildcards):
    """Keys of the configuration that shape the answers to a list, beside its file."""
    name = wildcards.star_list
    return [f"star_lists.{name}.{key}" for key in STARS[name] if key not in ("path", "rows", "format")]


def vizier_entries(block):
    """Role -> registry entry of a table of VizieR."""
    datasets = {role: DATASETS[name] for role, name in block["inputs"][block["source"]].items()}
    return {role: dataset["vizier"] for role, dataset in datasets.items() if "vizier" in dataset}


def about(dataset):
    """What a model's file and card say of a dataset."""
    return {key: DATASETS[dataset][key] for key in ("title", "version", "citations")}


def about_model(wildcards):
    """What the file of a model says of its origin, but for its settings."""
    blocks = CATALOGUES.values() if wildcards.model == "transfer" else []
    datasets = [
        MIST_DATASET,
        *(name for block in blocks for name in block["inputs"][block["source"]].values()),
    ]
    scripts = ["train_baseline.py", "train_transfer.py"][: 1 + (wildcards.model == "transfer")]
    return {
        "data": {name: about(name) for name in datasets},
        "licence": CITATION["license"],
        "code": {script: code_of(script) for script in [*scripts, "pack_model.py"]},
    }


def about_posterior():
    """What the file of the posterior network says of its origin, but for its settings."""
    scripts = ["sample_posterior.py", "train_posterior.py", "pack_posterior.py"]
    return {
        "data": {ISOCHRONES: about(ISOCHRONES)},
        "licence": CITATION["license"],
        "code": {script: code_of(script) for script in scripts},
    }


def card_samples():
    """Catalogue or cluster -> its label and datasets, for the model card."""
    return {
        name: {
            "label": block["label"],
            "datasets": list(map(about, block["inputs"][block["source"]].values())),
        }
        for name, block in (CATALOGUES | CLUSTERS).items()
    }


def model_keys(wildcards):
    """Keys of the configuration that shaped a model."""
    keys = [f"mist.{key}" for key in config["mist"] if key != "source"] + ["training.bootstraps"]
    keys += [key for stage in STAGES for key in training_keys(stage).split()]
    if wildcards.model == "transfer":
        keys += [
            *transfer_keys().split(),
            "transfer.mist_points",
            *below("catalogues.*", "stage copies draw").split(),
        ]
    return list(dict.fromkeys(keys))


def card_keys():
    """Keys of the configuration that the model card shows."""
    catalogues = below("catalogues.*", "label stage source inputs copies draw")
    return f"seed max_abs_feh mist training transfer posterior {catalogues} {below('clusters.*', 'label stage source inputs')}"


# --- files -----------------------------------------------------------------------------------------------------------


def raw(dataset):
    """Paths of the raw files of a dataset."""
    return [f"{OUT}/data/{dataset}/{file['name']}" for file in DATASETS[dataset]["files"]]


def raw_inputs(block):
    """Role -> raw file of a catalogue's or cluster's chosen source."""
    return {role: raw(dataset)[0] for role, dataset in block["inputs"][block["source"]].items()}


def both_versions():
    """Catalogue, source and role -> raw file, of catalogues in VizieR."""
    return {
        f"{name}_{source}_{role}": path
        for name, block in IN_VIZIER.items()
        for source in ("assembled", "vizier")
        for role, path in raw_inputs(block | {"source": source}).items()
    }


def cluster_inputs(wildcards):
    """Role -> raw file of a cluster; members from VizieR are yet to be split at the ZAMS."""
    block = CLUSTERS[wildcards.cluster]
    zams = {"zams": "<results>/mist/zams.parquet"} if block["source"] == "vizier" else {}
    return raw_inputs(block) | zams


def stars_of_stage(wildcards):
    """Tables of the catalogues and clusters of a stage."""
    members = [f"<results>/clusters/{name}.parquet" for name in MEMBERS[wildcards.stage]]
    return star_tables(wildcards.variant, wildcards.stage) + members


def star_tables(variant, *stages):
    """Tables of the catalogues of stages."""
    return [f"<results>/catalogues/{variant}/{name}.parquet" for stage in stages for name in SAMPLES[stage]]


def networks(source, model, variant, stage):
    """The network files of one ensemble; a baseline has no variant."""
    if source == "published_networks":
        folder = f"<results>/models/published_networks/{model}/{stage}"
    elif model == "transfer":
        folder = f"<results>/models/transfer/{variant}/{stage}"
    else:
        folder = f"<results>/models/{model}/{stage}"
    count = 20 if source == "published_networks" else len(BOOTSTRAPS)
    return [f"{folder}/{boot}.safetensors" for boot in range(count)]


def baselines(stage, split, source):
    """The network files of the baselines that never saw the points of a split."""
    return networks(source, SPLITS[split] if source == "this_work" else "baseline", None, stage)


def heldout_networks(wildcards):
    """The networks that are scored on stars not seen: our baseline, and the published ones."""
    own = {f"{stage}_baseline": networks("this_work", "baseline", None, stage) for stage in STAGES}
    published = {
        f"{stage}_published_{model}": networks("published_networks", model, None, stage)
        for stage, model in product(STAGES, MODELS)
        if config["evaluation"]["published_networks"]
    }
    return own | published


def transfer_start(stage):
    """The baseline network that transfer starts from."""
    return f"<results>/models/baseline/{stage}/{TRANSFER['start_bootstrap']}.safetensors"


def prediction_tables(sources, models, variants, stages=STAGES):
    """Tables of predictions."""
    return expand(
        "<results>/predictions/{source}/{model}/{variant}/{stage}.parquet",
        source=sources,
        model=models,
        variant=variants,
        stage=stages,
    )


def variant_of(wildcards):
    """The variant of the catalogues that a figure shows."""
    return FIGURE_VARIANTS[wildcards.figures]


def model_predictions(wildcards):
    """Model -> our predictions for the stage that a figure shows, be it of a stage or of a cluster."""
    if "stage_figure" in wildcards.keys():
        stage = STAGE_FIGURES[wildcards.stage_figure]
    else:
        stage = CLUSTERS[CLUSTER_FIGURES[wildcards.cluster_figure]]["stage"]
    return {model: prediction_tables("this_work", model, variant_of(wildcards), stage)[0] for model in MODELS}


def packed_inputs(wildcards):
    """What goes into the file of a model for users."""
    ensembles = {stage: networks("this_work", wildcards.model, PRETRAINED_VARIANT, stage) for stage in STAGES}
    return ensembles | {
        "tracks": "<results>/mist/tracks.parquet",
        "zams": "<results>/mist/zams.parquet",
        "samples": list(TRANSFER_SAMPLES.values()) if wildcards.model == "transfer" else [],
    }


def exact_cube(wildcards):
    """The cube of isochrones, where the posterior is to be exact."""
    return ["<results>/models/posterior/cube.safetensors"] if wildcards.method == "exact-grid" else []


def stage_shown(wildcards):
    """What the report says of the figure of a stage."""
    return f"predictions, {STAGE_FIGURES[wildcards.stage_figure]}-ZAMS"


def cluster_shown(wildcards):
    """What the report says of the figure of a cluster."""
    return CLUSTERS[CLUSTER_FIGURES[wildcards.cluster_figure]]["label"]


def table_files(name):
    """The three files of a table; the report lists the first."""
    csv = report(f"<results>/tables/{name}.csv", caption=f"../report/{name}.rst", category="Tables")
    return {"csv": csv, "md": f"<results>/tables/{name}.md", "tex": f"<results>/tables/{name}.tex"}


def figure_files(name, caption, shows):
    """The two files of a figure; the report lists the second. `shows` may be a function of the wildcards."""

    def labels(wildcards):
        return {
            "figure": Path(name.format(**dict(wildcards.items()))).name.removeprefix("fig"),
            "shows": shows(wildcards) if callable(shows) else shows,
            "variant": variant_of(wildcards) if "figures" in wildcards.keys() else "all",
        }

    png = report(
        f"<results>/{name}.png", caption=f"../report/{caption}.rst", category="Figures", labels=labels
    )
    return {"pdf": f"<results>/{name}.pdf", "png": png}


def star_list(wildcards):
    """The file of a star list."""
    return star_list_path(STARS[wildcards.star_list])


def star_list_model(wildcards):
    """The model that a list is shown to: a file, or by its name one of this run."""
    model = STARS[wildcards.star_list]["model"]
    return f"<results>/pretrained/{model}.safetensors" if model in PACKAGED else model


def star_list_pieces(wildcards):
    """The pieces that a list is answered in."""
    name = wildcards.star_list
    return [f"<results>/stars/{name}/{piece}.parquet" for piece in range(STAR_PIECES[name])]


def star_list_path(block):
    """The file of a list, which may lie with the results."""
    return block["path"].replace("{output_dir}", OUT)


def star_list_rows(block):
    """Number of rows of a list, which its file or, where that is yet to be made, `rows` says."""
    if "rows" in block:
        return block["rows"]
    from stelnet.starlists.parquet_list import count_rows  # slow to import

    return count_rows(star_list_path(block))


# list -> number of its pieces, known before anything is planned
try:
    STAR_PIECES = {
        name: max(1, -(-star_list_rows(block) // block["rows_per_job"])) for name, block in STARS.items()
    }
except StelnetError as error:
    raise WorkflowError(f"configuration: star_lists: {error}")


# --- resources beyond those of profiles/*/config.yaml ------------------------------------------------------------------


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


def star_list_minutes(wildcards, attempt):
    """Ample minutes for the rows of one piece."""
    return attempt * (10 + STARS[wildcards.star_list]["rows_per_job"] // 40_000)
