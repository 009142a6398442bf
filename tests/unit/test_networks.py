"""Stacked networks: scaling, prediction, files."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from stelnet import configuration
from stelnet.errors import DataError
from stelnet.training.networks import (
    NETWORKS,
    Ensemble,
    ReluMlp,
    Scaling,
    load_ensemble,
    read_metadata,
    save_network,
)

BOUNDS = {"log_teff": [3.4, 4.8], "log_lum": [-3.0, 6.8], "log_age": [2.0, 9.2], "log_mass": [-1.0, 2.5]}
METADATA = {"stage": "pre", "boot": "0", "simulated": "true", "seed": "1"}


def ensemble(count: int = 3, bounds: dict = BOUNDS, width: int = 8) -> ReluMlp:
    return ReluMlp.initial(2, width, Scaling(bounds), [np.random.default_rng(i) for i in range(count)])


def stars(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.uniform(3.4, 4.8, n), rng.uniform(-3, 6.8, n)


@pytest.fixture
def files(tmp_path):
    networks = ensemble()
    paths = [tmp_path / f"{index}.safetensors" for index in range(3)]
    for index, path in enumerate(paths):
        save_network(path, networks, index, METADATA | {"boot": str(index)})
    return paths


unit = st.floats(0, 1)


@given(st.lists(st.tuples(unit, unit), min_size=1, max_size=5))
def test_scaling_and_unscaling_are_inverse(rows):
    scaling, scaled = Scaling(BOUNDS), np.array(rows)
    values = scaling.unscale(scaled)
    np.testing.assert_allclose(scaling.outputs(*values.T), scaled, atol=1e-12)


def test_bounds_are_scaled_to_zero_and_one():
    scaling = Scaling(BOUNDS)
    np.testing.assert_array_equal(
        scaling.inputs(*zip([3.4, -3.0], [4.8, 6.8], strict=True)), [[0, 0], [1, 1]]
    )
    np.testing.assert_array_equal(scaling.unscale(np.array([[0.0, 1.0]])), [[2.0, 2.5]])


@pytest.mark.parametrize("wrong", [{"log_age": [9.2, 2.0]}, {"log_age": [2.0]}, {"log_age": ["low", "high"]}])
def test_impossible_bounds_are_refused(wrong):
    with pytest.raises(DataError, match="bounds"):
        Scaling(BOUNDS | wrong)
    with pytest.raises(DataError, match="log_mass"):
        Scaling({name: limits for name, limits in BOUNDS.items() if name != "log_mass"})


def test_predictions_are_those_of_each_network_in_float64():
    networks, (log_teff, log_lum) = ensemble(), stars()
    predicted = networks.predict(log_teff, log_lum)
    assert predicted.shape == (3, 50, 2)
    assert predicted.dtype == np.float64
    for index in range(3):
        x = (np.column_stack([log_teff, log_lum]) - [3.4, -3.0]) / [1.4, 9.8]
        for layer, (weight, bias) in enumerate(zip(networks.weights, networks.biases, strict=True)):
            x = x @ weight[index].detach().double().numpy() + bias[index].detach().double().numpy()
            x = np.maximum(x, 0) if layer < 2 else x
        np.testing.assert_allclose(predicted[index], [2.0, -1.0] + x * [7.2, 3.5], atol=1e-5)


def test_close_stars_are_told_apart():
    """Inputs cast to float32 before they are scaled would be some 2e-7 apart at the least."""
    networks = ensemble()
    with torch.no_grad():
        networks.weights[0].mul_(1000)
    log_teff = 3.4 + np.array([1e-8, 2e-8])
    first, second = networks.predict(log_teff, np.full(2, -3.0))[0]
    assert (first != second).any()


def test_predictions_do_not_depend_on_the_number_of_stars(monkeypatch):
    networks, (log_teff, log_lum) = ensemble(), stars()
    whole = networks.predict(log_teff, log_lum)
    monkeypatch.setattr("stelnet.training.networks.CHUNK", 7)
    np.testing.assert_allclose(networks.predict(log_teff, log_lum), whole, atol=1e-6)


def test_shared_and_separate_inputs_agree():
    networks, x = ensemble(), torch.rand(10, 2)
    assert torch.equal(networks(x), networks(torch.stack([x] * 3)))


def test_initial_weights_depend_on_their_own_generator_alone():
    for together, alone in zip(ensemble(3).parameters(), ensemble(1).parameters(), strict=True):
        assert torch.equal(together[:1], alone)
        assert not torch.equal(together[1], together[0])


def test_selected_networks_are_copies():
    networks, sky = ensemble(), stars()
    chosen = networks.select([2, 2, 0])
    np.testing.assert_array_equal(chosen.predict(*sky), networks.predict(*sky)[[2, 2, 0]])
    with torch.no_grad():
        chosen.weights[0].zero_()
    assert networks.weights[0].abs().min() > 0


def test_loaded_networks_are_those_saved(files):
    loaded = load_ensemble(files)
    assert isinstance(loaded, ReluMlp)
    assert loaded.scaling == Scaling(BOUNDS)
    np.testing.assert_array_equal(loaded.predict(*stars()), ensemble().predict(*stars()))


def test_file_is_a_plain_network_with_metadata(files):
    with safe_open(files[1], "pt") as file:
        assert {name: tuple(file.get_tensor(name).shape) for name in file.keys()} == {  # noqa: SIM118
            "layers.0.weight": (8, 2), "layers.0.bias": (8,), "layers.1.weight": (8, 8),
            "layers.1.bias": (8,), "layers.2.weight": (2, 8), "layers.2.bias": (2,),
        }  # fmt: skip
    metadata = read_metadata(files[1])
    assert json.loads(metadata.pop("bounds")) == BOUNDS
    assert metadata == METADATA | {"boot": "1", "network": "relu_mlp"}


def test_bytes_do_not_depend_on_the_order_of_metadata_or_on_chance(tmp_path):
    many = {f"key {i}": str(i) for i in range(30)} | METADATA
    for name, metadata in {"a": many, "b": dict(reversed(many.items())), "c": many}.items():
        save_network(tmp_path / name, ensemble(), 0, metadata)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    assert (tmp_path / "a").read_bytes().find(b'{"__metadata__"') == 8


@pytest.mark.parametrize(
    ("other", "metadata", "message"),
    [
        (ensemble(1, BOUNDS | {"log_age": [3.0, 9.2]}), METADATA, "bounds"),
        (ensemble(1, width=9), METADATA, "layers"),
        (ensemble(1), METADATA | {"simulated": "false"}, "simulated"),
    ],
)
def test_files_that_are_not_one_ensemble_are_refused(files, tmp_path, other, metadata, message):
    save_network(tmp_path / "other", other, 0, metadata)
    with pytest.raises(DataError, match=f"other: {message} .* differ"):
        load_ensemble([*files, tmp_path / "other"])


def test_files_that_are_no_networks_are_refused(files, tmp_path):
    (tmp_path / "text").write_text("not a network")
    (tmp_path / "cut").write_bytes(files[0].read_bytes()[:-10])
    save_network(tmp_path / "bare", ensemble(), 0, {})
    for name, message in {"text": "", "cut": "", "absent": "", "bare": "no simulated"}.items():
        with pytest.raises(DataError, match=f"{name}: {message}"):
            load_ensemble([tmp_path / name])
    with pytest.raises(DataError, match="no network files"):
        load_ensemble([])


def test_network_that_is_not_registered_is_refused(files, monkeypatch):
    monkeypatch.delitem(NETWORKS, "relu_mlp")
    with pytest.raises(DataError, match="'relu_mlp' is not registered"):
        load_ensemble(files)


def test_configuration_knows_the_registered_names():
    assert configuration.registered("training/networks") == list(NETWORKS)
    assert all(issubclass(network, Ensemble) for network in NETWORKS.values())
