"""Baseline training: a network is a function of its own name and the training rows, whatever its company."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from stelnet import configuration
from stelnet.errors import ConfigError, DataError
from stelnet.training import losses, networks, optimisers
from stelnet.training.baseline import Standardisation, train_block
from stelnet.training.networks import ReluMlp, Scaling, load_ensemble, save_network

SETTINGS = {
    "network": "relu_mlp",
    "hidden_layers": 2,
    "hidden_width": 8,
    "loss": "huber",
    "optimiser": "muon",
    "learning_rate": 0.01,
    "batch_size": 32,
    "epochs": 2,
    "device": "cpu",
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More threads only wait for each other on matrices as small as these."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Points of made-up tracks: smooth functions of mass and age, along a narrow strip as real ones are."""
    rng = np.random.default_rng(3)
    log_mass, log_age = rng.uniform(-1, 2, 413), rng.uniform(5, 10, 413)
    log_lum = 3.5 * log_mass - 0.2 * (log_age - 7)
    log_teff = 3.76 + 0.13 * log_lum + 0.02 * np.sin(log_age)
    table = pd.DataFrame({"log_teff": log_teff, "log_lum": log_lum, "log_age": log_age, "log_mass": log_mass})
    return table.assign(test_rows=np.arange(413) % 5 == 0)


@pytest.fixture(scope="module")
def scaling(rows) -> Scaling:
    return Scaling(
        {name: (rows[name].min(), rows[name].max()) for name in networks.INPUTS + networks.OUTPUTS}
    )


@pytest.fixture(scope="module")
def train(rows, scaling):
    def train(boots, table=rows, seed=1, names=("baseline", "pre"), **settings):
        held_out = table["test_rows"].to_numpy()
        return train_block(table, held_out, scaling, boots, SETTINGS | settings, seed, names)

    return train


