"""Forecasts, scores and the rule of the default, with a method whose posteriors are known."""

import numpy as np
import pandas as pd
import pytest

from stelnet.evaluation import heldout
from stelnet.evaluation.folds import FIVE_FOLD, IN_SAMPLE, OTHER_CATALOGUES, UNSEEN
from stelnet.inference.observed import Answer
from stelnet.terms import STAR_COLUMNS

AGE = {"pre": 7.0, "post": 9.0}
SD = 0.1


class Known:
    """Normal posteriors about the age of the stage and no mass; a stage that is not given is open."""

    def answer(self, stars, prior, stage=None):
        n = len(stars)
        p_pre = np.full(n, {"pre": 1.0, "post": 0.0, None: 0.5}[stage])
        return Answer(np.zeros((3, 5, n)), p_pre, np.tile([[5.0], [9.5], [5.0], [10.0]], n), np.full(n, 1.0))

    def draws(self, stars, prior, count, seed, *, stage=None):
        rng, n = np.random.default_rng(seed), len(stars)
        pre = rng.random((n, count)) < 0.5 if stage is None else np.full((n, count), stage == "pre")
        drawn = SD * rng.standard_normal((3, n, count))
        drawn[0] += np.where(pre, AGE["pre"], AGE["post"])
        return drawn.astype(np.float32), pre


def catalogue(name, stage, n, offset, seed, feh_source="assumed"):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({column: np.nan for column in STAR_COLUMNS}, index=range(n))
    return table.assign(
        star_id=[f"{name} {i}" for i in range(n)],
        catalogue=name,
        stage=stage,
        log_teff=3.6 + 0.01 * rng.standard_normal(n),
        log_lum=0.05 * rng.standard_normal(n),
        log_age=AGE[stage] + offset + SD * rng.standard_normal(n),
        log_mass=SD * rng.standard_normal(n),
        feh=0.0,
        feh_source=feh_source,
        ra=np.nan,
        dec=np.nan,
    )


@pytest.fixture(scope="module")
def stars():
    catalogues = [
        catalogue("young", "pre", 120, 0.2, 1),
        catalogue("younger", "pre", 100, 0.2, 2),
        catalogue("old", "post", 100, 0.2, 3),
        catalogue("older", "post", 60, -0.2, 4, "measured"),
    ]
    return heldout.Stars.of(catalogues, [catalogue("cluster", "pre", 30, 0.2, 5)])


@pytest.fixture(scope="module")
def forecasts(stars):
    return heldout.posterior_forecasts(Known(), "known", stars, 1)[0]


@pytest.fixture(scope="module")
def scores(forecasts):
    return heldout.summary(forecasts, ["young", "younger", "old", "older"], 1.0, 1)


def value(scores, metric, **where):
    rows = scores[scores["metric"] == metric]
    for key, wanted in where.items():
        rows = rows[rows[key] == wanted]
    (found,) = rows["value"]
    return found


GIVEN = {"variant": "labels-given-field", "quantity": "age"}


def test_every_star_is_forecast_once_by_protocol_variant_and_method(stars, forecasts):
    keys = ["method", "variant", "protocol", "catalogue", "star_id", "quantity"]
    assert not forecasts.duplicated(keys).any()
    counts = forecasts[forecasts["quantity"] == "age"].groupby(["method", "variant", "protocol"]).size()
    assert counts["known", "labels-given-field", UNSEEN] == len(stars.table)
    for protocol in (IN_SAMPLE, FIVE_FOLD, OTHER_CATALOGUES):
        assert counts["known+correction", "labels-given-field", protocol] == stars.known.sum()
    assert counts["known", "solar-given-field", UNSEEN] == 60
    assert counts["known", "labels-open-log", UNSEEN] == 30
    assert counts["known+correction", "labels-open-log", UNSEEN] == 30


def test_the_correction_moves_stars_by_what_others_teach(scores):
    assert value(scores, "bias", method="known", catalogue="young", **GIVEN) == pytest.approx(-0.2, abs=0.05)
    for protocol in (FIVE_FOLD, OTHER_CATALOGUES):
        where = {"method": "known+correction", "catalogue": "young", "protocol": protocol}
        assert abs(value(scores, "bias", **where, **GIVEN)) < 0.06
        assert value(scores, "crps_change", **where, **GIVEN) < -0.02
    assert abs(value(scores, "bias", method="known+correction", catalogue="cluster", **GIVEN)) < 0.06


def test_what_two_catalogues_disagree_on_is_left_alone(scores):
    where = {"method": "known+correction", "stage": "post", "catalogue": "all", "protocol": OTHER_CATALOGUES}
    assert value(scores, "crps_change", **where, **GIVEN) > 0
    assert ("pre", "age") in heldout.carries_over(scores, "known")
    assert ("post", "age") not in heldout.carries_over(scores, "known")


def test_only_ages_have_limits_and_information(scores):
    of = scores[scores["metric"].isin(["data_coverage68", "from_prior"])]
    assert set(of["quantity"]) == {"age"}
    assert (scores["n"] > 0).all()
    assert list(scores.columns) == list(heldout.SCORE_COLUMNS)


def test_an_ensemble_is_a_normal_distribution():
    members = np.random.default_rng(1).normal(size=(20, 5, 2))
    found = heldout.of_ensemble(members, np.zeros((2, 5)))
    assert found["mean"] == pytest.approx(members.mean(axis=0).T)
    assert found["q84"] - found["q16"] == pytest.approx(2 * 0.99446 * members.std(axis=0).T, rel=1e-4)


def test_quantiles_of_draws_are_those_of_numpy():
    drawn = np.random.default_rng(2).normal(size=(2, 4, 512)).astype(np.float32)
    found = heldout.of_draws(drawn, np.zeros((2, 4)))
    assert found["q16"] == pytest.approx(np.quantile(drawn, 0.16, axis=2), abs=1e-6)
    assert found["sd"] == pytest.approx(drawn.std(axis=2), rel=1e-5)
