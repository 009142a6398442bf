"""The model `posterior` with a synthetic network: columns, flags, priors, metallicities, draws, pieces."""

import numpy as np
import pytest
import synthetic_model as synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import stelnet
from stelnet.errors import ConfigError, DataError
from stelnet.inference import model as models
from stelnet.inference.answer import FLAGS, POSTERIOR_COLUMNS, POSTERIOR_SAMPLES, QUANTILES
from stelnet.inference.observed import LOG_AGE_UNIVERSE, NEIGHBOURHOOD
from stelnet.inference.packaged import preferred
from stelnet.inference.posterior_model import TELLING
from stelnet.safetensors_file import read_tensors, write_tensors

LEVELS = [name for name, _ in sorted(QUANTILES.items(), key=lambda item: item[1])]
NUMBERS = [name for name in POSTERIOR_COLUMNS if name != "flags"]
WIDTHS = {"log_age": 0.1, "log_mass": 0.1, "feh": 0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("posterior")
    synthetic.write_posterior_model(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return stelnet.load(path=folder / "posterior.safetensors")


def flags(predictions):
    return [set(text.split(",")) - {""} for text in predictions["flags"]]


def quantiles(found, quantity):
    return np.stack([found[f"{quantity}_{level}"] for level in LEVELS])


def mixture_quantiles(mean, sd):
    """Of the synthetic network's two Gaussians of one quantity."""
    weight = np.exp(-0.7) / (1 + np.exp(-0.7))
    grid = mean + sd * np.linspace(-8, 8, 20001)
    cumulated = (1 - weight) * norm.cdf(grid, mean, sd) + weight * norm.cdf(grid, mean, sd * np.exp(0.4))
    return np.interp([level for level, _ in sorted(QUANTILES.values())], cumulated, grid)


def test_a_file_is_loaded_as_what_it_holds(model, folder, tmp_path):
    assert model.name == "posterior"
    assert model.simulated
    assert list(model.predict(*synthetic.SUN)) == list(POSTERIOR_COLUMNS)
    assert stelnet.load(path=synthetic.write_model(tmp_path)).name == "transfer"
    with pytest.raises(ConfigError, match="only the model posterior takes one"):
        stelnet.load(path=tmp_path / "synthetic.safetensors", grid=folder / "cube.safetensors")
    tensors, metadata, _ = read_tensors(folder / "posterior.safetensors")
    del tensors["domain/pre"]
    write_tensors(tmp_path / "broken.safetensors", tensors, metadata)
    with pytest.raises(DataError, match="domain/pre is missing"):
        stelnet.load(path=tmp_path / "broken.safetensors")


def test_the_best_packaged_model_is_the_default():
    assert preferred(["baseline", "posterior", "transfer"]) == "posterior"
    assert preferred(["baseline", "transfer"]) == "transfer"


def test_columns_are_those_of_the_network(model):
    found = model.predict(3.76, 0.2, 0.02, 0.05, feh=0.1, e_feh=0.1, floor=(0, 0))
    mass = mixture_quantiles(0.05, 0.05 / 4)
    # the second Gaussian's mass depends on its age too, and on nothing else
    np.testing.assert_allclose(quantiles(found, "log_mass")[:, 0], mass, atol=0.004)
    # the floor of [Fe/H] is always added
    np.testing.assert_allclose(
        quantiles(found, "feh")[:, 0], mixture_quantiles(0.1, np.hypot(0.1, 0.05)), atol=0.004
    )
    assert found["p_pre"][0] == pytest.approx(1 / (1 + np.exp(40 * 0.06)), abs=1e-3)
    limits = [found[f"log_age_data_{end}"][0] for end in ("lo68", "hi68", "lo95", "hi95")]
    # a little wider than the network tells
    np.testing.assert_allclose(limits, [7.97, 9.53, 7.47, 10.03], atol=1e-3)


def test_floor_is_added_to_the_errors(model):
    default = model.predict(3.76, 0.2, 0.01, 0.03)
    explicit = model.predict(3.76, 0.2, np.hypot(0.01, 0.01), np.hypot(0.03, 0.02), floor=(0, 0))
    wider = model.predict(3.76, 0.2, 0.01, 0.03, floor=(0.01, 0.3))
    for name in NUMBERS:
        np.testing.assert_allclose(default[name], explicit[name], rtol=1e-5, err_msg=name)
    assert np.ptp(quantiles(wider, "log_mass")) > 3 * np.ptp(quantiles(default, "log_mass"))
    with pytest.raises(ConfigError, match="floor"):
        model.predict(3.76, 0.2, floor=(0.01, -1))


def test_a_metallicity_that_is_not_given_is_the_neighbourhoods(model):
    found = model.predict(
        [3.76] * 4, [0.2] * 4, 0.01, 0.03, feh=[0.2, np.nan, np.inf, 0.2], e_feh=[0.1, 0.1, 0.1, np.nan]
    )
    assert ["feh_assumed" in flag for flag in flags(found)] == [False, True, True, False]
    mean, sd = NEIGHBOURHOOD
    np.testing.assert_allclose(quantiles(found, "feh")[:, 1], mixture_quantiles(mean, sd), atol=0.01)
    none = model.predict(3.76, 0.2, 0.01, 0.03)
    for name in NUMBERS:
        np.testing.assert_array_equal(found[name][1:3], np.repeat(none[name], 2))
    # without an error the floor stands alone
    assert np.ptp(quantiles(found, "feh")[:, 3]) < 0.6 * np.ptp(quantiles(found, "feh")[:, 0])


def test_a_metallicity_outside_is_moved_inside_and_flagged(model):
    found = model.predict([3.76] * 4, [0.2] * 4, 0.01, 0.03, feh=[-2.3, -2, 0.5, 0.8])
    assert ["outside_feh" in flag for flag in flags(found)] == [True, False, False, True]
    np.testing.assert_allclose(found["feh_median"], [-2, -2, 0.5, 0.5], atol=0.02)
    assert np.isfinite(found["log_age_median"]).all()


def test_errors_that_the_network_does_not_know_are_limited_and_flagged(model):
    found = model.predict([3.76] * 4, [0.2] * 4, [0.01, 0.01, 0.2, 0.01], [0.03, 0.9, 0.03, 0.39], feh=0.0)
    assert ["error_limited" in flag for flag in flags(found)] == [False, True, True, False]
    assert np.isfinite(found["log_age_median"]).all()
    formal = model.predict(3.76, 0.2, 1e-4, 1e-4, feh=0.0, floor=(0, 0))
    assert "error_limited" in flags(formal)[0]
    assert "error_limited" not in flags(model.predict(3.76, 0.2, 1e-4, 1e-4, feh=0.0))[0]


def test_wider_errors_give_wider_answers(model):
    errors = np.array([0.02, 0.05, 0.1, 0.2, 0.35])
    found = model.predict([3.76] * 5, [0.2] * 5, 0.01, errors, feh=0.0, stage="post")
    for quantity in ("log_age", "log_mass"):
        widths = np.subtract(*quantiles(found, quantity)[[3, 1]])
        assert (np.diff(widths) > 0).all(), quantity
    metals = model.predict([3.76] * 4, [0.2] * 4, 0.01, 0.05, feh=0.0, e_feh=[0, 0.1, 0.2, 0.4])
    assert (np.diff(np.subtract(*quantiles(metals, "feh")[[3, 1]])) > 0).all()


@pytest.mark.parametrize("prior", ["1e6,2e8", "1e9,5e9", "0,1e10", "3e9,2e10"])
@pytest.mark.parametrize("stage", [None, "pre", "post"])
def test_ages_stay_in_the_range_of_the_prior(model, prior, stage):
    teff, lum = np.linspace(3.7, 3.78, 9), np.linspace(-0.3, 0.5, 9)
    found = model.predict(teff, lum, 0.01, 0.05, age_prior=prior, stage=stage, samples=50)
    low, high = (float(age) for age in prior.split(","))
    with np.errstate(divide="ignore"):
        bounds = np.log10(low) - 1e-3, min(np.log10(high), LOG_AGE_UNIVERSE) + 1e-3
    ages = quantiles(found, "log_age")
    assert np.isfinite(ages).all()
    assert ((ages >= bounds[0]) & (ages <= bounds[1])).all()
    # draws are of the Gaussians that stand for the cut ones
    inside = (found["log_age_samples"] >= bounds[0] - 0.1) & (found["log_age_samples"] <= bounds[1] + 0.1)
    assert inside.mean() > 0.95


def test_priors_matter_and_are_checked(model):
    field, log = (model.predict(3.76, 0.2, 0.01, 0.05, age_prior=prior) for prior in ("field", "log"))
    assert log["log_age_median"] < field["log_age_median"]
    for wrong in ("flat", "1e9", "2e9,1e9", "-1,1e9"):
        with pytest.raises(ConfigError, match="age prior"):
            model.predict(3.76, 0.2, age_prior=wrong)


def test_an_age_that_is_the_priors_is_flagged(model):
    found = model.predict([3.76] * 3, [0.2] * 3, 0.01, [0.02, 0.1, 0.3], stage="post")
    telling = found["age_information"] >= TELLING
    assert ["age_from_prior" not in flag for flag in flags(found)] == telling.tolist()


def test_places_and_stages_are_flagged_as_for_the_ensembles(model):
    log_teff, log_lum = [3.76, np.nan, 3.76, np.inf, 6.0], [0.05, 0.05, np.nan, 0.05, 0.05]
    found = model.predict(log_teff, log_lum, samples=2)
    assert [flag - {"two_modes", "feh_assumed", "age_from_prior"} for flag in flags(found)] == [
        set(), {"missing_teff"}, {"missing_lum"}, {"invalid_teff"}, {"far_outside"},
    ]  # fmt: skip
    for name in (*NUMBERS, *POSTERIOR_SAMPLES):
        assert np.isfinite(found[name][0]).all(), name
        assert np.isnan(found[name][1:]).all(), name
    assert "two_modes" in flags(model.predict(3.7, 0.6))[0]
    assert "two_modes" not in flags(model.predict(3.7, 0.6, stage="pre"))[0]
    for stage, p_pre in (("pre", 1), ("post", 0)):
        assert model.predict(*synthetic.SUN, stage=stage)["p_pre"][0] == p_pre
    # cool and bright: only stars before the ZAMS are there
    points = synthetic.tracks().query("eep == 1")
    wrong = model.predict(
        points.log_teff.mean(), points.log_lum.mean(), 0.001, 0.001, stage="post", floor=(0, 0)
    )
    assert flags(wrong)[0] & {"wrong_stage", "far_outside"}


def test_the_domain_depends_on_metallicity(model):
    # below the ZAMS of solar metallicity by 0.15 dex are stars of few metals
    line = model.zams
    at = np.abs(line["log_lum"]).argmin()
    teff, lum = line["log_teff"][at] + 0.05, line["log_lum"][at]
    solar, poor = (
        flags(model.predict(teff, lum, 0.002, 0.01, feh=feh, floor=(0, 0)))[0] for feh in (0.3, -1.8)
    )
    assert "outside_tracks" in solar
    assert not poor & {"outside_tracks", "far_outside"}


@settings(max_examples=10, deadline=None)
@given(
    st.floats(3.7, 3.8),
    st.floats(-0.3, 0.6),
    st.floats(0, 0.08),
    st.floats(0, 0.35),
    st.floats(-1.5, 0.4) | st.just(np.nan),
    st.sampled_from(["field", "log"]),
)
def test_columns_and_draws_agree(model, teff, lum, e_teff, e_lum, feh, prior):
    found = model.predict(teff, lum, e_teff, e_lum, feh=feh, e_feh=0.1, age_prior=prior, samples=20_000)
    for quantity in ("log_age", "log_mass", "feh"):
        at = quantiles(found, quantity)[:, 0]
        drawn = found[f"{quantity}_samples"][0]
        # where a quantile lies among the draws, and not how far: between two modes a little goes a long way
        for (level, _), value in zip(sorted(QUANTILES.values()), at, strict=True):
            assert np.mean(drawn <= value) == pytest.approx(level, abs=0.02), quantity


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(3.3, 4.2) | st.just(np.nan),
            st.floats(-3, 3) | st.just(np.inf),
            st.floats(0, 5) | st.just(np.nan),
            st.floats(-0.1, 5),
            st.floats(-4, 2) | st.just(np.nan),
            st.floats(-0.1, 3) | st.just(np.nan),
        ),
        max_size=10,
    ),
    st.sampled_from([None, "pre", "post"]),
    st.sampled_from(["field", "log", "1e6,1e9"]),
)
def test_any_row_yields_an_ordered_answer_or_a_flagged_nan(model, rows, stage, prior):
    *inputs, feh, e_feh = np.array(rows, float).reshape(-1, 6).T
    asked = {"stage": stage, "age_prior": prior}
    found = model.predict(*inputs, feh=feh, e_feh=e_feh, **asked)
    assert list(found) == list(POSTERIOR_COLUMNS)
    unknown = np.isnan(found["log_age_median"])
    no_answer = {"missing_teff", "missing_lum", "invalid_teff", "invalid_lum", "far_outside"}
    assert [bool(flag & no_answer) for flag in flags(found)] == unknown.tolist()
    for quantity in ("log_age", "log_mass", "feh"):
        assert (np.diff(quantiles(found, quantity)[:, ~unknown], axis=0) >= 0).all()
    lo68, hi68, lo95, hi95 = (
        found[f"log_age_data_{end}"][~unknown] for end in ("lo68", "hi68", "lo95", "hi95")
    )
    assert ((lo95 <= lo68) & (lo68 <= hi68) & (hi68 <= hi95)).all()
    assert (found["age_information"][~unknown] >= 0).all()
    assert ((found["p_pre"][~unknown] >= 0) & (found["p_pre"][~unknown] <= 1)).all()
    for i in range(len(rows)):
        alone = model.predict(*(values[i : i + 1] for values in inputs), feh=feh[i], e_feh=e_feh[i], **asked)
        assert alone["flags"][0] == found["flags"][i]
        np.testing.assert_allclose(alone["log_age_median"][0], found["log_age_median"][i], atol=1e-3)


