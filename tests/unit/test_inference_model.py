"""Posteriors of a small synthetic model: against brute force, and every flag."""

import numpy as np
import pandas as pd
import pytest
import synthetic_model as synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

import stelnet
from stelnet.errors import ConfigError, DataError
from stelnet.inference import domain, ensembles, inputs, model, posterior
from stelnet.inference.answer import COLUMNS, FLAGS, QUANTILES, SAMPLES, Flag
from stelnet.inference.inputs import DEFAULT_ERRORS

LEVELS = [name for name, _ in sorted(QUANTILES.items(), key=lambda item: item[1])]


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    return stelnet.load(path=synthetic.write_model(tmp_path_factory.mktemp("smooth")))


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    return stelnet.load(
        path=synthetic.write_model(tmp_path_factory.mktemp("folded"), synthetic.folded_network)
    )


@pytest.fixture(scope="module")
def places():
    """Places about the synthetic tracks, some of them off."""
    points = synthetic.tracks().sample(60, random_state=1)
    generator = np.random.default_rng(2)
    return (
        points.log_teff.to_numpy() + generator.normal(0, 0.01, 60),
        points.log_lum.to_numpy() + generator.normal(0, 0.05, 60),
    )


def brute_force(stelnet_model, place, errors, draws=100_000):
    """Quantiles of log age and mass, and p_pre, by draws of the inputs that go through the networks."""
    generator = np.random.default_rng(7)
    log_teff, log_lum = (p + e * generator.normal(size=draws) for p, e in zip(place, errors, strict=True))
    moments = stelnet_model.moments(log_teff, log_lum)
    sky = stelnet_model._sky
    distances = {stage: sky.distances(stage, log_teff, log_lum) for stage in moments}
    logs = np.stack([sky.weights(stage, m[:, 1]) - distances[stage] ** 2 / 2 for stage, m in moments.items()])
    shares = np.exp(logs - logs.max(axis=0))
    shares /= shares.sum(axis=0)
    prior = np.exp(-(np.minimum(*distances.values()) ** 2) / 2)
    chosen = generator.choice(draws, draws, p=prior / prior.sum())
    is_pre = generator.random(draws) < shares[0][chosen]
    values = np.where(is_pre[:, None], moments["pre"][chosen], moments["post"][chosen])
    drawn = values[:, :2] + values[:, 2:] * generator.normal(size=(draws, 2))
    levels = [level for level, _ in sorted(QUANTILES.values())]
    return np.quantile(drawn, levels, axis=0).T, (shares[0] * prior).sum() / prior.sum()


@pytest.mark.parametrize("stage_of_place", [synthetic.SUN, (3.72, 0.6), (3.66, 0.2)])
def test_errors_are_marginalised_over(smooth, stage_of_place):
    errors = (0.01, 0.03)
    expected, p_pre = brute_force(smooth, stage_of_place, errors)
    found = smooth.predict(*stage_of_place, *errors)
    for quantity, of_quantity in zip(("log_age", "log_mass"), expected, strict=True):
        width = (of_quantity[3] - of_quantity[1]) / 2
        at = [found[f"{quantity}_{level}"][0] for level in LEVELS]
        np.testing.assert_allclose(at[1:4], of_quantity[1:4], atol=0.2 * width)
        np.testing.assert_allclose(at, of_quantity, atol=0.5 * width)
    assert found["p_pre"][0] == pytest.approx(p_pre, abs=0.05)


