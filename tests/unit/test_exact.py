"""The exact posterior against closed forms, brute force and itself at other resolutions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stelnet.errors import ConfigError, DataError
from stelnet.inference.exact import Cube, Exact
from stelnet.inference.exact.summaries import information, limits, quantiles
from stelnet.inference.observed import LEVELS, AgePrior, Floor, Observed
from stelnet.terms import LOG_AGE_UNIVERSE

LN10 = np.log(10)
NONE = Floor(0, 0, 0)
#: Change of log Teff, log L and [Fe/H] with log age, log mass and [Fe/H] on the linear grid.
SLOPES = np.array([[-0.05, 0.12, -0.06], [0.6, 3.5, 0.1], [0, 0, 1]])
ORIGIN, CENTRE = np.array([8.7, 0.3, -0.1]), np.array([3.8, 1.4, -0.1])
ERRORS = np.array([0.012, 0.03, 0.1])


def linear_rows(first_eep: int = 202) -> dict[str, np.ndarray]:
    """Isochrones on which temperature and luminosity are linear in log age, log mass and [Fe/H]."""
    feh, log_age, eep = (
        a.ravel() for a in np.meshgrid([-1, 0, 0.5], np.arange(6.5, 10.21, 0.1), np.arange(500.0))
    )
    log_mass = -0.25 + eep * 0.0024
    place = CENTRE[:, None] + SLOPES @ (np.stack([log_age, log_mass, feh]) - ORIGIN[:, None])
    mass = 10**log_mass
    return dict(
        feh=feh, log_age=log_age, eep=first_eep + eep, initial_mass=mass, log_mass=log_mass,
        log_teff=place[0], log_lum=place[1],
    )  # fmt: skip


@pytest.fixture(scope="module")
def linear() -> Exact:
    return Exact(Cube.from_rows(linear_rows()))


def star(shift=(0, 0, 0)) -> Observed:
    """A star whose measurements are those of ORIGIN, shifted by so many standard deviations."""
    place = CENTRE + np.array(shift) * ERRORS
    return Observed.of(place[0:1], place[1:2], *ERRORS[:2], place[2], ERRORS[2], NONE)


def closed_form(shift, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance: a Gaussian likelihood times powers of age and mass, in their logarithms."""
    precision = SLOPES.T @ np.diag(ERRORS**-2) @ SLOPES
    covariance = np.linalg.inv(precision)
    tilt = LN10 * np.array([1 - gamma, -1.3, 0])
    return ORIGIN + np.linalg.solve(SLOPES, np.array(shift) * ERRORS) + covariance @ tilt, covariance