def test_neither_threads_nor_pieces_matter(model, folder, monkeypatch):
    generator = np.random.default_rng(3)
    n = 300
    teff, lum = generator.normal(3.76, 0.03, n), generator.normal(0.2, 0.2, n)
    asked = {"feh": generator.normal(-0.2, 0.2, n), "e_feh": 0.1, "samples": 4, "seed": 5}
    whole = model.predict(teff, lum, 0.01, 0.05, **asked)
    monkeypatch.setattr(models, "DRAWS", 40)
    for threads in (1, 3):
        other = stelnet.load(path=folder / "posterior.safetensors", threads=threads)
        again = other.predict(teff, lum, 0.01, 0.05, **asked)
        for name in NUMBERS:
            np.testing.assert_array_equal(again[name], whole[name], err_msg=name)
        for name in POSTERIOR_SAMPLES:
            np.testing.assert_allclose(again[name], whole[name], atol=1e-4, err_msg=name)
    part = slice(100, 200)
    piece = model.predict(
        teff[part], lum[part], 0.01, 0.05, first_row=100, **{**asked, "feh": asked["feh"][part]}
    )
    for name in (*NUMBERS, *POSTERIOR_SAMPLES):
        np.testing.assert_allclose(piece[name], whole[name][part], atol=1e-4, err_msg=name)


