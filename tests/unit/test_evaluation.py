"""Predictions and their scores."""

import numpy as np
import pandas as pd
import pytest

from stelnet.errors import DataError
from stelnet.evaluation import scores
from stelnet.terms import STAR_COLUMNS

RNG = np.random.default_rng(0)


def stars(n: int, error: float = 0.1, **columns) -> pd.DataFrame:
    """A standard star table; `columns` replaces some of its columns."""
    table = pd.DataFrame({name: np.nan for name in STAR_COLUMNS}, index=range(n))
    values = {
        "star_id": [f"star {i}" for i in range(n)],
        "log_teff": np.linspace(3.5, 4.0, n),
        "log_lum": np.linspace(-1.0, 2.0, n),
        "log_age": np.linspace(8.0, 10.0, n),
        "log_mass": np.linspace(-0.5, 0.5, n),
        **{f"e_log_{q}_{side}": error for q in ("age", "mass") for side in ("lo", "hi")},
    }
    return table.assign(**values | columns)


def table(samples: dict[str, pd.DataFrame], offset: float = 0.0, sd: float = 0.1) -> pd.DataFrame:
    """Predictions that differ from the reported values by `offset`, of two networks that scatter by `sd`."""
    by_teff = pd.concat(samples.values()).drop_duplicates("log_teff").set_index("log_teff")

    def predict(log_teff, _):
        mean = by_teff.loc[log_teff, ["log_age", "log_mass"]].to_numpy() + offset
        return np.stack([mean - sd, mean + sd])

    result = scores.predictions(samples, predict)
    result.attrs |= {"source": "this_work", "model": "baseline", "variant": "published", "stage": "post"}
    return result


def test_predictions_are_mean_and_deviation_over_networks():
    members = RNG.normal(size=(5, 4, 2))
    result = scores.predictions({"A": stars(4)}, lambda *_: members)
    np.testing.assert_allclose(result[["log_age_mean", "log_mass_mean"]], members.mean(axis=0))
    np.testing.assert_allclose(result[["log_age_sd", "log_mass_sd"]], members.std(axis=0, ddof=0))
    assert result["sample"].tolist() == ["A"] * 4
    assert result["star_id"].tolist() == [f"star {i}" for i in range(4)]


def test_fractions_use_the_narrower_error_and_leave_out_stars_without():
    # ln(tau) = 0.5 / (0.01 + 0.09) with the narrower error of 0.3, hence 1.8 < 2 < 2.2 below
    wide = stars(
        4, error=0.3, e_log_age_hi=9.0, e_log_mass_lo=[np.nan] * 4, e_log_mass_hi=[0.3, 0.3, np.nan, 0.3]
    )
    one = table({"A": wide, "B": stars(3, error=np.nan)}, offset=np.sqrt(2 * 2.0 * 0.1))
    below = scores.consistent_fractions(one, ["A", "B"], 1.8)
    above = scores.consistent_fractions(one, ["A", "B"], 2.2)
    assert below.to_dict("list") == {
        "sample": ["A", "A"],
        "quantity": ["age", "mass"],
        "fraction": [0.0, 0.0],
        "n": [4, 3],
    }
    assert above["fraction"].tolist() == [1.0, 1.0]


def test_pearson_pools_the_samples_and_no_others():
    samples = {"A": stars(20), "B": stars(30), "cluster": stars(5)}
    one = table(samples)
    one["log_age_mean"] += RNG.normal(scale=0.3, size=len(one))
    result = scores.pearson(one, ["A", "B"]).set_index("quantity")
    pooled = one[one["sample"] != "cluster"]
    assert result.r["age"] == pytest.approx(pooled["log_age"].corr(pooled["log_age_mean"]))
    assert result.r["mass"] == pytest.approx(1.0)
    assert result.n.tolist() == [50, 50]