def same(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("optimiser", optimisers.OPTIMISERS)
@pytest.mark.parametrize("loss", losses.LOSSES)
def test_a_network_is_the_same_to_the_bit_in_every_block(train, loss, optimiser):
    # 331 training rows in batches of 32: the last batch is ragged
    settings = {"loss": loss, "optimiser": optimiser}
    together, log = train([0, 1, 2, 3, 4], **settings)
    for boots in ([3], [3, 1], [8, 9, 3]):
        block, part = train(boots, **settings)
        assert same(block.select([boots.index(3)]), together.select([3]))
        columns = ["train_loss", "test_loss"]
        np.testing.assert_array_equal(part.loc[part.boot == 3, columns], log.loc[log.boot == 3, columns])


def test_training_is_reproducible_and_leaves_global_randomness_alone(train):
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first, log = train([0, 1])
    second, again = train([0, 1])
    assert same(first, second)
    pd.testing.assert_frame_equal(log, again)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002


def test_seed_name_and_number_tell_networks_apart(train):
    variants = [
        train([0])[0],
        train([1])[0],
        train([0], seed=2)[0],
        train([0], names=("baseline", "post"))[0],
        train([0], names=("baseline_tracks", "pre"))[0],
    ]
    assert len({tuple(network.weights[0].flatten().tolist()) for network in variants}) == len(variants)


def test_held_out_rows_have_no_influence(train, rows):
    other = rows.copy()
    other.loc[other.test_rows, "log_age"] = 7.0
    one, log = train([0])
    two, again = train([0], table=other)
    assert same(one, two)
    assert (log.train_loss == again.train_loss).all()
    assert (log.test_loss != again.test_loss).all()


def test_bootstraps_are_drawn_with_replacement(train, rows, monkeypatch):
    drawn = []

    def loss(prediction, target):
        drawn.append(target[0].tolist())
        return losses.mse(prediction, target)

    monkeypatch.setitem(losses.LOSSES, "spy", loss)
    monkeypatch.setattr("stelnet.training.baseline.CHUNK", 10_000)
    count = int((~rows.test_rows).sum())
    train([0], loss="spy", batch_size=count)
    # each epoch: one batch of training rows, then the held-out rows
    first, second = ({tuple(row) for row in batch} for batch in drawn[::2])
    assert first == second
    assert 0.55 < len(first) / count < 0.72  # 1 - 1/e on average


def test_log_tells_both_losses_by_epoch_and_network(train):
    network, log = train([4, 7], epochs=20, learning_rate=0.03)
    assert list(log.columns) == ["epoch", "boot", "train_loss", "test_loss"]
    assert log[["epoch", "boot"]].to_numpy().tolist() == [[e, b] for e in range(1, 21) for b in (4, 7)]
    last, first = log[log.epoch == 20], log[log.epoch == 1]
    assert (last.test_loss.to_numpy() < 0.5 * first.test_loss.to_numpy()).all()
    assert len(network) == 2


def test_last_loss_is_that_of_the_returned_networks(train, rows, scaling):
    network, log = train([0, 1])
    inputs = scaling.inputs(rows.log_teff, rows.log_lum)
    outputs = scaling.outputs(rows.log_age, rows.log_mass)
    held_out = rows.test_rows.to_numpy()
    standard = Standardisation.of(inputs[~held_out], outputs[~held_out])
    predicted = network.predict(rows.log_teff[held_out], rows.log_lum[held_out])
    for boot in range(2):
        error = (scaling.outputs(*predicted[boot].T) - outputs[held_out]) / standard.deviation
        smooth = np.where(np.abs(error) < 0.01, error**2 / 0.02, np.abs(error) - 0.005).mean()
        assert log[log.boot == boot].test_loss.iat[-1] == pytest.approx(smooth, rel=1e-4)


def test_folding_changes_predictions_by_less_than_a_hundred_thousandth_dex(rows, scaling):
    inputs = scaling.inputs(rows.log_teff, rows.log_lum)
    outputs = scaling.outputs(rows.log_age, rows.log_mass)
    standard = Standardisation.of(inputs, outputs)
    raw = ReluMlp.initial(10, 50, scaling, [np.random.default_rng(i) for i in range(4)])
    with torch.no_grad():
        for weight in raw.weights:
            weight.mul_(2)  # as steep as trained networks are
        x, _ = standard.apply(inputs, outputs)
        expected = scaling.unscale(raw(x).double().numpy() * standard.deviation + standard.mean)
    assert np.ptp(expected, axis=1).min() > 0.01
    np.testing.assert_allclose(standard.fold(raw).predict(rows.log_teff, rows.log_lum), expected, atol=1e-5)


def test_standardised_rows_are_white(rows, scaling):
    inputs = scaling.inputs(rows.log_teff, rows.log_lum)
    outputs = scaling.outputs(rows.log_age, rows.log_mass)
    x, y = Standardisation.of(inputs, outputs).apply(inputs, outputs)
    np.testing.assert_allclose(np.cov(x.numpy().T), np.eye(2), atol=1e-3)
    np.testing.assert_allclose(y.numpy().std(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose([*x.numpy().mean(axis=0), *y.numpy().mean(axis=0)], 0, atol=1e-4)


def test_rows_that_cannot_be_standardised_are_refused(train, rows):
    with pytest.raises(DataError, match="too few"):
        train([0], table=rows.assign(test_rows=True))
    with pytest.raises(DataError, match="does not vary"):
        train([0], table=rows.assign(log_mass=0.0))


def test_cuda_that_is_not_there_is_told(train, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"training\.device"):
        train([0], device="cuda")


def test_loss_that_diverges_is_told(train):
    with pytest.raises(ConfigError, match=r"training\.learning_rate"):
        train([0], learning_rate=1e30)


def test_new_network_and_loss_are_one_registered_name_each(train, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "NETWORKS", networks.NETWORKS | {})
    monkeypatch.setattr("stelnet.training.baseline.NETWORKS", networks.NETWORKS)
    monkeypatch.setattr(losses, "LOSSES", losses.LOSSES | {})
    monkeypatch.setattr("stelnet.training.baseline.LOSSES", losses.LOSSES)
    added = {
        "networks": '@register("tanh_mlp")\nclass TanhMlp(Ensemble):\n'
        "    def forward(self, x):\n"
        "        hidden = torch.tanh(self.layer(0, x.expand(len(self), -1, -1)))\n"
        "        return self.layer(2, torch.tanh(self.layer(1, hidden)))\n",
        "losses": '@register("quartic")\ndef quartic(prediction, target):\n'
        "    return (prediction - target).pow(4).mean((1, 2))\n",
    }
    for module in (networks, losses):
        name = module.__name__.split(".")[-1]
        copy = tmp_path / f"training/{name}.py"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(module.__file__, copy)
        with open(copy, "a") as file:
            file.write(f"\n\n{added[name]}")
        exec(added[name], vars(module) | {})
    monkeypatch.setattr(configuration, "PACKAGE", tmp_path)
    assert "tanh_mlp" in configuration.registered("training/networks")
    assert "quartic" in configuration.registered("training/losses")
    trained, _ = train([0, 1], network="tanh_mlp", loss="quartic")
    for index in range(2):
        save_network(tmp_path / str(index), trained, index, {"simulated": "true"})
    loaded = load_ensemble([tmp_path / "0", tmp_path / "1"])
    assert type(loaded).__name__ == "TanhMlp"
    assert same(loaded, trained)


def test_losses_are_those_of_each_network():
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.rand(3, 40, 2, generator=generator), torch.rand(3, 40, 2, generator=generator)
    prediction[:, :20] = target[:, :20] + 0.005
    expected = {
        "mse": torch.nn.MSELoss(),
        "mae": torch.nn.L1Loss(),
        "huber": torch.nn.SmoothL1Loss(beta=0.01),
    }
    assert set(configuration.registered("training/losses")) == set(losses.LOSSES) == set(expected)
    for name, reference in expected.items():
        each = losses.LOSSES[name](prediction, target)
        assert each.shape == (3,)
        for index in range(3):
            assert each[index] == pytest.approx(reference(prediction[index], target[index]).item())


def test_orthogonalised_matrices_keep_directions_and_lose_lengths():
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(4, 20, 12, generator=generator) * torch.logspace(-6, 6, 4)[:, None, None]
    result = optimisers.orthogonalise(matrices)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    values = (left.mT @ result @ right.mT).diagonal(dim1=1, dim2=2)
    assert values.min() > 0.5
    assert values.max() < 1.3
    assert torch.equal(optimisers.orthogonalise(matrices[2:3]), result[2:3])


def test_muon_moves_hidden_matrices_by_orthogonal_steps_and_the_rest_by_adams():
    generator = torch.Generator().manual_seed(0)
    hidden, thin = torch.zeros(2, 8, 8, requires_grad=True), torch.zeros(2, 2, 8, requires_grad=True)
    optimiser = optimisers.Muon([hidden, thin], lr=0.1)
    for parameter in (hidden, thin):
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    signs = thin.grad.sign()
    optimiser.step()
    assert torch.allclose(thin, -0.1 * signs, atol=1e-4)
    lengths = torch.linalg.svdvals(hidden.detach())
    assert 0.3 * 0.5 < lengths.min() < lengths.max() < 0.3 * 1.3


def test_unknown_optimiser_is_refused_by_the_schema():
    schema = configuration.yaml.safe_load((configuration.SCHEMAS / "config.schema.yaml").read_text())
    for block in ("training", "transfer"):
        assert set(schema["properties"][block]["properties"]["optimiser"]["enum"]) == set(
            optimisers.OPTIMISERS
        )