def test_a_fold_is_marginalised_over(folded):
    """Both sides of a step of 1.4 dex get about their share, and no quantile lies between them."""
    step = -1.5 + 0.5 * 3.5
    sides = folded.moments([3.72, 3.72], [step - 0.1, step + 0.1])["post"][:, 0]
    for offset in (-0.03, 0.0, 0.03):
        found = folded.predict(3.72, step + offset, 0.005, 0.04, stage="post")
        at = np.array([found[f"log_age_{level}"][0] for level in LEVELS])
        np.testing.assert_allclose(at[[0, -1]], sides, atol=0.1)
        assert np.abs(at[:, None] - sides).min(axis=1).max() < 0.1
        share = (found["log_age_post_mean"][0] - sides[0]) / (sides[1] - sides[0])
        assert share == pytest.approx(norm.cdf(offset / 0.04), abs=0.35)
        # far from the step there is one side only
        found = folded.predict(3.72, step + np.sign(offset + 0.01) * 0.1, 0.005, 0.04, stage="post")
        assert found["log_age_p97_5"][0] - found["log_age_p2_5"][0] < 0.2


def test_a_larger_error_of_luminosity_widens(smooth):
    """A 5 % error of L must show, where the answers depend on it."""
    none, five, twenty = (
        smooth.predict(*synthetic.SUN, 0.0, e) for e in (0.0, 0.05 / np.log(10), 0.2 / np.log(10))
    )
    for quantity in ("log_age", "log_mass"):
        widths = [p[f"{quantity}_p84"][0] - p[f"{quantity}_p16"][0] for p in (none, five, twenty)]
        assert widths[0] < widths[1] < widths[2]
    moments = smooth.moments(*synthetic.SUN)["post"][0]
    e = 0.01
    above, below = (smooth.moments(synthetic.SUN[0], synthetic.SUN[1] + s * e)["post"][0] for s in (1, -1))
    slope = (above - below)[0] / (2 * e)
    expected = np.hypot(moments[2], slope * 0.05 / np.log(10))
    assert five["log_age_post_sd"][0] == pytest.approx(expected, rel=0.3)


def test_without_errors_the_answer_is_that_of_the_networks(smooth):
    found = smooth.predict(*synthetic.SUN, 0, 0, stage="post")
    mean_age, mean_mass, sd_age, sd_mass = smooth.moments(*synthetic.SUN)["post"][0]
    assert found["log_age_median"][0] == pytest.approx(mean_age, abs=1e-5)
    assert found["log_mass_p2_5"][0] == pytest.approx(mean_mass - 1.96 * sd_mass, abs=1e-4)
    assert found["log_age_post_sd"][0] == pytest.approx(sd_age, rel=1e-3)
    assert found["p_pre"][0] == 0
    assert np.isnan(found["log_age_pre_mean"][0])


def test_chunks_do_not_matter(smooth, places, monkeypatch):
    whole = smooth.predict(*places, 0.01, 0.05, samples=3, seed=5)
    monkeypatch.setattr(ensembles, "EXACT_CHUNK", 7)
    monkeypatch.setattr(model, "DRAWS", 20)
    small = smooth.predict(*places, 0.01, 0.05, samples=3, seed=5)
    for name in (*COLUMNS, *SAMPLES):
        if name != "flags":
            np.testing.assert_allclose(small[name], whole[name], atol=5e-4)
    np.testing.assert_array_equal(small.bits, whole.bits)
    # in pieces, as a stream is read
    pieces = [
        smooth.predict(
            places[0][i : i + 25], places[1][i : i + 25], 0.01, 0.05, samples=3, seed=5, first_row=i
        )
        for i in range(0, 60, 25)
    ]
    for name in ("log_age_median", *SAMPLES):
        np.testing.assert_allclose(np.concatenate([p[name] for p in pieces]), whole[name], atol=5e-4)


def test_a_stage_of_little_weight_may_be_one_gaussian(smooth, places, monkeypatch):
    quick = smooth.predict(*places, 0.01, 0.05)
    monkeypatch.setattr(posterior, "NEGLIGIBLE", 0)
    monkeypatch.setattr(posterior, "MINOR", 0)
    full = smooth.predict(*places, 0.01, 0.05)
    for quantity in ("log_age", "log_mass"):
        width = full[f"{quantity}_p97_5"] - full[f"{quantity}_p2_5"]
        for level in LEVELS:
            off = np.abs(quick[f"{quantity}_{level}"] - full[f"{quantity}_{level}"]) / width
            assert np.nanmax(off) < 0.02


