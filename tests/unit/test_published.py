"""Published networks in the authors' format, made up here: read as ours, or refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from stelnet.errors import DataError
from stelnet.training.networks import load_ensemble, save_network
from stelnet.training.published import NAMES, read_published

LOW, HIGH = np.array([3.4, -3.0, 4.0, -1.0]), np.array([5.4, 6.8, 12.5, 2.5])


class Net(nn.Module):
    """As the authors wrote theirs, but smaller."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, 2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for linear in self.linears[:-1]:
            x = torch.relu(linear(x))
        return self.linears[-1](x)


@pytest.fixture
def networks() -> list[Net]:
    torch.manual_seed(0)
    return [Net() for _ in range(12)]


@pytest.fixture
def files(tmp_path, networks):
    for i, network in enumerate(networks):
        torch.save(network.state_dict(), tmp_path / f"mist_baseline_postMS{i}")
    np.save(tmp_path / "norm_min_postMS.npy", LOW)
    np.save(tmp_path / "norm_max_postMS.npy", HIGH)
    # the other stage's and model's files must not be taken for these
    torch.save(Net(3).state_dict(), tmp_path / "mist_baseline_preMS0")
    torch.save(Net(3).state_dict(), tmp_path / "FGK_DH_GR_xtra_lowhighmassMIST0")
    return {path.name: path for path in tmp_path.iterdir()}


def test_networks_predict_what_the_authors_do(files, networks, tmp_path):
    stars = np.random.default_rng(0).uniform(LOW[:2], HIGH[:2], (30, 2))
    scaled = torch.from_numpy((stars - LOW[:2]) / (HIGH - LOW)[:2]).float()
    with torch.no_grad():
        expected = torch.stack([network(scaled) for network in networks]).double().numpy()
    expected = expected * (HIGH - LOW)[2:] + LOW[2:]
    ensemble = read_published(files, "baseline", "post")
    np.testing.assert_allclose(ensemble.predict(*stars.T), expected, atol=1e-5)
    # and after a journey through our own files, bit by bit
    paths = [tmp_path / f"{i}.safetensors" for i in range(len(ensemble))]
    for i, path in enumerate(paths):
        save_network(path, ensemble, i, {"simulated": "false"})
    np.testing.assert_array_equal(load_ensemble(paths).predict(*stars.T), ensemble.predict(*stars.T))


def test_each_registered_network_belongs_to_one_ensemble_of_twenty():
    datasets = yaml.safe_load((Path(__file__).parents[2] / "resources/datasets.yaml").read_text())
    names = [file["name"] for file in datasets["published_networks"]["files"]]
    expected = [f"{prefix}{boot}" for prefix in NAMES.values() for boot in range(20)]
    assert sorted(name for name in names if not name.endswith(".npy")) == sorted(expected)


def refused(files, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read_published(files, "baseline", "post")


def test_a_missing_file_is_named(files):
    for name in ("mist_baseline_postMS3", "norm_max_postMS.npy"):
        refused(
            {key: path for key, path in files.items() if key != name}, name if "norm" in name else "postMS3"
        )
    refused({}, "lacks mist_baseline_postMS0, norm_min_postMS.npy")


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>"])
def test_a_damaged_network_is_named(files, content):
    files["mist_baseline_postMS3"].write_bytes(content)
    refused(files, "postMS3: not a published network .*delete it")


def test_a_network_of_other_shape_or_names_is_refused(files):
    torch.save(Net(7).state_dict(), files["mist_baseline_postMS3"])
    refused(files, "postMS3: its layers differ in shape")
    torch.save({"a.weight": torch.zeros(2, 2), "a.bias": torch.zeros(2)}, files["mist_baseline_postMS3"])
    refused(files, "postMS3: not a published network")


def test_code_in_a_network_file_is_not_run(files):
    torch.save(Net(), files["mist_baseline_postMS3"])  # a whole module, which needs unpickling
    refused(files, "postMS3: not a published network")


def test_bounds_of_other_shape_or_format_are_refused(files):
    np.save(files["norm_min_postMS.npy"], LOW[:3])
    refused(files, r"norm_min_postMS.npy: holds an array of shape \(3,\)")
    np.save(files["norm_min_postMS.npy"], np.array([None] * 4), allow_pickle=True)
    refused(files, "norm_min_postMS.npy: not readable")
    files["norm_min_postMS.npy"].write_bytes(b"")
    refused(files, "norm_min_postMS.npy: not readable")
