"""The packaged models: card, weights, provenance and code agree, and the card's numbers come out again."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

import stelnet
from stelnet import configuration
from stelnet.cards.card import STAGES, Evidence, card, markdown, networks
from stelnet.cards.packing import LIMIT, lineage
from stelnet.cards.scores import assignment, scores
from stelnet.catalogues import standardise, standardise_cluster
from stelnet.cli import app
from stelnet.errors import DataError
from stelnet.files import sha256_file
from stelnet.inference import packaged
from stelnet.inference.bundle import read_bundle
from stelnet.inference.model import Predictions
from stelnet.terms import STAR_COLUMNS

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
FOLDER = ROOT / "resources/pretrained"
ENSEMBLES = {"baseline", "transfer"}
#: The record of what made the packaged files may weigh this much [bytes].
PROVENANCE_LIMIT = 400_000


@pytest.fixture(scope="module")
def listed() -> dict:
    return packaged.read(packaged.CARD, FOLDER)


@pytest.fixture(scope="module")
def provenance() -> dict:
    return packaged.read(packaged.PROVENANCE, FOLDER)


# --- card, weights and code ----------------------------------------------------------------------------


def test_weights_are_those_that_the_card_describes(listed):
    packaged.verify(FOLDER)
    assert listed["models"].keys() >= ENSEMBLES
    assert listed["default"] == packaged.default()
    assert listed["simulated"] is False
    training = CONFIG["training"]
    layers = [2, *[training["hidden_width"]] * training["hidden_layers"], 2]
    for name, model in listed["models"].items():
        path = packaged.weights(name, FOLDER)
        assert path.stat().st_size == model["bytes"]
        if name not in ENSEMBLES:
            assert stelnet.load(name).name == name
            continue
        bundle = read_bundle(path)
        assert bundle.metadata["name"] == name
        assert bundle.metadata["variant"] == model["variant"]
        assert bundle.metadata["simulated"] == "false"
        stage = {"networks": training["bootstraps"], "layers": layers}
        assert networks(path) == model["stages"] == dict.fromkeys(STAGES, stage)


def test_text_is_made_of_the_card(listed):
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == markdown(listed)


def test_card_tells_the_settings_of_the_configuration(listed):
    flat = configuration.flatten(CONFIG)
    assert len(listed["training"]) > 15
    assert listed["training"] == {key: flat[key] for key in listed["training"]}
    for name, block in (CONFIG["catalogues"] | CONFIG["clusters"]).items():
        sample = listed["samples"][name]
        assert (sample["label"], sample["stage"]) == (block["label"], block["stage"])
        assert sample["drawn"] <= block.get("draw", 0)
        titles = [DATASETS[dataset]["title"] for dataset in block["inputs"][block["source"]].values()]
        assert [dataset["title"] for dataset in sample["datasets"]] == titles


def test_package_is_small(listed):
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    names = {
        "models.json",
        "README.md",
        "provenance.json",
        *(f"{name}.safetensors" for name in listed["models"]),
    }
    assert {path.name for path in files} == names
    assert sum(path.stat().st_size for path in files) < LIMIT
    assert (FOLDER / packaged.PROVENANCE).stat().st_size < PROVENANCE_LIMIT


# --- provenance ----------------------------------------------------------------------------------------


def test_provenance_is_that_of_the_packaged_files(listed, provenance):
    assert provenance["files"].keys() == {path.name for path in FOLDER.iterdir()} - {packaged.PROVENANCE}
    for name, file in provenance["files"].items():
        assert file["sha256"] == sha256_file(FOLDER / name)
        assert file["sha256"] == provenance["outputs"][file["output"]]["sha256"]
    made = {output["sha256"] for output in provenance["outputs"].values()}
    for model in ENSEMBLES:
        for digests in read_bundle(packaged.weights(model, FOLDER)).metadata["networks"].values():
            assert set(digests) <= made


def test_provenance_goes_down_to_raw_files_that_are_registered(listed, provenance):
    outputs, jobs = provenance["outputs"], provenance["jobs"]
    queue = [provenance["files"][model["file"]]["output"] for model in listed["models"].values()]
    seen, raw = set(), set()
    while queue:
        name = queue.pop()
        if name in seen or name not in outputs:
            assert name in seen or (ROOT / name).is_file(), f"{name} has no record"
            continue
        seen.add(name)
        job = jobs[outputs[name]["job"]]
        assert re.fullmatch("[0-9a-f]{40}", provenance["runs"][job["run"]]["commit"])
        assert provenance["code"][job["code"]]
        for path, digest in job["inputs"].items():
            assert path not in outputs or outputs[path]["sha256"] == digest
        queue += job["inputs"]
        if "source" in outputs[name]:
            raw.add(name)
            files = DATASETS[outputs[name]["source"]["dataset"]]["files"]
            assert outputs[name]["sha256"] in [file["sha256"] for file in files]
            assert outputs[name]["source"]["citations"]
        else:
            assert job["inputs"], f"{name} was made from nothing"
    names = {name.split("/")[1] for name in raw}
    used = {
        dataset
        for block in CONFIG["catalogues"].values()
        for dataset in block["inputs"][block["source"]].values()
    }
    assert names >= used
    assert any(name.startswith("mist_") for name in names)


def test_provenance_knows_no_place_on_a_machine(provenance):
    assert not re.findall(r'"/[^"/]+/[^"]*"', json.dumps(provenance))


def test_lineage_keeps_once_what_records_share():
    job = {
        "rule": "r", "wildcards": {}, "script": {"path": "s.py", "sha256": "0"}, "seed": 1, "ended": "now",
        "wall_seconds": 1.0, "config": {"keys": ["a"], "values": {"a": 1}}, "modules": {"m.py": "1"},
        **dict.fromkeys(
            ("commit", "dirty", "repository", "configuration", "environment"), "x"
        ),
        **dict.fromkeys(
            ("python", "platform", "cpu", "gpu"), "x"
        ),
    }  # fmt: skip
    records = {
        f"out{i}": {
            "output": {"path": f"out{i}", "sha256": str(i), "bytes": i}, "job": job,
            "inputs": {"in": {"sha256": "2", "id": "3"}}, "resources": {"res": {"sha256": "4"}},
        }
        for i in range(3)
    }  # fmt: skip
    flat = lineage(records)
    assert len(flat["jobs"]) == len(flat["code"]) == len(flat["runs"]) == 1
    assert flat["jobs"][0]["inputs"] == {"in": "2", "res": "4"}
    assert flat["jobs"][0]["config"] == {"a": 1}
    assert flat["outputs"]["out2"] == {"sha256": "2", "bytes": 2, "job": 0}


# --- numbers -------------------------------------------------------------------------------------------


class Made:
    """A made-up model: the reported value is drawn from the posterior that it states, `width` too narrow."""

    metallicities = False

    def __init__(self, reported: np.ndarray, width: float = 1.0) -> None:
        noise = np.random.default_rng(3).normal(size=reported.shape)
        self.medians, self.width = reported + 0.1 * noise, 0.1 * width
        self.stages = []

    def predict(self, log_teff, log_lum, e_log_teff, e_log_lum, *, stage=None, **_):
        self.stages.append(stage)
        columns = {"p_pre": np.full(len(log_teff), 0.25)}
        ends = {"median": 0, "p16": -0.994, "p84": 0.994, "p2_5": -1.96, "p97_5": 1.96}
        for quantity, medians in zip(("age", "mass"), self.medians, strict=True):
            columns |= {f"log_{quantity}_{end}": medians + z * self.width for end, z in ends.items()}
        return Predictions(columns, bits=np.zeros(len(log_teff), np.uint32))


@pytest.fixture
def stars() -> pd.DataFrame:
    """1000 made-up stars after the ZAMS; one of them has no reported mass."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({name: rng.uniform(0, 1, 1000) for name in STAR_COLUMNS})
    table["star_id"] = [f"star {i}" for i in range(1000)]
    table["stage"] = "post"
    table.loc[7, "log_mass"] = np.nan
    return table