def test_table_agrees_with_the_networks(smooth, places):
    exact, table = (smooth.predict(*places, 0.01, 0.05, method=method) for method in ("exact", "table"))
    for name in COLUMNS:
        if name != "flags":
            np.testing.assert_allclose(table[name], exact[name], atol=5e-3, err_msg=name)
    moments = smooth.moments(*places, method="table")["post"]
    known = np.isfinite(moments[:, 0])
    assert known.mean() > 0.9
    np.testing.assert_allclose(moments[known], smooth.moments(*places)["post"][known], atol=1e-3)


def test_auto_takes_the_table_for_many_stars(smooth):
    assert smooth.method_for(10) == "exact"
    assert smooth.method_for(10_000_000) == "table"
    assert smooth.method_for(100_000, errors=False) == "exact"


def test_draws_are_from_the_posterior(smooth):
    for place in (synthetic.SUN, (3.72, 0.6)):
        found = smooth.predict(*place, 0.01, 0.03, samples=20_000)
        for quantity in ("log_age", "log_mass"):
            drawn = found[f"{quantity}_samples"][0]
            width = float(found[f"{quantity}_p84"][0] - found[f"{quantity}_p16"][0]) / 2
            for level, q in (("p16", 0.16), ("median", 0.5), ("p84", 0.84)):
                assert np.quantile(drawn, q) == pytest.approx(
                    found[f"{quantity}_{level}"][0], abs=0.5 * width
                )
    ages, masses = found["log_age_samples"][0], found["log_mass_samples"][0]
    # drawn jointly: each pair is one network's answer
    assert abs(np.corrcoef(ages, masses)[0, 1]) > 0.3
    again = smooth.predict(*place, 0.01, 0.03, samples=20_000)
    np.testing.assert_array_equal(again["log_age_samples"][0], ages)
    other = smooth.predict(*place, 0.01, 0.03, samples=20_000, seed=1)
    assert not np.array_equal(other["log_age_samples"][0], ages)


def test_two_modes_are_kept_apart(smooth):
    """Between the modes lies no mass: the sd of the stages is small, the interval wide."""
    grid = np.meshgrid(np.linspace(3.6, 3.75, 40), np.linspace(-0.5, 1.5, 40))
    found = smooth.predict(*(axis.ravel() for axis in grid))
    both = np.flatnonzero(
        (found["p_pre"] > 0.3) & (found["p_pre"] < 0.7) & ~np.isnan(found["log_age_median"])
    )
    assert len(both)
    assert (found.bits[both] & Flag.TWO_MODES).astype(bool).all()
    star = both[0]
    near_a_mode = [
        abs(found["log_age_median"][star] - found[f"log_age_{stage}_mean"][star])
        < 3 * found[f"log_age_{stage}_sd"][star]
        for stage in ("pre", "post")
    ]
    assert any(near_a_mode)
    low, high = sorted(found[f"log_age_{stage}_mean"][star] for stage in ("pre", "post"))
    assert found["log_age_p2_5"][star] < low + 0.1
    assert found["log_age_p97_5"][star] > high - 0.1
    assert found["log_age_post_sd"][star] < 0.2 * (high - low)


def flags(predictions):
    return [set(text.split(",")) - {""} for text in predictions["flags"]]


