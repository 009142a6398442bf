"""Tension of Equations 1 and 2."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from stelnet.evaluation.tension import consistent_fraction, log_tension, narrower

value = st.floats(-5, 5)
width = st.floats(0.05, 2)


@settings(max_examples=40)
@given(value, width, value, width)
def test_tension_is_the_evidence_at_equal_means_over_the_evidence(mean, sd, reported, error):
    def evidence(at: float) -> float:
        """The overlap of the two distributions: the integral of their product."""
        centre = (mean * error**2 + at * sd**2) / (sd**2 + error**2)
        product = lambda x: norm.pdf(x, mean, sd) * norm.pdf(x, at, error)  # noqa: E731
        return quad(product, centre - 10 * min(sd, error), centre + 10 * min(sd, error))[0]

    # beyond that the overlap is too small for a float
    if abs(mean - reported) / np.hypot(sd, error) < 20:
        expected = np.log(evidence(mean) / evidence(reported))
        assert log_tension(mean, sd, reported, error) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(value, width, value, width)
def test_tension_does_not_depend_on_which_is_predicted(mean, sd, reported, error):
    assert log_tension(mean, sd, reported, error) == log_tension(reported, error, mean, sd)


def test_tension_is_a_natural_logarithm_of_summed_variances():
    assert log_tension(1.0, 0.3, 0.0, 0.4) == pytest.approx(1 / (2 * 0.25))
    # with the printed minus sign it would not be defined here
    assert log_tension(0.0, 0.1, 0.2, 0.5) == pytest.approx(0.04 / 0.52)


def test_without_any_width_the_tension_is_infinite():
    assert log_tension(1.0, 0.0, 0.0, 0.0) == np.inf


def test_narrower_takes_the_side_that_is_known():
    low, high = [0.1, 0.3, np.nan, 0.2, np.nan, 0.0], [0.2, 0.1, 0.4, np.nan, np.nan, 0.1]
    np.testing.assert_array_equal(narrower(low, high), [0.1, 0.1, 0.4, 0.2, np.nan, 0.0])


def test_stars_without_errors_do_not_count():
    assert consistent_fraction([0.5, 2.0, np.nan, 0.9], 1.0) == (pytest.approx(2 / 3), 3)
    fraction, n = consistent_fraction([np.nan], 1.0)
    assert np.isnan(fraction)
    assert n == 0


def test_the_limit_itself_is_not_consistent():
    assert consistent_fraction([1.0, np.nextafter(1.0, 0.0)], 1.0) == (0.5, 2)
