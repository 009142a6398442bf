"""The correction follows the stars, vanishes away from them, and survives a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stelnet.errors import DataError
from stelnet.inference.correction import KERNEL, Correction, Residuals, offsets
from stelnet.inference.gaussians import Coordinates, Mixtures
from stelnet.inference.observed import Observed
from stelnet.terms import LOG_AGE_UNIVERSE


def cluster_of_stars(n=200, age=0.2, mass=-0.05, seed=1):
    rng = np.random.default_rng(seed)
    teff, lum = 3.6 + 0.03 * rng.standard_normal(n), 0.2 + 0.3 * rng.standard_normal(n)
    value = np.array([[age], [mass]]) + 0.02 * rng.standard_normal((2, n))
    return Residuals(teff, lum, value, np.full((2, n), 0.02**2))


def test_the_shift_is_that_of_the_stars_among_them_and_nothing_away():
    stars = cluster_of_stars()
    correction = Correction.fit({"pre": stars})
    assert correction.at("pre", np.array([3.6]), np.array([0.2]))[:, 0] == pytest.approx(
        [0.2, -0.05], abs=0.03
    )
    away = np.array([stars.log_teff.max() + 5 * KERNEL.width_teff, 3.6, 4.5])
    beyond = np.array([0.2, stars.log_lum.max() + 5 * KERNEL.width_lum, 9.0])
    assert np.abs(correction.at("pre", away, beyond)).max() < 1e-3
    assert not correction.at("post", away, beyond).any()


def test_away_from_the_stars_the_log_likelihood_changes_by_less_than_a_twentieth():
    correction = Correction.fit({"pre": cluster_of_stars()})
    rng = np.random.default_rng(2)
    teff, lum = rng.uniform(3.3, 4.6, 5000), rng.uniform(-3, 5, 5000)
    far = np.hypot((teff - 3.6) / 0.03, (lum - 0.2) / 0.3) > 6
    shift = correction.at("pre", teff[far], lum[far])
    # of a label one standard deviation off a narrow posterior
    sd = np.array([[0.05], [0.01]])
    change = ((shift / sd + 1) ** 2 - 1) / 2
    assert np.abs(change).max() < 0.05


def test_the_raster_is_the_sum_over_stars():
    stars = cluster_of_stars(30)
    correction = Correction.fit({"pre": stars})
    shift, raster = correction.shifts["pre"], correction.rasters["pre"]
    teff, lum = raster.nodes(shift.shape[1:])
    row, column = np.unravel_index(np.abs(shift[0]).argmax(), shift.shape[1:])
    kernel = np.exp(
        -(((teff[column] - stars.log_teff) / KERNEL.width_teff) ** 2) / 2
        - ((lum[row] - stars.log_lum) / KERNEL.width_lum) ** 2 / 2
    )
    for i in (0, 1):
        weight = kernel / (stars.variance[i] + KERNEL.scatter[i] ** 2)
        expected = (weight * stars.value[i]).sum() / (weight.sum() + KERNEL.allowed[i] ** -2)
        assert shift[i, row, column] == pytest.approx(expected, rel=1e-5)


def test_stars_without_a_label_count_for_nothing():
    stars = cluster_of_stars(20)
    some = stars.value.copy()
    some[1, ::2] = np.nan
    place = np.array([3.6]), np.array([0.2])
    found = offsets(Residuals(stars.log_teff, stars.log_lum, some, stars.variance), *place)
    kept = Residuals(*(values[..., 1::2] for values in (stars.log_teff, stars.log_lum, some, stars.variance)))
    assert found[0] == pytest.approx(offsets(stars, *place)[0])
    assert found[1] == pytest.approx(offsets(kept, *place)[1])


@given(st.floats(-2, 2), st.floats(0.01, 1))
def test_no_shift_exceeds_the_residuals(value, sd):
    n = 10
    stars = Residuals(np.full(n, 3.7), np.zeros(n), np.full((2, n), value), np.full((2, n), sd**2))
    found = offsets(stars, np.linspace(3.6, 3.8, 9), np.linspace(-1, 1, 9))
    assert (np.abs(found) <= abs(value) + 1e-12).all()


def test_draws_get_the_shift_of_their_stage_and_do_not_outlive_the_universe():
    correction = Correction.fit({"pre": cluster_of_stars(age=0.2), "post": cluster_of_stars(age=-0.1)})
    drawn = np.full((3, 1, 4), 7.0, np.float32)
    drawn[0, 0, 3] = LOG_AGE_UNIVERSE - 0.01
    pre = np.array([[True, False, False, True]])
    moved = correction.shift_draws(drawn, pre, np.array([3.6]), np.array([0.2]))
    assert moved[0, 0] == pytest.approx([7.2, 6.9, 6.9, LOG_AGE_UNIVERSE], abs=0.03)
    assert (moved[2] == 7.0).all()


def test_a_correction_can_be_of_some_stages_and_quantities_alone():
    correction = Correction.fit({"pre": cluster_of_stars(), "post": cluster_of_stars()})
    some = correction.only([("pre", "age")])
    place = np.array([3.6]), np.array([0.2])
    assert some.at("pre", *place)[0] == correction.at("pre", *place)[0]
    assert not some.at("pre", *place)[1].any()
    assert not some.at("post", *place).any()
    assert not correction.only([]).shifts


def test_a_correction_comes_back_from_its_tensors():
    correction = Correction.fit({"pre": cluster_of_stars(30)})
    again = Correction.of_tensors(correction.tensors(), correction.limits())
    places = np.random.default_rng(3).uniform((3.4, -2), (3.8, 2), (100, 2)).T
    assert np.array_equal(correction.at("pre", *places), again.at("pre", *places))


def test_a_stage_without_stars_is_refused():
    none = Residuals(np.empty(0), np.empty(0), np.empty((2, 0)), np.empty((2, 0)))
    with pytest.raises(DataError, match="stage pre needs stars"):
        Correction.fit({"pre": none})


def test_mixtures_shift_by_stage_in_log_age_and_keep_their_widths_in_it():
    correction = Correction.fit({"pre": cluster_of_stars(age=0.2), "post": cluster_of_stars(age=-0.1)})
    log_age, mass, feh = np.array([[7.0], [9.9]]), np.array([[-0.3], [-0.1]]), np.zeros((2, 1))
    means = np.moveaxis(Coordinates.of(np.stack([log_age, mass, feh], axis=-1)), 2, 0)
    narrow = np.full((3, 2, 1), 1e-3, np.float32)
    limits = np.full((4, 1), 8, np.float32)
    found = Mixtures(
        np.full((2, 1), 0.5), means, narrow, np.ones((3, 2, 1), np.float32), np.array([0.5]), limits
    )
    stars = Observed.of(np.array([3.6]), np.array([0.2]), 0.01, 0.02)
    expected = np.stack([correction.at(stage, stars.log_teff, stars.log_lum) for stage in ("pre", "post")])
    for stage in (None, "post"):
        moved = correction.shift_mixtures(found, stars, stage)
        change = Coordinates.values(moved.means)[0] - log_age
        wanted = expected if stage is None else expected[[1, 1]]
        assert change == pytest.approx(wanted[:, 0], abs=1e-4)
        assert moved.means[1] * Coordinates.SCALES[1] - mass == pytest.approx(wanted[:, 1], abs=1e-5)
        width = [
            Coordinates.values(of.means + of.sds)[0] - Coordinates.values(of.means)[0]
            for of in (found, moved)
        ]
        assert width[1] == pytest.approx(width[0], rel=0.02)
        # mass still follows age as it did
        assert moved.slopes[0] * moved.sds[0] == pytest.approx(found.slopes[0] * found.sds[0])
    assert np.array_equal(found.means, means)