class TestClosedForm:
    @pytest.mark.parametrize("gamma", [0.0, 1.0])
    @pytest.mark.parametrize("shift", [(0, 0, 0), (0.7, -1, 0.4)])
    def test_quantiles_are_those_of_a_gaussian(self, linear, gamma, shift):
        found = linear.answer(star(shift), AgePrior(gamma)).quantiles[..., 0]
        mean, covariance = closed_form(shift, gamma)
        sd = np.sqrt(np.diag(covariance))
        expected = mean[:, None] + sd[:, None] * np.array([-1.96, -0.9945, 0, 0.9945, 1.96])
        assert np.abs((found - expected) / sd[:, None]).max() < 0.06

    def test_draws_are_those_of_a_gaussian(self, linear):
        drawn, pre = linear.draws(star(), AgePrior(), 20000, seed=1)
        mean, covariance = closed_form((0, 0, 0), 0.0)
        sd = np.sqrt(np.diag(covariance))
        assert np.abs((drawn[:, 0].mean(axis=1) - mean) / sd).max() < 0.05
        assert np.abs(np.cov(drawn[:, 0]) / np.outer(sd, sd) - covariance / np.outer(sd, sd)).max() < 0.06
        assert not pre.any()

    def test_limits_are_those_of_a_parabola(self, linear):
        """They come from the likelihood alone, whatever the prior."""
        found = [linear.answer(star(), AgePrior(gamma)).log_age_data[:, 0] for gamma in (0.0, 1.0)]
        sd = np.sqrt(np.linalg.inv(SLOPES.T @ np.diag(ERRORS**-2) @ SLOPES)[0, 0])
        expected = ORIGIN[0] + sd * np.array([-1, 1, -1.96, 1.96])
        assert found[0] == pytest.approx(expected, abs=0.15 * sd)
        assert (found[0] == found[1]).all()

    def test_information_is_that_of_a_gaussian(self, linear):
        found = linear.answer(star(), AgePrior(1.0)).age_information[0]
        sd = np.sqrt(closed_form((0, 0, 0), 1.0)[1][0, 0])
        span = LOG_AGE_UNIVERSE - 6.5
        assert found == pytest.approx(np.log(span / sd) - 0.5 * np.log(2 * np.pi * np.e), abs=0.03)

    def test_range_prior_cuts_the_field_prior(self, linear):
        prior = AgePrior.parse("2e8,6e8")
        answer = linear.answer(star(), prior)
        found = answer.quantiles[0, :, 0]
        whole, _ = linear.draws(star(), AgePrior(), 200_000, seed=2)
        ages = whole[0, 0][(whole[0, 0] > prior.low) & (whole[0, 0] < prior.high)]
        assert found == pytest.approx(np.quantile(ages, LEVELS), abs=0.01)
        # the density of the draws over that of the prior
        share, _ = np.histogram(10**ages, 50, (2e8, 6e8))
        share = share[share > 0] / len(ages)
        assert answer.age_information[0] == pytest.approx((share * np.log(share * 50)).sum(), abs=0.03)


