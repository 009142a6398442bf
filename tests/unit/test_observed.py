"""Floors, missing metallicities and the names of priors."""

import numpy as np
import pytest

from stelnet.errors import ConfigError, DataError
from stelnet.inference.observed import NEIGHBOURHOOD, AgePrior, Floor, Observed
from stelnet.terms import LOG_AGE_UNIVERSE


def test_floors_are_added_in_quadrature():
    stars = Observed.of([3.76], [0.0], 0.03, 0.0, 0.1, 0.12, Floor(0.04, 0.02, 0.05))
    assert stars.e_log_teff[0] == pytest.approx(0.05)
    assert stars.e_log_lum[0] == pytest.approx(0.02)
    assert stars.e_feh[0] == pytest.approx(0.13)


def test_unknown_metallicity_is_that_of_the_neighbourhood():
    for feh in (None, np.nan, [np.nan]):
        stars = Observed.of([3.76], [0.0], 0.01, 0.01, feh)
        assert (stars.feh[0], stars.e_feh[0]) == NEIGHBOURHOOD


def test_metallicity_without_an_error_has_the_floor():
    stars = Observed.of([3.76, 3.7], [0.0, 1.0], 0.01, 0.01, [0.0, -0.3], [np.nan, 0.0])
    assert stars.e_feh.tolist() == [0.05, 0.05]


def test_arrays_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"e_log_lum has the shape \(2,\), log_teff \(1,\)"):
        Observed.of([3.76], [0.0], 0.01, [0.01, 0.02])


@pytest.mark.parametrize(
    ("text", "gamma", "low", "high"),
    [
        ("field", 0, -np.inf, LOG_AGE_UNIVERSE),
        ("log", 1, -np.inf, LOG_AGE_UNIVERSE),
        ("1e6,2e8", 0, 6, np.log10(2e8)),
        ("0,5e9", 0, -np.inf, np.log10(5e9)),
        ("1e9,3e10", 0, 9, LOG_AGE_UNIVERSE),
    ],
)
def test_priors_by_name(text, gamma, low, high):
    prior = AgePrior.parse(text)
    assert (prior.gamma, prior.low, prior.high) == pytest.approx((gamma, low, high))
    assert AgePrior.parse(str(prior)) == prior
    assert prior.bounded == ("," in text)


@pytest.mark.parametrize("text", ["flat", "1e6", "2e8,1e6", "-1,5", "1,nan", "1,2,3", ""])
def test_other_priors_are_refused(text):
    with pytest.raises(ConfigError, match="age prior"):
        AgePrior.parse(text)
