"""Calibration: even ranks for right posteriors, uneven ones for wrong widths; stars follow the prior."""

import numpy as np
import pytest
from scipy.stats import kstest

from stelnet.evaluation import calibration
from stelnet.inference.exact.cube import Cube
from stelnet.inference.observed import Observed


def simulated(n, sd, seed=1):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(3, n))
    measured = truth + sd * rng.standard_normal((3, n))
    return calibration.Simulated(
        truth, np.zeros(n, bool), Observed.of(*measured[:2], sd, sd, measured[2], sd)
    )


class Shrunken:
    """The posterior under a standard normal prior, with an error that may be wrong."""

    def __init__(self, sd, factor=1.0):
        self.sd, self.factor = sd, factor

    def draws(self, stars, prior, count, seed, *, stage=None):
        measured = np.stack([stars.log_teff, stars.log_lum, stars.feh])
        share = 1 / (1 + self.sd**2)
        noise = np.random.default_rng(seed).standard_normal((*measured.shape, count))
        return (share * measured[..., None] + self.factor * share**0.5 * self.sd * noise).astype(
            np.float32
        ), None


def test_ranks_of_a_right_posterior_are_even():
    stars = simulated(1000, 0.5)
    rank = calibration.ranks(Shrunken(0.5), stars, "field", 1)
    rows = calibration.calibration(rank, "known", "field", "measured").set_index(["quantity", "metric"])
    for quantity, values in zip(("age", "mass", "feh"), rank, strict=True):
        assert rows.loc[(quantity, "ks"), "value"] == pytest.approx(kstest(values, "uniform").statistic)
        assert rows.loc[(quantity, "ks"), "value"] < rows.loc[(quantity, "ks"), "hi"]
        assert rows.loc[(quantity, "coverage68"), "value"] == pytest.approx(0.68, abs=0.05)
        assert rows.loc[(quantity, "coverage95"), "value"] == pytest.approx(0.95, abs=0.03)
    assert rows.loc[("age", "ks"), "hi"] == pytest.approx(1.628 / 1000**0.5, rel=1e-3)


def test_intervals_that_are_too_narrow_show():
    rank = calibration.ranks(Shrunken(0.5, 0.5), simulated(1000, 0.5), "field", 1)
    rows = calibration.calibration(rank, "known", "field", "measured").set_index(["quantity", "metric"])
    assert rows.loc[("age", "ks"), "value"] > rows.loc[("age", "ks"), "hi"]
    assert rows.loc[("age", "coverage68"), "value"] < 0.5


def cube():
    """Main sequences whose luminosity follows mass; age and [Fe/H] move stars a little."""
    feh, log_age = np.array([-1.0, 0.0, 0.5]), np.linspace(6, 10.3, 9)
    eeps = np.arange(1, 260)
    log_mass = np.interp(eeps, [1, 202, 259], [-0.9, -0.5, 0.9])
    state = np.empty((len(feh), len(log_age), len(eeps), 4))
    state[..., 0] = state[..., 1] = log_mass
    state[..., 2] = 3.76 + 0.12 * log_mass - 0.02 * feh[:, None, None]
    state[..., 3] = 3.5 * log_mass + 0.05 * (log_age[:, None] - 8)
    return Cube(feh, log_age, state.astype(np.float32))


@pytest.mark.parametrize(("prior", "feh"), calibration.CASES)
def test_stars_follow_the_prior_and_errors_of_all_sizes(prior, feh):
    stars = calibration.simulate(cube(), prior, feh, 1, 400)
    again = calibration.simulate(cube(), prior, feh, 1, 400)
    n = len(stars.pre)
    assert 50 < n <= 400
    assert np.array_equal(stars.truth, again.truth)
    age, mass, metal = stars.truth
    assert (age >= 6).all()
    assert (age <= 10.14).all()
    # the field prior is flat in age: most stars are older than a gigayear
    assert (np.mean(age > 9) > 0.7) == (prior == "field")
    assert (stars.pre == (mass < -0.5)).mean() > 0.95
    observed = stars.observed
    assert np.ptp(np.log10(observed.e_log_lum)) > 0.5
    if feh == "measured":
        assert np.std((observed.feh - metal) / observed.e_feh) == pytest.approx(1, abs=0.15)
    else:
        assert (observed.feh == -0.1).all()
        assert metal.mean() == pytest.approx(-0.1, abs=0.08)


def test_no_cell_of_the_diagram_gives_more_than_its_share():
    stars = calibration.simulate(cube(), "field", "measured", 1, 10_000).observed
    cells = np.stack([stars.log_teff // calibration.CELL[0], stars.log_lum // calibration.CELL[1]])
    assert np.unique(cells, axis=1, return_counts=True)[1].max() <= calibration.MOST