def test_scores_are_the_fractions_and_the_coefficients():
    one = table({"A": stars(4), "B": stars(3)})
    result = scores.scores(one, ["A", "B"], "post", 1.0).set_index(["sample", "quantity", "metric"])["value"]
    assert result["B", "mass", "fraction"] == 1.0
    assert result["post", "age", "r"] == pytest.approx(1.0)
    assert len(result) == 6


def test_a_sample_without_stars_is_an_error():
    with pytest.raises(DataError, match="post predictions hold no star of C"):
        scores.pearson(table({"A": stars(4)}), ["A", "C"])


def test_cluster_statistics_are_of_its_members():
    members = stars(101, log_age=8.0)
    one = table({"A": stars(3), "M67": members}, offset=0.2)
    one.loc[one["sample"] == "M67", "log_age_mean"] = np.linspace(0, 100, 101)
    (row,) = scores.cluster_statistics(one, ["M67"]).itertuples()
    assert (row.cluster, row.n, row.log_age_literature) == ("M67", 101, 8.0)
    assert (row.log_age_p16, row.log_age_median, row.log_age_p84) == pytest.approx((16, 50, 84))
    assert (row.log_mass_mae, row.log_mass_bias) == pytest.approx((0.2, 0.2))


def test_bias_is_predicted_minus_literature():
    one = table({"M67": stars(10, log_age=8.0)}, offset=-0.3)
    (row,) = scores.cluster_statistics(one, ["M67"]).itertuples()
    assert (row.log_mass_mae, row.log_mass_bias) == pytest.approx((0.3, -0.3))


def test_a_cluster_has_one_age():
    with pytest.raises(DataError, match="M67: its members have 2 literature ages"):
        scores.cluster_statistics(table({"M67": stars(2)}), ["M67"])


def test_gather_tells_whose_scores_they_are():
    one = table({"A": stars(4), "B": stars(3)})
    rows = scores.gather(
        [one, one],
        scores.pearson,
        {"post": ["A"], "pre": []},
        ["stage", "model", "source", "quantity", "n"],
    )
    assert rows.iloc[0].tolist() == ["post", "baseline", "this_work", "age", 4]
    assert len(rows) == 4


def points(n: int) -> pd.DataFrame:
    teff, lum = RNG.uniform(3.4, 4.8, n), RNG.uniform(-3, 6, n)
    return pd.DataFrame(
        {"log_teff": teff, "log_lum": lum, "log_age": 2 * teff - lum, "log_mass": 0.1 * teff + 0.2 * lum}
    )


def test_errors_of_points():
    rows = points(3)
    predicted = rows[["log_age", "log_mass"]].to_numpy() + [[0.1, 0.0], [-0.2, 0.0], [0.6, 0.5]]
    result = scores.point_errors(predicted, rows).set_index("quantity")
    assert result.mae.to_dict() == pytest.approx({"age": 0.3, "mass": 0.5 / 3})
    assert result.median_abs.to_dict() == pytest.approx({"age": 0.2, "mass": 0.0}, abs=1e-12)
    assert result.n.tolist() == [3, 3]


def test_interpolation_is_exact_for_a_plane_within_the_hull():
    known, asked = points(300), points(50)
    inside = asked["log_teff"].between(3.6, 4.6) & asked["log_lum"].between(-2, 5)
    predicted = scores.interpolate(known, asked)
    np.testing.assert_allclose(predicted[inside], asked.loc[inside, ["log_age", "log_mass"]], atol=1e-9)


def test_outside_the_hull_the_nearest_point_counts():
    known = points(300)
    corner = pd.DataFrame({"log_teff": [6.0], "log_lum": [9.0]})
    scaled = (known[["log_teff", "log_lum"]] - [6.0, 9.0]) / np.ptp(known[["log_teff", "log_lum"]], axis=0)
    nearest = (scaled**2).sum(axis=1).idxmin()
    expected = known.loc[[nearest], ["log_age", "log_mass"]]
    np.testing.assert_array_equal(scores.interpolate(known, corner), expected)
