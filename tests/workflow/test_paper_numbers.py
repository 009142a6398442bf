"""The published networks, run through this library on its standard tables, give the numbers of the paper."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT

from stelnet.catalogues import standardise, standardise_cluster
from stelnet.evaluation import tables
from stelnet.evaluation.scores import cluster_statistics, consistent_fractions, pearson, predictions
from stelnet.training.published import read_published

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
PRINTED = ROOT / "resources/published.yaml"


def of_stage(blocks: str, stage: str) -> dict[str, dict]:
    return {name: block for name, block in CONFIG[blocks].items() if block["stage"] == stage}


def files(mirror: Path, block: dict) -> dict[str, Path]:
    """Role -> file in the mirror of the assembled tables."""
    datasets = block["inputs"]["assembled"]
    return {role: mirror / DATASETS[name]["files"][0]["mirror"] for role, name in datasets.items()}


@pytest.fixture(scope="module")
def stars(mirror) -> dict[str, dict[str, pd.DataFrame]]:
    """Stage -> catalogue or cluster -> standard table, as assembled for the paper."""
    common = {"source": "assembled", "vizier": {}}
    tables = {"pre": {}, "post": {}}
    for stage, samples in tables.items():
        for name, block in of_stage("catalogues", stage).items():
            vizier = {
                role: DATASETS[dataset]["vizier"]
                for role, dataset in block["inputs"]["assembled"].items()
                if "vizier" in DATASETS[dataset]
            }
            samples[name], _ = standardise(
                block["adapter"], files(mirror, block), catalogue=name, stage=stage, variant="published",
                max_abs_feh=CONFIG["max_abs_feh"], **common | {"vizier": vizier},
            )  # fmt: skip
        for name, block in of_stage("clusters", stage).items():
            samples[name], _ = standardise_cluster(
                block["adapter"], files(mirror, block), cluster=name, stage=stage, names=block["names"],
                zams=None, **common,
            )  # fmt: skip
    return tables


@pytest.fixture(scope="module")
def predicted(mirror, stars) -> dict[tuple[str, str], pd.DataFrame]:
    """(model, stage) -> predictions of the published networks for all samples of the stage."""
    published = [file["mirror"] for file in DATASETS["published_networks"]["files"]]
    paths = {Path(name).name: mirror / name for name in published}
    return {
        (model, stage): predictions(stars[stage], read_published(paths, model, stage).predict)
        for model in ("baseline", "transfer")
        for stage in ("pre", "post")
    }


@pytest.mark.parametrize(
    ("catalogue", "stage", "rows"),
    [
        ("DH", "post", 1869),
        ("FGK", "post", 13),
        ("GR", "post", 340),
        ("ONC", "pre", 551),
        ("NGC6530", "pre", 580),
    ],
)
def test_samples_have_the_size_that_the_paper_tells(stars, catalogue, stage, rows):
    assert len(stars[stage][catalogue]) == rows


@pytest.mark.parametrize("model", ["baseline", "transfer"])
def test_table_1_comes_out_to_the_last_printed_digit(predicted, model):
    printed = tables.paper_rows(PRINTED, "table1").query("model == @model")
    ours = consistent_fractions(
        predicted[model, "post"], ["FGK", "DH", "GR"], CONFIG["evaluation"]["max_log_tau"]
    )
    ours = ours.set_index(["sample", "quantity"])
    assert len(printed) == len(ours) == 6
    for row in printed.itertuples():
        assert f"{ours.fraction[row.sample, row.quantity]:.3f}" == f"{row.fraction:.3f}", row
    assert ours.n.groupby("sample").unique().map(list).to_dict() == {"FGK": [12], "DH": [1869], "GR": [340]}


@pytest.mark.parametrize("model", ["baseline", "transfer"])
@pytest.mark.parametrize(("stage", "n"), [("post", 2222), ("pre", 1131)])
def test_pearson_coefficients_come_out_to_the_last_printed_digit(predicted, model, stage, n):
    printed = tables.paper_rows(PRINTED, "pearson").query("model == @model and stage == @stage")
    ours = pearson(predicted[model, stage], of_stage("catalogues", stage)).set_index("quantity")
    assert len(printed) == len(ours) == 2
    for row in printed.itertuples():
        assert f"{ours.r[row.quantity]:.3f}" == f"{row.r:.3f}", row
    assert set(ours.n) == {n}


@pytest.mark.parametrize(
    ("cluster", "stage", "n", "baseline", "transfer"),
    [
        ("Praesepe", "post", 19, ("10.42", "0.058"), ("9.51", "0.052")),
        ("NGC2547", "pre", 69, ("7.63", "0.040"), ("7.66", "0.022")),
    ],
)
def test_clusters_have_the_literature_age_and_the_known_predictions(
    predicted, cluster, stage, n, baseline, transfer
):
    printed = yaml.safe_load(PRINTED.read_text())["clusters"][cluster]
    for model, (age, mae) in {"baseline": baseline, "transfer": transfer}.items():
        (row,) = cluster_statistics(predicted[model, stage], [cluster]).itertuples()
        assert row.n == n
        assert f"{row.log_age_literature:.3f}" == printed["log_age"]
        assert (f"{row.log_age_median:.2f}", f"{row.log_mass_mae:.3f}") == (age, mae)
