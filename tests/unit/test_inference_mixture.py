"""Quantiles and moments of Gaussian mixtures, and the fast normal distribution function."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import Mixture, Normal

from stelnet.inference import mixture
from stelnet.inference.answer import QUANTILES

LEVELS = tuple(sorted(QUANTILES.values()))


def oracle(weights, means, sds):
    """The same mixture as SciPy has it."""
    return Mixture([Normal(mu=mean, sigma=sd) for mean, sd in zip(means, sds, strict=True)], weights=weights)


def quantiles(weights, means, sds):
    """Quantiles (levels, n) of one quantity whose arrays are (components, n)."""
    arrays = [a.astype(np.float32) for a in (weights, means[:, None], sds[:, None])]
    return mixture.quantiles(*arrays, LEVELS)[0]


def test_quantities_do_not_disturb_each_other():
    generator = np.random.default_rng(3)
    weights = generator.dirichlet(np.ones(4), 50).T
    means, sds = generator.normal(9, 1, (4, 2, 50)), generator.uniform(0.05, 0.3, (4, 2, 50))
    together = mixture.quantiles(*(a.astype(np.float32) for a in (weights, means, sds)), LEVELS)
    for q in range(2):
        np.testing.assert_allclose(together[q], quantiles(weights, means[:, q], sds[:, q]), atol=1e-5)


def test_levels_belong_to_their_normal_quantiles():
    for level, z in LEVELS:
        assert ndtr(z) == pytest.approx(level, abs=1e-8)


def test_normal_cdf_is_that_of_scipy():
    z = np.concatenate([np.linspace(-12, 12, 200_001), [-1e30, 1e30]]).astype(np.float32)
    assert np.abs(mixture.normal_cdf(z) - ndtr(z.astype(float))).max() < 2e-6


@pytest.mark.parametrize(("spread", "narrow"), [(0.1, 1.0), (2.0, 1.0), (2.0, 0.02)])
def test_quantiles_are_those_of_scipy(spread, narrow):
    generator = np.random.default_rng(1)
    n, c = 200, 9
    weights = generator.dirichlet(np.full(c, 0.5), n).T
    means = 9 + generator.normal(0, spread, (c, n))
    sds = narrow * generator.uniform(0.05, 0.3, (c, n))
    found = quantiles(weights, means, sds)
    for star in range(n):
        at = found[:, star].astype(float)
        # where the distribution is flat, a quantile is as good as its probability is right
        reached = oracle(weights[:, star], means[:, star], sds[:, star]).cdf(at)
        np.testing.assert_allclose(reached, [level for level, _ in LEVELS], atol=2e-4)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.floats(1e-3, 1), st.floats(-3, 12), st.floats(1e-3, 2)), min_size=1, max_size=12)
)
# a narrow peak near the median, across which Newton's steps go to and fro
@example([(3.7, -2.6, 1.5), (0.9, 1.0, 1.0), (0.7, 0.0, 1.0), (0.35, -1.9, 0.047)])
def test_quantiles_are_ordered_and_between_the_components(components):
    weights, means, sds = np.array(components, np.float32).T[:, :, None]
    weights = weights / weights.sum()
    found = quantiles(weights, means, sds)[:, 0]
    assert (np.diff(found) >= 0).all()
    for value, (level, z) in zip(found, LEVELS, strict=True):
        own = means + np.float32(z) * sds
        assert own.min() - 1e-5 <= value <= own.max() + 1e-5
        reached = (weights[:, 0] * ndtr((value - means[:, 0]) / sds[:, 0])).sum()
        assert reached == pytest.approx(level, abs=1e-3)


def test_one_component_is_a_gaussian():
    found = quantiles(np.ones((1, 1)), np.full((1, 1), 9.0), np.full((1, 1), 0.1))
    np.testing.assert_allclose(found[:, 0], [9 + 0.1 * z for _, z in LEVELS], rtol=1e-6)


def test_median_of_two_modes_is_in_one_of_them():
    weights, means, sds = (np.array([[a], [b]], np.float32) for a, b in ((0.3, 0.7), (7, 10), (0.1, 0.1)))
    found = quantiles(weights, means, sds)[:, 0]
    expected = oracle(*(a[:, 0].astype(float) for a in (weights, means, sds))).median()
    assert found[2] == pytest.approx(expected, abs=1e-4)
    assert found[2] > 9.8


def test_moments_are_those_of_draws():
    generator = np.random.default_rng(2)
    weights, means, sds = np.array([[0.2], [0.8]]), np.array([[7.0], [9]]), np.array([[0.3], [0.1]])
    chosen = generator.choice(2, 200_000, p=weights[:, 0])
    drawn = generator.normal(means[chosen, 0], sds[chosen, 0])
    mean, sd = mixture.moments(weights, means, sds)
    assert mean[0] == pytest.approx(drawn.mean(), abs=0.01)
    assert sd[0] == pytest.approx(drawn.std(), abs=0.01)