def test_same_answer_by_brute_force():
    """Both stages on a grid that folds: every cell by itself, without an index."""
    rows = linear_rows(first_eep=2)
    fold = np.where(rows["eep"] < 202, 0.3 - 0.0015 * rows["eep"], 0)
    exact = Exact(Cube.from_rows(rows | {"log_lum": rows["log_lum"] + fold}))
    stars = Observed.of([3.79, 3.74], [1.3, 0.2], 0.02, [0.05, 0.3], [np.nan, 0.1], 0.1)
    answer = exact.answer(stars, AgePrior())
    for i, factor in enumerate((2, 2)):
        cells = exact.cells(factor)
        plane = np.repeat(
            np.tile(np.arange(len(cells.feh)), 2), np.diff(cells.start[:: np.prod(cells.shape[2:])])
        )
        pre = np.arange(cells.values.shape[1]) < cells.start[len(cells.start) // 2]
        one = stars[[i]]
        chi2 = (
            ((cells.values[0] - one.log_teff) / one.e_log_teff) ** 2
            + ((cells.values[1] - one.log_lum) / one.e_log_lum) ** 2
            + ((cells.feh[plane] - one.feh) / one.e_feh) ** 2
        )
        weight = cells.values[7] * 10.0 ** (cells.values[2] - 9) * np.exp(-chi2 / 2)
        # the second star's [Fe/H] is so well known that every plane counts; so does the first one's stride
        assert answer.p_pre[i] == pytest.approx(weight[pre].sum() / weight.sum(), abs=0.01)
        assert answer.chi2[i] == pytest.approx(chi2.min(), abs=0.05)
        for quantity, values in enumerate((cells.values[2], cells.values[3], cells.feh[plane])):
            order = np.argsort(values)
            cumulated = np.cumsum(weight[order]) / weight.sum()
            expected = np.interp([0.16, 0.5, 0.84], cumulated, values[order])
            assert answer.quantiles[quantity, 1:4, i] == pytest.approx(expected, abs=0.03)


def test_resolutions_agree(linear, monkeypatch):
    errors = dict(e_log_teff=0.04, e_log_lum=0.09)
    wide = Observed.of([3.8], [1.4], **errors, feh=-0.1, e_feh=0.2)
    answers = []
    for factors in ((1, 2, 4), (1,)):
        monkeypatch.setattr("stelnet.inference.exact.exact.FACTORS", factors)
        answers.append(linear.answer(wide).quantiles[..., 0])
    assert answers[0] == pytest.approx(answers[1], abs=0.01)


def test_star_off_the_grid_gets_the_nearest_place(linear):
    far = Observed.of([4.2, np.nan], [1.4, 1.0], 0.0, 0.0, 0.0)
    answer = linear.answer(far)
    assert answer.chi2[0] > 50
    assert np.isfinite(answer.quantiles[..., 0]).all()
    assert np.isnan(answer.quantiles[..., 1]).all()
    assert np.isnan(answer.p_pre[1])


def test_given_stage_that_the_grid_lacks_has_no_answer(linear):
    answer = linear.answer(star(), stage="pre")
    assert np.isnan(answer.quantiles).all()
    with pytest.raises(ConfigError, match="stage 'main': must be pre or post"):
        linear.answer(star(), stage="main")


@pytest.mark.parametrize("count", [1, 3, 7])
def test_draws_depend_on_seed_and_row_alone(linear, count):
    stars = Observed.of(np.full(5, 3.8), np.linspace(1.2, 1.6, 5), [0.02, 0.001, 0.02, 0.01, 0.001], 0.05)
    whole, whole_pre = linear.draws(stars, AgePrior(), count, seed=1)
    part, part_pre = linear.draws(stars[np.arange(2, 5)], AgePrior(), count, seed=1, first_row=2)
    other, _ = linear.draws(stars, AgePrior(), count, seed=2)
    np.testing.assert_array_equal(whole[:, 2:], part)
    np.testing.assert_array_equal(whole_pre[2:], part_pre)
    assert (whole != other).any()


class TestCube:
    def test_holes_are_filled_between_neighbours(self):
        rows = linear_rows()
        kept = rows["eep"] % 50 != 3
        cube = Cube.from_rows({name: values[kept] for name, values in rows.items()})
        whole = Cube.from_rows(rows)
        assert np.nanmax(np.abs(cube.state - whole.state)[:, :, :690]) < 1e-5
        assert not np.isnan(cube.state[:, :, 210:690]).any()

    def test_file(self, tmp_path):
        cube = Cube.from_rows(linear_rows(), {"simulated": True})
        cube.write(tmp_path / "cube.safetensors")
        again = Cube.read(tmp_path / "cube.safetensors")
        assert (again.feh == cube.feh).all()
        assert np.array_equal(again.state, cube.state, equal_nan=True)
        assert again.metadata == {"simulated": True}

    def test_other_files_are_refused(self, tmp_path):
        (tmp_path / "cube.safetensors").write_bytes(b"no")
        with pytest.raises(DataError, match="not a safetensors file"):
            Cube.read(tmp_path / "cube.safetensors")
        with pytest.raises(DataError, match="1 metallicities"):
            Cube.from_rows(
                {name: values[linear_rows()["feh"] == 0] for name, values in linear_rows().items()}
            )


@given(st.lists(st.floats(0, 1), min_size=3, max_size=30).filter(lambda d: sum(d) > 0.01), st.floats(-1, 1))
@settings(max_examples=50)
def test_quantiles_ascend_within_the_bins(density, low):
    edges = low + 0.1 * np.arange(len(density) + 1)
    found = quantiles(np.array([density]), edges)[:, 0]
    assert (np.diff(found) >= 0).all()
    assert found[0] >= edges[0]
    assert found[-1] <= edges[-1] + 1e-9


def test_prior_has_no_information():
    edges = np.linspace(5, LOG_AGE_UNIVERSE, 500)
    widths = np.diff(edges)
    for gamma in (0.0, 1.0):
        density = widths * 10 ** ((edges[:-1] + widths / 2 - 9) * (1 - gamma))
        assert information(density[None], edges, np.array([gamma]), AgePrior(gamma))[0] == pytest.approx(
            0, abs=1e-9
        )


def test_limits_enclose_what_is_near_the_least():
    chi2 = np.array([[9, 4, 2.5, 2.0, 2.9, 7, 2.2, 9.0]])
    found = limits(chi2, np.arange(9.0))[:, 0]
    assert found.tolist() == [2, 7, 1, 7]
