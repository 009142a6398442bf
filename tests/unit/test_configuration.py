"""A wrong configuration stops with the key's name and what is allowed."""

import copy
from pathlib import Path

import pytest
import yaml

from stelnet import configuration
from stelnet.errors import ConfigError

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())

STARS = {
    "path": "a.parquet",
    "model": "transfer",
    "stage": None,
    "method": "auto",
    "rows_per_job": 16384,
    "format": "csv",
}


def changed(path: str, value) -> dict:
    """The shipped configuration with one key set, e.g. ``changed("training.bootstraps", -1)``."""
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    block = config
    for parent in parents:
        block = block[parent]
    block[last] = value
    return config


def test_shipped_configuration_is_valid():
    configuration.check(CONFIG, DATASETS)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("training.bootstrap", 20, "training: unknown key bootstrap; allowed are bootstraps, "),
        ("training.bootstraps", -1, "training.bootstraps: -1 is less than the minimum of 1"),
        ("training.bootstraps", "many", "training.bootstraps: 'many' is not of type 'integer'"),
        ("training.loss", "hubber", "training.loss: 'hubber' is not registered"),
        ("training.network", "cnn", "training.network: 'cnn' is not registered"),
        ("training.device", "tpu", "training.device: 'tpu' is not one of ['cpu', 'cuda']"),
        ("catalogues.DH.stage", "main", "catalogues.DH.stage: 'main' is not one of ['pre', 'post']"),
        ("catalogues.DH.adapter", "nobody", "catalogues.DH.adapter: no module 'nobody'"),
        (
            "catalogues.GR.source",
            "vizier",
            "catalogues.GR.source: 'vizier' has no inputs; allowed are assembled",
        ),
        ("catalogues.ONC.inputs.assembled.table", "orion", "'orion' is not in resources/datasets.yaml"),
        (
            "transfer.start_bootstrap",
            20,
            "transfer.start_bootstrap: must be below training.bootstraps, which is 20",
        ),
        ("mist.end_eep", 900, "mist.end_eep: must lie above zams_eep and not above last_eep"),
        ("variants", ["corrected"], "report_variant: 'published' is not built; allowed are corrected"),
        ("variants", ["publishd"], "variants.0: 'publishd' is not one of ['published', 'corrected']"),
        ("simulated", True, "output_dir: simulated results, and only they, go to a folder named 'demo'"),
        ("output_dir", "results/demo", "output_dir: simulated results, and only they"),
        ("seed", None, "seed: None is not of type 'integer'"),
        ("star_lists.Mine", STARS | {"path": "a.csv"}, "star_lists.Mine.path: 'a.csv' does not match"),
        ("star_lists.Mine", STARS | {"model": "best"}, "star_lists.Mine.model: 'best' does not match"),
        (
            "star_lists.Mine",
            STARS | {"rows_per_job": 1000},
            "star_lists.Mine.rows_per_job: 1000 is less than the minimum of 16384",
        ),
        (
            "training.bootstraps",
            10**9,
            "training.bootstraps: 1000000000 is greater than the maximum of 10000",
        ),
        ("posterior.draws", 10**9, "posterior.draws: 1000000000 is greater than the maximum"),
        ("max_abs_feh", float("nan"), "max_abs_feh: nan is no number that can be used"),
        ("training.learning_rate", float("inf"), "training.learning_rate: inf is no number"),
        ("star_lists.mine", STARS | {"feh": float("nan")}, "star_lists.mine.feh: nan is no number"),
        (
            "star_lists.mine",
            STARS | {"path": "a.parquet\n"},
            "star_lists.mine.path: 'a.parquet\\n' holds control",
        ),
        ("star_lists.abc\n", STARS, "star_lists: key 'abc\\n' is no plain text"),
        ("clusters", {1: {}}, "clusters: key 1 is no plain text"),
        ("catalogues.dh", CONFIG["catalogues"]["DH"], "catalogues.dh: differs by case only from sample DH"),
        ("clusters.onc", CONFIG["catalogues"]["ONC"], "clusters.onc: "),
        (
            "star_lists",
            {"Mine": STARS, "mine": STARS},
            "star_lists.mine: differs by case only from star list Mine",
        ),
        ("variants", ["x" * 100_000], " ..."),
        ("star_lists.Mine", STARS | {"row": 3}, "star_lists.Mine: unknown key row; allowed are path, rows, "),
    ],
)
def test_wrong_value_is_named(path, value, told):
    with pytest.raises(ConfigError) as error:
        configuration.check(changed(path, value), DATASETS)
    assert told in str(error.value)


def test_lists_that_multiply_come_to_an_end():
    multiplied: list = ["x"]
    for _ in range(40):
        multiplied = [multiplied] * 10
    with pytest.raises(ConfigError, match="holds more than 100000 values, or too deep ones"):
        configuration.check(changed("variants", multiplied), DATASETS)
    multiplied.append(multiplied)
    with pytest.raises(ConfigError, match="holds more than 100000 values, or too deep ones"):
        configuration.check(changed("variants", multiplied), DATASETS)


def test_messages_are_short():
    with pytest.raises(ConfigError) as error:
        configuration.check(changed("variants", ["x" * 100_000]), DATASETS)
    assert len(str(error.value)) < 1000


def test_missing_key_is_named():
    config = copy.deepcopy(CONFIG)
    del config["training"]["epochs"]
    with pytest.raises(ConfigError, match="training: missing key epochs"):
        configuration.check(config, DATASETS)


def test_environment_goes_before_the_configured_mirror(monkeypatch):
    monkeypatch.delenv("STELNET_MIRROR", raising=False)
    assert configuration.mirror(CONFIG) is None
    assert configuration.mist_source(CONFIG) == "tarball"
    assert configuration.mirror(changed("mirror", "/data")) == "/data"
    monkeypatch.setenv("STELNET_MIRROR", "/elsewhere")
    assert configuration.mirror(changed("mirror", "/data")) == "/elsewhere"
    assert configuration.mist_source(CONFIG) == "table"
    assert configuration.mist_source(changed("mist.source", "tarball")) == "tarball"


def test_isochrones_come_from_the_archive_only_where_it_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.delenv("STELNET_MIRROR", raising=False)
    assert configuration.isochrones_dataset(CONFIG, DATASETS) == "mist_cube"
    monkeypatch.setenv("STELNET_MIRROR", str(tmp_path))
    assert configuration.isochrones_dataset(CONFIG, DATASETS) == "mist_cube"
    (file,) = DATASETS["mist_isochrones"]["files"]
    (tmp_path / file["mirror"]).parent.mkdir(parents=True)
    (tmp_path / file["mirror"]).touch()
    assert configuration.isochrones_dataset(CONFIG, DATASETS) == "mist_isochrones"
    config = changed("posterior.source", "package")
    assert configuration.isochrones_dataset(config, DATASETS) == "mist_cube"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("age_prior", "young", "star_lists.mine.age_prior: 'young'"),
        ("feh", None, "star_lists.mine.feh"),
        ("method", "exact-grid", "star_lists.mine.method: 'exact-grid' is not one of"),
    ],
)
def test_what_a_star_list_cannot_ask_is_told(key, value, told):
    config = changed("star_lists", {"mine": STARS | {key: value}})
    with pytest.raises(ConfigError, match=told):
        configuration.check(config, DATASETS)


@pytest.mark.parametrize(
    "own", [{"age_prior": "1e6,2e8", "feh": 0.1}, {"feh": "neighbourhood", "model": "posterior"}]
)
def test_a_star_list_chooses_prior_and_metallicity(own):
    configuration.check(changed("star_lists", {"mine": STARS | own}), DATASETS)
