"""Metrics against scipy and closed forms; bootstrap intervals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stelnet.evaluation import metrics

ONES = np.ones((1, 200))


def test_crps_of_a_normal_is_that_of_its_many_draws():
    rng = np.random.default_rng(1)
    mean, sd, label = rng.normal(size=(3, 20))
    sd = np.exp(sd / 2)
    draws = np.sort(mean[:, None] + sd[:, None] * rng.standard_normal((20, 20_000)), axis=1)
    assert metrics.crps_of_draws(draws, label) == pytest.approx(
        metrics.crps_of_normal(mean, sd, label), abs=0.03
    )


def test_crps_of_a_few_draws_is_the_double_sum():
    draws, label = np.array([[0.1, 0.4, 2.0]]), np.array([1.0])
    pairs = np.abs(draws[0][:, None] - draws[0]).mean()
    expected = np.abs(draws[0] - 1).mean() - pairs / 2
    assert metrics.crps_of_draws(draws, label) == pytest.approx([expected])


def test_weights_of_one_give_the_plain_statistics():
    x, y = np.random.default_rng(2).normal(size=(2, 200))
    y += x
    assert metrics.mean(ONES, x) == pytest.approx([x.mean()])
    assert metrics.median(ONES, x) == pytest.approx([np.median(x)])
    assert metrics.pearson(ONES, np.column_stack([x, y])) == pytest.approx([stats.pearsonr(x, y).statistic])


@given(st.lists(st.integers(0, 4), min_size=5, max_size=5).filter(any))
def test_weights_are_numbers_of_repetitions(counts):
    x, y = np.array([3.0, -1.0, 0.5, 7.0, 2.0]), np.array([1.0, 0.0, 4.0, 2.0, 2.5])
    weights, rows = np.array([counts], float), np.repeat(np.arange(5), counts)
    assert metrics.mean(weights, x) == pytest.approx([x[rows].mean()])
    assert metrics.median(weights, x) == pytest.approx([np.median(x[rows])])
    if len(set(rows)) > 1:
        expected = np.corrcoef(x[rows], y[rows])[0, 1]
        assert metrics.pearson(weights, np.column_stack([x, y])) == pytest.approx([expected])
    else:
        assert np.isnan(metrics.pearson(weights, np.column_stack([x, y]))).all()


def test_an_interval_is_about_that_of_scipy_and_the_same_each_time():
    x = np.random.default_rng(3).exponential(size=200)
    weights = metrics.resampled(np.arange(200), 7, "test", count=2000)
    value, low, high = metrics.interval(metrics.mean(weights, x))
    assert value == pytest.approx(x.mean())
    reference = stats.bootstrap((x,), np.mean, n_resamples=2000, method="percentile", rng=1)
    assert (low, high) == pytest.approx(tuple(reference.confidence_interval), abs=0.02)
    assert np.array_equal(weights, metrics.resampled(np.arange(200), 7, "test", count=2000))


def test_rows_of_a_group_are_drawn_together():
    weights = metrics.resampled(np.array([5, 5, 9, 9, 9, 2]), 1, count=50)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[1:, [0, 2, 5]].sum(axis=1) == 3).all()


def rows(label, centre, sd, catalogue="A", **more):
    n = len(label)
    table = pd.DataFrame(
        {"label": label, "mean": centre, "sd": sd, "e_lo": 0.1, "e_hi": 0.2, "group": np.arange(n)}
    )
    for name, level in metrics.QUANTILE_COLUMNS.items():
        table[name] = centre + stats.norm.ppf(level) * sd
    table["crps"] = metrics.crps_of_normal(table["mean"], table["sd"], table["label"])
    for name in ("data_lo68", "data_hi68", "data_lo95", "data_hi95", "information"):
        table[name] = np.nan
    return table.assign(catalogue=catalogue, star_id=[f"star {i}" for i in range(n)], **more)


def test_scores_of_honest_forecasts():
    rng = np.random.default_rng(4)
    centre = rng.normal(size=4000)
    label = centre + 0.3 * rng.standard_normal(4000)
    found = {row[0]: row[1:] for row in metrics.score(rows(label, centre, 0.3), 1.0, 1)}
    assert found["coverage68"][0] == pytest.approx(0.68, abs=0.03)
    assert found["coverage95"][0] == pytest.approx(0.95, abs=0.015)
    assert found["mae"][0] == pytest.approx(0.3 * np.sqrt(2 / np.pi), rel=0.05)
    assert found["crps"][0] == pytest.approx(0.3 / np.sqrt(np.pi), rel=0.05)
    assert found["width"][0] == pytest.approx(0.3 * stats.norm.ppf(0.84))
    # the narrower error of the label, 0.1, and the forecast's own: a fifth of the variance is not told
    consistent = 2 * stats.norm.cdf(np.sqrt(2 * (0.3**2 + 0.1**2)) / 0.3) - 1
    assert found["tension"][0] == pytest.approx(consistent, abs=0.02)
    assert all(low <= value <= high and n == 4000 for value, low, high, n in found.values())
    assert "from_prior" not in found


def test_a_change_counts_each_catalogue_alike():
    before = pd.concat(
        [rows(np.zeros(90), np.full(90, 1.0), 0.1, "A"), rows(np.zeros(10), np.full(10, 1.0), 0.1, "B")]
    )
    after = pd.concat(
        [rows(np.zeros(90), np.full(90, 0.5), 0.1, "A"), rows(np.zeros(10), np.full(10, 2.0), 0.1, "B")]
    )
    for table in (before, after):
        table["group"] = np.arange(100)
    found = {row[0]: row[1:] for row in metrics.change(before, after, 1)}
    assert found["crps_change"][0] == pytest.approx((-0.5 + 1.0) / 2, abs=1e-6)
    assert found["crps_change"][3] == 100