def reported(stars: pd.DataFrame) -> np.ndarray:
    return stars[["log_age", "log_mass"]].to_numpy().T


def test_intervals_that_are_right_cover_what_they_promise(stars):
    model = Made(reported(stars))
    rows = scores(model, stars, {"star 1", "star 7", "another"})
    assert model.stages == [None, "post"]
    assert [(row["quantity"], row["stage_given"]) for row in rows] == [
        ("age", False), ("mass", False), ("age", True), ("mass", True),
    ]  # fmt: skip
    for row in rows:
        assert row["n"] == (1000 if row["quantity"] == "age" else 999)
        assert row["n_drawn"] == (2 if row["quantity"] == "age" else 1)
        assert abs(row["coverage_68"] - 0.68) < 4 * row["e_coverage_68"] == pytest.approx(0.059, abs=0.002)
        assert abs(row["coverage_95"] - 0.95) < 4 * row["e_coverage_95"]
        assert row["mae"] == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.1)
        assert abs(row["bias"]) < 0.01
        assert row["width"] == pytest.approx(0.0994, abs=1e-4)
        assert row["r"] > 0.9


def test_narrow_intervals_are_found_out(stars):
    assert all(row["coverage_95"] < 0.5 for row in scores(Made(reported(stars), 0.2), stars))


def test_stars_of_one_age_have_no_coefficient(stars):
    stars["log_age"] = 8.0
    age, mass, *_ = scores(Made(reported(stars)), stars)
    assert age["r"] is None
    assert mass["r"] > 0.9


def test_sample_without_reported_values_has_no_score(stars):
    stars["log_mass"] = np.nan
    rows = scores(Made(reported(stars)), stars)
    assert rows[1] == {"quantity": "mass", "stage_given": False, "n": 0, "n_drawn": 0}


def test_assignment_is_the_probability_of_the_stars_own_stage(stars):
    model = Made(reported(stars))
    assert assignment(model, stars) == {"p_stage": 0.75, "flags": {}}
    assert assignment(model, stars.assign(stage="pre"))["p_stage"] == 0.25