def test_unusable_rows_are_flagged_and_kept(smooth):
    sun_teff, sun_lum = synthetic.SUN
    log_teff = [sun_teff, np.nan, sun_teff, np.inf, sun_teff, np.nan, 6.0]
    log_lum = [sun_lum, sun_lum, np.nan, sun_lum, -np.inf, np.inf, sun_lum]
    found = smooth.predict(log_teff, log_lum, samples=2)
    assert flags(found) == [
        set(),
        {"missing_teff"},
        {"missing_lum"},
        {"invalid_teff"},
        {"invalid_lum"},
        {"missing_teff", "invalid_lum"},
        {"far_outside"},
    ]
    for name in (*COLUMNS, *SAMPLES):
        if name != "flags":
            assert np.isnan(found[name][1:]).all(), name
            if not name.startswith("log_mass_pre"):
                assert np.isfinite(found[name][0]).all(), name
    assert found.counts() == {
        "missing_teff": 2, "missing_lum": 1, "invalid_teff": 1, "invalid_lum": 2, "far_outside": 1,
    }  # fmt: skip


def test_errors_that_are_missing_or_invalid_are_replaced(smooth):
    teff, lum = (np.full(4, value) for value in synthetic.SUN)
    found = smooth.predict(teff, lum, [np.nan, -0.01, np.inf, DEFAULT_ERRORS["log_teff"]], None)
    assert flags(found) == [{"default_error"}, {"invalid_error"}, {"invalid_error"}, set()]
    assert len(set(found["log_age_p84"])) == 1
    default = smooth.predict(*synthetic.SUN)
    assert default["flags"][0] == ""
    assert default["log_age_p84"][0] == found["log_age_p84"][0]


def test_places_off_the_tracks_are_flagged(smooth):
    lightest = synthetic.tracks().query("eep == @synthetic.ZAMS_EEP").iloc[0]
    unit = domain.UNIT[1]
    # units below the end of the ZAMS -> what is said, with an error of one unit
    below = np.array([0.0, 1.6, 4.0, 25.0])
    found = smooth.predict(np.full(4, lightest.log_teff), lightest.log_lum - below * unit, 0.001, unit)
    # an error of a step and a half reaches the tracks
    assert "outside_tracks" not in flags(found)[0] | flags(found)[1]
    assert "partly_outside" in flags(found)[1]
    assert "outside_tracks" in flags(found)[2]
    assert "far_outside" in flags(found)[3]
    assert np.isfinite(found["log_age_median"][:3]).all()
    assert np.isnan(found["log_age_median"][3])


def test_stars_unlike_those_seen_are_mist_only(smooth, tmp_path):
    found = smooth.predict([synthetic.SUN[0], 3.85], [synthetic.SUN[1], 1.2])
    assert "mist_only" not in flags(found)[0]
    assert "mist_only" in flags(found)[1]
    baseline = stelnet.load(path=synthetic.write_model(tmp_path, adapted=False))
    assert not any("mist_only" in f for f in flags(baseline.predict([3.85], [1.2])))


def test_wrong_stage_is_told(smooth):
    # on the cool, bright side only the tracks before the ZAMS pass
    points = synthetic.tracks().query("eep == 1")
    place = points.log_teff.mean(), points.log_lum.mean()
    right, wrong = (smooth.predict(*place, 0.0, 0.0, stage=stage) for stage in ("pre", "post"))
    assert "wrong_stage" not in flags(right)[0]
    assert "wrong_stage" in flags(wrong)[0]
    assert right["p_pre"][0] == 1
    assert wrong["p_pre"][0] in (0, np.nan) or np.isnan(wrong["p_pre"][0])


def test_ages_beyond_the_universe_are_told(smooth, places):
    found = smooth.predict(*places, stage="post")
    older = found["log_age_median"] > np.log10(13.8e9)
    assert ["older_than_universe" in f for f in flags(found)] == older.tolist()


