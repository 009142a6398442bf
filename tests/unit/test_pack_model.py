"""The script that packs a model: what the file says of itself."""

import json

import numpy as np
import pandas as pd
import pytest
import synthetic_model as synthetic
from script_job import run_script
from typer.testing import CliRunner

from stelnet import configuration
from stelnet.cli import app
from stelnet.data.zams import zams_table
from stelnet.inference.bundle import read_bundle
from stelnet.io import write_table

ABOUT = {
    "data": {"stars": {"title": "Made up", "version": "1", "citations": [{"cite": "Nobody 2026"}]}},
    "licence": "BSD-3-Clause",
    "code": {"train_baseline.py": "0123456789abcdef"},
}
CONFIG = {
    "training": {"epochs": {"pre": 3}},
    "transfer": {"loss": "mse"},
    "mist": {"zams_eep": synthetic.ZAMS_EEP},
    "catalogues": {"stars": {"draw": 1}},
}


@pytest.fixture
def model(tmp_path):
    points, told = synthetic.tracks(), {"simulated": "true"}
    stars = pd.DataFrame({"sample": ["stars", "MIST"], "log_teff": 3.76, "log_lum": 0.05})
    write_table(points, tmp_path / "tracks.parquet", told)
    write_table(zams_table(points, zams_eep=synthetic.ZAMS_EEP, end_eep=35), tmp_path / "zams.parquet", told)
    write_table(stars, tmp_path / "sample.parquet", told)
    target = tmp_path / "transfer.safetensors"
    run_script(
        "pack_model",
        tmp_path,
        input={stage: synthetic.networks(tmp_path, stage) for stage in synthetic.BOUNDS}
        | {name: tmp_path / f"{name}.parquet" for name in ("tracks", "zams")}
        | {"samples": [tmp_path / "sample.parquet"] * 2},
        output={"model": target},
        params={"about": ABOUT},
        config=CONFIG,
        wildcards={"model": "transfer"},
    )
    return target


def test_file_of_a_model_tells_how_it_was_made(model):
    metadata = read_bundle(model).metadata
    assert {key: metadata[key] for key in ABOUT} == ABOUT
    assert metadata["training"] == configuration.flatten(CONFIG)
    assert metadata["versions"]["numpy"] == np.__version__
    assert metadata["commit"]


def test_command_shows_what_a_file_tells(model):
    result = CliRunner().invoke(app, ["models", str(model)])
    assert result.exit_code == 0
    assert json.loads(result.output)["training"] == configuration.flatten(CONFIG)
    assert CliRunner().invoke(app, ["models", "nothing"]).exit_code == 2