def test_the_exact_posterior_needs_its_grid(model):
    assert model.method_for(1) == "network"
    with pytest.raises(ConfigError, match="--grid"):
        model.predict(3.76, 0.2, method="exact-grid")
    with pytest.raises(ConfigError, match="network and exact-grid"):
        model.predict(3.76, 0.2, method="table")


def test_the_exact_posterior_answers_in_the_same_columns(folder):
    model = stelnet.load(path=folder / "posterior.safetensors", grid=folder / "cube.safetensors")
    assert model.method_for(1) == "exact-grid"
    assert len(model.grid_sha256) == 64
    found = model.predict([3.76, 3.72, 6.0], [0.05, 0.6, 0], 0.01, 0.03, feh=[0, np.nan, 0], samples=4000)
    assert list(found) == [*NUMBERS, *POSTERIOR_SAMPLES, "flags"]
    assert "far_outside" in flags(found)[2]
    for quantity in ("log_age", "log_mass", "feh"):
        for star in (0, 1):
            drawn = found[f"{quantity}_samples"][star]
            for level, q in (("p16", 0.16), ("median", 0.5), ("p84", 0.84)):
                assert np.mean(drawn <= found[f"{quantity}_{level}"][star]) == pytest.approx(q, abs=0.05)


def test_ensembles_refuse_what_they_cannot_use(tmp_path):
    ensembles = stelnet.load(path=synthetic.write_model(tmp_path))
    with pytest.raises(
        ConfigError, match=r"the model transfer cannot use \[Fe/H\]: its metallicity is the Sun's"
    ):
        ensembles.predict(*synthetic.SUN, feh=0.1)
    with pytest.raises(ConfigError, match="the model transfer cannot use an age prior"):
        ensembles.predict(*synthetic.SUN, age_prior="log")
    wide = ensembles.predict(*synthetic.SUN, 0.0, 0.0, floor=(0.02, 0.1))
    same = ensembles.predict(*synthetic.SUN, 0.02, 0.1)
    np.testing.assert_array_equal(wide["log_age_p84"], same["log_age_p84"])


def test_every_flag_is_described():
    assert {"age_from_prior", "feh_assumed", "outside_feh", "error_limited"} <= FLAGS.keys()
    assert len(FLAGS) <= 32