# --- finding and verifying -----------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "pretrained"))


def test_another_weight_file_than_the_cards_is_refused(copy):
    path = copy / "transfer.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(DataError, match=r"transfer.safetensors: SHA-256 .* is not that of the card"):
        packaged.verify(copy)
    path.unlink()
    with pytest.raises(DataError, match=r"transfer.safetensors: .* is missing"):
        packaged.verify(copy)


def test_unknown_model_and_broken_card_are_told(copy):
    with pytest.raises(DataError, match="no packaged model 'best'; there are baseline, posterior, transfer"):
        packaged.weights("best", copy)
    (copy / packaged.CARD).write_text("{")
    with pytest.raises(DataError, match=r"models.json: not readable"):
        packaged.weights("transfer", copy)


def test_command_lists_the_models(listed, provenance):
    result = CliRunner().invoke(app, ["models", "--json"])
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert [row["name"] for row in rows.values() if row["default"]] == [packaged.default()]
    for name, model in listed["models"].items():
        assert rows[name]["sha256"] == sha256_file(rows[name]["path"]) == model["sha256"]
        assert rows[name]["trained_on"] == model["trained_on"]
        assert re.fullmatch("[0-9a-f]{40}(-dirty)?", rows[name]["commit"])
    text = CliRunner().invoke(app, ["models"]).output
    for row in rows.values():
        assert row["sha256"][:12] in text
        assert row["path"] in text.replace("\n", "")


@pytest.mark.parametrize(("model", "widest", "mass_off"), [("posterior", 0.8, 0.02), ("transfer", 0.4, 0.03)])
def test_sun_is_as_old_and_heavy_as_it_is(model, widest, mass_off):
    """4.567 Gyr: the oldest solids of the Solar System (Connelly et al. 2012, Science 338, 651)."""
    metals = {"feh": 0.0, "e_feh": 0.05} if model == "posterior" else {}
    errors = {"e_log_teff": 60 / 5772 / np.log(10), "e_log_lum": 0.02 / np.log(10)}
    sun = stelnet.load(model).predict([np.log10(5772)], [0.0], **errors, **metals)
    assert sun["log_age_p16"] < np.log10(4.567e9) < sun["log_age_p84"]
    assert sun["log_age_p84"] - sun["log_age_p16"] < widest
    assert sun["log_mass_p16"] < 0 < sun["log_mass_p84"]
    assert abs(sun["log_mass_median"]) < mass_off


# --- with the real data --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(mirror, listed) -> dict[str, pd.DataFrame]:
    """Catalogue or cluster -> its standard table, made from the mirror by the adapters."""
    variant = listed["models"]["transfer"]["variant"]
    tables = {}
    for name, block in (CONFIG["catalogues"] | CONFIG["clusters"]).items():
        datasets = block["inputs"][block["source"]]
        paths = {role: mirror / DATASETS[key]["files"][0]["mirror"] for role, key in datasets.items()}
        vizier = {
            role: DATASETS[key]["vizier"] for role, key in datasets.items() if "vizier" in DATASETS[key]
        }
        common = {"stage": block["stage"], "source": block["source"], "vizier": vizier}
        if name in CONFIG["catalogues"]:
            common |= {"catalogue": name, "variant": variant, "max_abs_feh": CONFIG["max_abs_feh"]}
            tables[name], _ = standardise(block["adapter"], paths, **common)
        else:
            common |= {"cluster": name, "names": block["names"], "zams": None}
            tables[name], _ = standardise_cluster(block["adapter"], paths, **common)
    return tables


@pytest.mark.parametrize("name", ["baseline", "transfer"])
def test_cards_numbers_come_out_again(real, listed, name):
    """To the stars at an interval's very end: other processors differ in the last bits."""
    model = stelnet.load(name)
    for sample, stars in real.items():
        printed = [row for row in listed["scores"] if (row["model"], row["sample"]) == (name, sample)]
        again = scores(model, stars)
        assert len(printed) == len(again) == 4
        for row, other in zip(printed, again, strict=True):
            keys = ("quantity", "stage_given", "n")
            assert [row[key] for key in keys] == [other[key] for key in keys]
            for percent in (68, 95):
                key = f"coverage_{percent}"
                assert row[key] == pytest.approx(other[key], abs=1e-4 + 2 / row["n"]), (sample, key)
            for key in ("bias", "mae", "median_abs", "width"):
                assert row[key] == pytest.approx(other[key], abs=0.002), (sample, key)
        assert len(stars) == listed["samples"][sample]["n"]


def test_card_of_other_evidence_is_another(listed):
    """Simulated and real models never share a card."""

    class Marked:
        def __init__(self, simulated: bool) -> None:
            self.simulated = simulated

    models = {"a": (Marked(True), "a"), "b": (Marked(False), "b")}
    drawn = {"pre": pd.DataFrame({"sample": [], "star_id": []})}
    with pytest.raises(DataError, match="Simulated and real models must not share a card"):
        card(Evidence(models, {}, drawn, {}, pd.DataFrame()), {}, {}, {}, {})
