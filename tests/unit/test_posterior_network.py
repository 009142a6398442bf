"""The posterior network: numpy computes what torch trained; columns, draws and priors agree."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stelnet.errors import ConfigError, DataError
from stelnet.inference import features
from stelnet.inference.gaussians import Coordinates, Mixtures, _information
from stelnet.inference.mixture_network import CASES, LOG_SD, NUMBERS, MixtureNetwork
from stelnet.inference.observed import FIELD, LEVELS, AgePrior, Observed
from stelnet.terms import LOG_AGE_UNIVERSE
from stelnet.training.posterior_network import (
    Data,
    PosteriorNetwork,
    Recipe,
    log_density,
    tensors_of,
    train,
    write_network,
)
from stelnet.training.posterior_sample import ERRORS

SMALL = Recipe(width=24, depth=2, components=3, steps=200, batch=128, draws=4, warm_up=20, averaged=0.98)
N = 300


@pytest.fixture(scope="module")
def trained() -> PosteriorNetwork:
    """A network with random, not small, last weights: its mixtures differ from star to star."""
    network = PosteriorNetwork(SMALL.width, SMALL.depth, SMALL.components, seed=1)
    with torch.no_grad():
        network.last *= 20
    return network


@pytest.fixture(scope="module")
def network(trained) -> MixtureNetwork:
    return MixtureNetwork(tensors_of(trained), {"components": SMALL.components, "errors": ERRORS})


@pytest.fixture(scope="module")
def stars() -> Observed:
    rng = np.random.default_rng(3)
    feh = np.where(rng.random(N) < 0.5, np.nan, rng.uniform(-1, 0.4, N))
    return Observed.of(
        rng.uniform(3.5, 4.2, N), rng.uniform(-2, 4, N), 0.02, rng.uniform(0.01, 0.3, N), feh, 0.1
    )


def test_numpy_computes_what_torch_does(trained, network, stars):
    inputs = np.stack(
        [
            stars.log_teff,
            stars.log_lum,
            stars.feh,
            stars.e_log_teff,
            stars.e_log_lum,
            stars.e_feh,
            np.zeros(N),
        ]
    )
    with torch.no_grad():
        mixtures, logit, limits = trained(torch.from_numpy(features.features(inputs).T.copy()))
    found = network.mixtures(stars)
    assert found.p_pre == pytest.approx(torch.sigmoid(logit).numpy(), abs=1e-5)
    weights = (
        torch.softmax(mixtures[..., 0], -1)
        * torch.stack([torch.sigmoid(logit), torch.sigmoid(-logit)], 1)[..., None]
    )
    assert found.weights == pytest.approx(weights.flatten(1).numpy().T, abs=1e-5)
    assert found.means[1] == pytest.approx(mixtures[..., 2].flatten(1).numpy().T, abs=1e-4)
    assert limits.shape == (N, len(CASES), 4)


def test_density_is_that_of_the_gaussians(trained):
    """The polynomial of the loss against the chain of conditional Gaussians."""
    mixtures, _, _ = trained(torch.randn(5, features.COUNT, generator=torch.Generator().manual_seed(0)))
    mixtures = mixtures.double()
    y = mixtures[:, :, :2, 1:4] + 0.1
    p = mixtures[:, :, None]
    normal = torch.distributions.Normal
    d = y[..., None, :] - p[..., 1:4]
    expected = [
        p[..., 1],
        p[..., 2] + p[..., 7] * d[..., 0],
        p[..., 3] + p[..., 8] * d[..., 0] + p[..., 9] * d[..., 1],
    ]
    logs = sum(
        normal(mean, p[..., 4 + i].clamp(*LOG_SD).exp()).log_prob(y[..., None, i])
        for i, mean in enumerate(expected)
    )
    density = torch.logsumexp(torch.log_softmax(p[..., 0], -1) + logs, -1)
    assert torch.allclose(log_density(mixtures, y), density, atol=1e-6)


def test_answer_does_not_depend_on_the_other_stars(network, stars):
    whole = network.answer(stars)
    part = network.answer(stars[np.arange(7, 11)])
    assert part.quantiles == pytest.approx(whole.quantiles[:, :, 7:11], abs=2e-4)
    assert part.age_information == pytest.approx(whole.age_information[7:11], abs=2e-3)


@pytest.mark.parametrize("stage", CASES)
@pytest.mark.parametrize("prior", ["field", "log", "1e6,2e8", "1e9,4e9"])
def test_draws_agree_with_quantiles(network, stars, stage, prior):
    prior = AgePrior.parse(prior)
    some = stars[np.arange(20)]
    answer = network.answer(some, prior, stage)
    drawn, pre = network.draws(some, prior, 4000, seed=1, stage=stage)
    assert pre.mean(axis=1) == pytest.approx(answer.p_pre, abs=0.03)
    for quantity in range(3):
        values = np.sort(drawn[quantity], axis=1)
        for i, level in enumerate(LEVELS):
            found = answer.quantiles[quantity, i][:, None]
            # ages pile up at that of the Universe, where float32 cannot tell them apart
            below, up_to = (values < found).mean(axis=1), (values <= found).mean(axis=1)
            # the other two coordinates of cut Gaussians are approximate
            close = 0.03 if quantity == 0 or not prior.bounded else 0.12
            assert (below < level + close).all()
            assert (up_to > level - close).all()
    if prior.bounded:
        assert drawn[0].min() >= prior.low - 1e-3
        assert drawn[0].max() <= prior.high + 1e-3


def test_draws_depend_on_seed_and_row_alone(network, stars):
    whole, _ = network.draws(stars, FIELD, 3, seed=5)
    part, _ = network.draws(stars[np.arange(100, 110)], FIELD, 3, seed=5, first_row=100)
    other, _ = network.draws(stars, FIELD, 3, seed=6)
    assert part == pytest.approx(whole[:, 100:110], abs=1e-3)
    assert np.abs(other - whole).max() > 0.01


def test_stars_without_a_place_have_no_answer(network):
    stars = Observed.of([3.76, np.nan], [np.nan, 0.0], 0.01, 0.01)
    answer = network.answer(stars)
    assert np.isnan(answer.quantiles).all()
    assert np.isnan(answer.p_pre).all()
    assert np.isnan(network.draws(stars, FIELD, 2, 1)[0]).all()


def test_limits_are_ordered(network, stars):
    low, high, lower, higher = network.answer(stars).log_age_data
    assert (lower <= low).all()
    assert (low <= high).all()
    assert (high <= higher).all()


def test_errors_beyond_the_training_are_told(network):
    stars = Observed.of([3.76, 3.76, 3.76], [0.0] * 3, [0.01, 0.5, 0.01], [0.02, 0.02, 2.0])
    assert network.outside(stars).tolist() == [False, True, True]


def test_unknown_stage_is_refused(network, stars):
    with pytest.raises(ConfigError, match="stage 'main'"):
        network.answer(stars, stage="main")


class TestFile:
    def test_round_trip_and_equal_bytes(self, trained, network, stars, tmp_path):
        for name in ("a", "b"):
            write_network(tmp_path / name, trained, SMALL, {"simulated": "true", "grid": {"feh": [-2, 0.5]}})
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
        again = MixtureNetwork.read(tmp_path / "a")
        assert again.metadata["grid"] == {"feh": [-2, 0.5]}
        assert again.metadata["recipe"]["steps"] == SMALL.steps
        difference = again.answer(stars).quantiles[0] - network.answer(stars).quantiles[0]
        assert np.median(np.abs(difference)) < 0.01

    def test_other_files_are_refused(self, trained, tmp_path):
        from stelnet.safetensors_file import write_tensors

        write_tensors(tmp_path / "other", {"first": np.zeros(2, np.float32)}, {"model": "transfer"})
        with pytest.raises(DataError, match="not a posterior network"):
            MixtureNetwork.read(tmp_path / "other")
        with pytest.raises(DataError, match="not readable"):
            MixtureNetwork.read(tmp_path / "none")


def gaussian(mean: float, sd: float) -> Mixtures:
    """One Gaussian in the first coordinate of one star."""
    ones = np.ones((3, 1, 1), np.float32)
    return Mixtures(
        np.ones((1, 1), np.float32), ones * mean, ones * np.float32(sd), ones * 0, np.ones(1, np.float32),
        np.zeros((4, 1), np.float32),
    )  # fmt: skip


class TestPriors:
    def test_prior_itself_has_no_information(self):
        """A fine mixture that follows the prior flat in log age."""
        centres = np.linspace(5, 10.13, 400)
        values = np.column_stack([centres, np.zeros(400), np.zeros(400)])
        y = Coordinates.of(values)[:, :1]
        sds = np.abs(np.gradient(y[:, 0]))[:, None].astype(np.float32)
        weights = np.full((400, 1), 1 / 400, np.float32)
        assert _information(weights, y, sds, AgePrior(1.0))[0] == pytest.approx(0, abs=0.05)

    @given(mean=st.floats(-2, 2), sd=st.floats(0.05, 1.5))
    @settings(max_examples=30, deadline=None)
    def test_range_reweights_the_log_prior(self, mean, sd):
        """Young ages: the answer under flat log age, times the age, cut."""
        prior = AgePrior.parse("1e6,2e8")
        found = gaussian(mean, sd).bounded(prior, tilted=True)
        quantiles, _ = found.quantiles_and_information(prior)
        log_age = np.linspace(prior.low, prior.high, 20001)
        y = Coordinates.of(np.column_stack([log_age, log_age, log_age]))[:, 0].astype(float)
        # density in the coordinate, times the age
        logs = -0.5 * ((y - mean) / sd) ** 2 + log_age * np.log(10)
        density = np.exp(logs - logs.max()) * np.gradient(y)
        cumulated = np.cumsum(density) / density.sum()
        expected = np.interp(LEVELS, cumulated, log_age)
        assert quantiles[0, :, 0] == pytest.approx(expected, abs=0.02)

    def test_nothing_left_is_the_flat_density(self):
        prior = AgePrior.parse("1e9,2e9")
        found = gaussian(-20.0, 0.01).bounded(prior, tilted=False)
        quantiles, information = found.quantiles_and_information(prior)
        assert (np.diff(quantiles[0, :, 0]) > 0).all()
        assert (quantiles[0] >= 9 - 1e-5).all()
        assert np.isfinite(information).all()


def linear_sample(count: int, draws: int) -> dict[str, np.ndarray]:
    """Stars whose posteriors are Gaussians that depend on their place; those above log L = 0 are young."""
    rng = np.random.default_rng(0)
    stars = np.column_stack(
        [
            rng.uniform(3.6, 4.0, count), rng.uniform(-1, 1, count), np.full(count, -0.1),
            np.full(count, 0.01), np.full(count, 0.02), np.full(count, 0.25), np.zeros(count),
        ]
    )  # fmt: skip
    y = np.empty((count, 2, draws, 3))
    y[..., 0] = stars[:, None, None, 0] * 2 - 7.6 + 0.1 * rng.normal(size=(count, 2, draws))
    y[..., 1] = stars[:, None, None, 1] * 0.5 + 0.05 * rng.normal(size=(count, 2, draws))
    y[..., 2] = y[..., 0] + 0.2 * rng.normal(size=(count, 2, draws))
    drawn = np.moveaxis(Coordinates.values(np.moveaxis(y, -1, 0)), 0, -1)
    limits = np.tile([[7, 8, 6, 9]], (count, 3, 1))
    return {
        "stars": stars.astype(np.float32),
        "drawn": drawn.astype(np.float32),
        "p_pre": (stars[:, 1] > 0).astype(np.float32),
        "log_age_data": limits.astype(np.float32),
    }


@pytest.fixture(scope="module")
def result():
    lines = []
    network = train(
        linear_sample(2048, 4), SMALL, seed=2, log=lambda step, parts: lines.append((step, parts))
    )
    return network, lines


class TestTraining:
    def test_learns_gaussians(self, result):
        network, lines = result
        assert [step for step, _ in lines] == [100, 200]
        data = Data(linear_sample(1024, 4))
        with torch.no_grad():
            loss = data.loss(network, torch.arange(1024), slice(None))
        entropy = sum(0.5 * np.log(2 * np.pi * np.e * sd**2) for sd in (0.1, 0.05, 0.2))
        assert float(loss["density"]) == pytest.approx(entropy, abs=0.3)
        assert float(loss["stage"]) < 0.15
        assert float(loss["limits"]) < 0.05

    def test_same_seed_same_network(self, result):
        again = train(linear_sample(2048, 4), SMALL, seed=2)
        assert all(torch.equal(a, b) for a, b in zip(again.parameters(), result[0].parameters(), strict=True))

    def test_too_small_a_sample_is_refused(self):
        with pytest.raises(ConfigError, match="100 stars with 4 draws, a step takes 128 stars with 4 draws"):
            train(linear_sample(100, 4), SMALL, seed=0)


class TestCoordinates:
    @given(st.floats(4, LOG_AGE_UNIVERSE - 0.001), st.floats(-1, 2), st.floats(-2, 0.5))
    def test_there_and_back(self, log_age, log_mass, feh):
        y = Coordinates.of(np.array([log_age, log_mass, feh]))
        assert Coordinates.values(y[:, None])[:, 0] == pytest.approx([log_age, log_mass, feh], abs=1e-4)
        assert Coordinates.of_log_age(log_age) == pytest.approx(y[0], abs=1e-5)


class TestFeatures:
    def test_waves_fade_with_the_errors(self):
        sharp = np.array([[3.8, 0.5, -0.1, 0.01, 0.02, 0.05, 0.0]]).T
        blurred = np.array([[3.8, 0.5, -0.1, 0.3, 1.2, 0.6, 0.0]]).T
        waves = features.COUNT - len(features.MIDDLES)
        first, second = (np.abs(features.features(x)[-waves:]) for x in (sharp, blurred))
        assert (second <= first + 1e-6).all()
        assert second.max() < 0.9
        assert first.max() > 0.99

    def test_wave_is_the_mean_over_the_errors(self):
        rng = np.random.default_rng(1)
        stars = np.array([[3.8, 0.5, -0.1, 0.02, 0.05, 0.1, 0.0]]).T
        scattered = np.tile(stars, 200_000)
        scattered[:3] += rng.normal(size=(3, 200_000)) * stars[3:6]
        scattered[3:6] = 1e-9
        waves = features.COUNT - len(features.MIDDLES)
        expected = features.features(scattered)[-waves:].mean(axis=1)
        assert features.features(stars)[-waves:, 0] == pytest.approx(expected, abs=0.01)


def test_number_of_outputs():
    network = PosteriorNetwork(8, 1, 2, seed=0)
    assert network.last.shape[1] == 2 * 2 * NUMBERS + 1 + 4 * len(CASES)