def test_folds_of_the_table_are_told(folded):
    step = -1.5 + 0.5 * 3.5
    found = folded.predict([3.72, 3.72], [step + 0.001, step + 0.4], 0, 0, stage="post", method="table")
    assert "coarse_table" in flags(found)[0]
    assert "coarse_table" not in flags(found)[1]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(3.3, 4.2) | st.just(np.nan),
            st.floats(-3, 3) | st.just(np.inf),
            st.floats(0, 0.2) | st.just(np.nan),
            st.floats(-0.1, 0.5),
        ),
        max_size=12,
    ),
    st.sampled_from([None, "pre", "post"]),
)
def test_any_row_yields_an_ordered_answer_or_a_flagged_nan(smooth, rows, stage):
    inputs = np.array(rows, float).reshape(-1, 4).T
    found = smooth.predict(*inputs, stage=stage)
    assert list(found) == list(COLUMNS)
    assert all(len(values) == len(rows) for values in found.values())
    unknown = np.isnan(found["log_age_median"])
    no_answer = Flag.MISSING_TEFF | Flag.MISSING_LUM | Flag.INVALID_TEFF | Flag.INVALID_LUM | Flag.FAR_OUTSIDE
    np.testing.assert_array_equal(unknown, (found.bits & np.uint32(no_answer)) > 0)
    for quantity in ("log_age", "log_mass"):
        ordered = np.stack([found[f"{quantity}_{level}"] for level in LEVELS])[:, ~unknown]
        assert (np.diff(ordered, axis=0) >= 0).all()
    p_pre = found["p_pre"][~unknown]
    assert ((p_pre >= 0) & (p_pre <= 1)).all()
    # each row has the answer that it has alone
    for i in range(len(rows)):
        alone = smooth.predict(*inputs[:, i : i + 1], stage=stage)
        assert alone["flags"][0] == found["flags"][i]
        np.testing.assert_allclose(alone["log_age_median"][0], found["log_age_median"][i], atol=1e-3)


def test_predictions_become_tables(smooth, places):
    found = smooth.predict(*places, samples=2)
    table = found.to_pandas()
    assert set(table) == {*COLUMNS, *SAMPLES}
    assert table["log_age_samples"].iloc[0].shape == (2,)
    assert table["log_age_median"].dtype == np.float32
    assert list(pd.DataFrame(smooth.predict(*places))) == list(COLUMNS)
    assert list(FLAGS) == [flag.name.lower() for flag in Flag]


def test_faulty_calls_are_told(smooth):
    with pytest.raises(DataError, match=r"log_lum has the shape \(3,\), log_teff \(2,\)"):
        smooth.predict([3.7, 3.8], [0, 0, 0])
    with pytest.raises(DataError, match="e_log_lum has the shape"):
        smooth.predict([3.7, 3.8], [0, 0], 0.01, [0.1, 0.1, 0.1])
    with pytest.raises(ConfigError, match="stage 'main'"):
        smooth.predict([3.7], [0], stage="main")
    with pytest.raises(ConfigError, match="method 'fast'"):
        smooth.predict([3.7], [0], method="fast")
    with pytest.raises(ConfigError, match="seed -1"):
        smooth.predict([3.7], [0], seed=-1)
    with pytest.raises(ConfigError, match="samples -1"):
        smooth.predict([3.7], [0], samples=-1)
    with pytest.raises(DataError, match="no packaged model 'none'"):
        stelnet.load("none")


def test_a_model_tells_of_itself(smooth):
    assert smooth.name == "transfer"
    assert smooth.simulated
    assert len(smooth.sha256) == 64
    assert smooth.zams["log_teff"].shape == smooth.zams["log_lum"].shape == (9,)
    log_teff, log_lum, distance = smooth.domain("post")
    assert distance.shape == (len(log_lum), len(log_teff))
    at = np.abs(log_lum - synthetic.SUN[1]).argmin(), np.abs(log_teff - synthetic.SUN[0]).argmin()
    assert distance[at] == 0


@pytest.mark.parametrize("name", ["transfer", "baseline"])
def test_the_sun_by_the_networks_in_the_package(name):
    found = stelnet.load(name).predict(np.log10(5772), 0.0)
    assert found["log_age_p16"][0] < np.log10(4.6e9) < found["log_age_p84"][0]
    assert found["log_mass_p16"][0] < 0 < found["log_mass_p84"][0]
    assert found["p_pre"][0] < 0.05


# --- errors of any size --------------------------------------------------------------------------------


@given(e_teff=st.floats(0.021, 10), e_lum=st.floats(0, 10), seed=st.integers(0, 2**20))
@settings(max_examples=25, deadline=None)
def test_columns_and_draws_agree_for_errors_of_any_size(smooth, folded, e_teff, e_lum, seed):
    for model_of, swap in ((smooth, False), (folded, True)):
        errors = (min(e_lum, 0.5), 0.21 + e_teff) if swap else (e_teff, e_lum)
        answer = model_of.predict(*synthetic.SUN, *errors, samples=2000, seed=seed)
        for name in ("log_age", "log_mass"):
            drawn = np.sort(answer[f"{name}_samples"][0])
            for column, level in (("p16", 0.16), ("median", 0.5), ("p84", 0.84)):
                # where nothing is between two modes, the quantile may be anywhere between them
                near = answer[f"{name}_{column}"][0] + np.array([-0.05, 0.05])
                below = np.searchsorted(drawn, near) / len(drawn)
                assert below[0] - 0.07 < level < below[1] + 0.07


def test_an_answer_widens_with_the_error_and_does_not_snap_back(smooth):
    """Beyond some error the nearest nodes were off the tracks, and the answer was that without errors."""
    errors = np.array([0.0, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 100.0])
    for wide in ("e_log_teff", "e_log_lum"):
        other = {"e_log_teff", "e_log_lum"} - {wide}
        answer = smooth.predict(
            np.full(9, synthetic.SUN[0]),
            np.full(9, synthetic.SUN[1]),
            **{wide: errors, other.pop(): 0.01},
        )
        widths = answer["log_mass_p84"] - answer["log_mass_p16"]
        assert (np.diff(widths[:5]) > 0).all()
        assert (widths[4:] > 0.8 * widths[4]).all()


@given(st.floats(0, 0.02), st.floats(0, 0.2))
@settings(max_examples=20, deadline=None)
def test_wide_errors_of_others_leave_an_answer_as_it_is(smooth, e_teff, e_lum):
    alone = smooth.predict(*synthetic.SUN, e_teff, e_lum)
    place = [np.full(3, value) for value in synthetic.SUN]
    among = smooth.predict(*place, np.array([0.4, e_teff, 3]), np.array([0.1, e_lum, 0.1]))
    for name in alone:
        if name != "flags":
            assert among[name][1] == pytest.approx(alone[name][0], abs=1e-5, nan_ok=True)
    assert among["flags"][1] == alone["flags"][0]


def test_places_within_a_raster_are_those_of_a_truncated_gaussian():
    raster = domain.Raster((3.0, 4.0), (-1.0, 2.0))
    stars = inputs.Stars.checked([3.5, 3.9, 5.0, 6.9], [0.0] * 4, [0.3, 0.0, 0.2, 0.01], [5.0, 0.1, 0.0, 0.1])
    part = (np.arange(2000)[:, None] + 0.5) / 2000
    log_teff, log_lum, mass = stars.spread(part, part, raster)
    for i, (centre, sd) in enumerate([(3.5, 0.3), (3.9, 0.0), (5.0, 0.2)]):
        if sd:
            expected = truncnorm.ppf(part[:, 0], (3 - centre) / sd, (4 - centre) / sd, centre, sd)
            np.testing.assert_allclose(log_teff[:, i], expected, atol=1e-9)
    assert (log_teff[:, 1] == 3.9).all()
    assert ((log_lum[:, 0] > -1) & (log_lum[:, 0] < 2)).all()
    assert mass[0] == pytest.approx(np.ptp(norm.cdf([3, 4], 3.5, 0.3)) * np.ptp(norm.cdf([-1, 2], 0, 5)))
    # hopelessly far: no probability, and no place within
    assert mass[3] == 0
    assert not np.isnan(log_teff).any()
