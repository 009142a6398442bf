"""Scores of posteriors against labels, with bootstrap intervals over stars.

Every score is computed from weights of the stars: all 1 for the value, numbers of times that a star was drawn
for the resamples. So that the rows of a star stay together, groups are drawn, not rows.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm

from stelnet.arrays import Floats, Ints
from stelnet.evaluation.tension import log_tension, narrower
from stelnet.seeds import generator

#: Number of resamples, and probabilities of the ends of an interval.
RESAMPLES, INTERVAL = 200, (0.025, 0.975)
#: Quantile of a posterior -> its probability.
QUANTILE_COLUMNS = {"q025": 0.025, "q16": 0.16, "q50": 0.5, "q84": 0.84, "q975": 0.975}
#: Below so many nats of information an age is that of the prior.
TELLING = 0.3
#: Variances below this are those of equal numbers [dex^2].
TINY = 1e-12

#: Sums up values of stars under weights (resamples, n): returns (resamples,).
Reduce = Callable[[Floats, Floats], Floats]


def crps_of_normal(mean: Floats, sd: Floats, label: Floats) -> Floats:
    """Return the continuous ranked probability score of normal distributions [units of the label].

    Gneiting & Raftery (2007, JASA 102, 359), Equation 21, with the sign for which less is better.
    """
    z = (label - mean) / sd
    found: Floats = sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    return found


def crps_of_draws(ordered: Floats, label: Floats) -> Floats:
    """Return the same (...) of the empirical distributions of draws (..., count), which ascend.

    E|X - y| - E|X - X'| / 2.
    """
    count = ordered.shape[-1]
    spread = ordered @ (2 * np.arange(1, count + 1) - count - 1) / count**2
    found: Floats = np.abs(ordered - np.asarray(label)[..., None]).mean(axis=-1) - spread
    return found


def mean(weights: Floats, values: Floats) -> Floats:
    """Return weighted means (resamples,) of values (n,)."""
    with np.errstate(invalid="ignore"):
        found: Floats = weights @ values / weights.sum(axis=1)
        return found


def median(weights: Floats, values: Floats) -> Floats:
    """Return weighted medians (resamples,); between two values, where each side has half, their middle."""
    order = np.argsort(values)
    total, ordered = np.cumsum(weights[:, order], axis=1), values[order]
    half = total[:, -1:] / 2
    low, high = ((total < half).sum(axis=1), (total <= half).sum(axis=1))
    middle = (ordered[np.minimum(low, len(order) - 1)] + ordered[np.minimum(high, len(order) - 1)]) / 2
    return np.where(total[:, -1] > 0, middle, np.nan)


def pearson(weights: Floats, pairs: Floats) -> Floats:
    """Return weighted correlation coefficients (resamples,) of pairs (n, 2); NaN where one does not vary."""
    x, y = (pairs - pairs.mean(axis=0)).T
    with np.errstate(invalid="ignore", divide="ignore"):
        share = weights / weights.sum(axis=1, keepdims=True)
        mean_x, mean_y = share @ x, share @ y
        variance_x, variance_y = share @ x**2 - mean_x**2, share @ y**2 - mean_y**2
        varies = (variance_x > TINY) & (variance_y > TINY)
        return np.where(
            varies, (share @ (x * y) - mean_x * mean_y) / np.sqrt(variance_x * variance_y), np.nan
        )


def inside(rows: pd.DataFrame, low: str, high: str) -> Floats:
    """Return 1 where a label is between two columns, 0 where not, NaN where one is unknown."""
    within = (rows[low] <= rows["label"]) & (rows["label"] <= rows[high])
    return within.where(rows[[low, high, "label"]].notna().all(axis=1)).astype(float).to_numpy()


def consistent(rows: pd.DataFrame, max_log_tau: float) -> Floats:
    """Return 1 where ln(tau) is below `max_log_tau`, 0 where not, NaN where a label has no error."""
    tension = log_tension(rows["mean"], rows["sd"], rows["label"], narrower(rows["e_lo"], rows["e_hi"]))
    return np.where(np.isnan(tension), np.nan, tension < max_log_tau)


def star_values(rows: pd.DataFrame, max_log_tau: float) -> dict[str, tuple[Reduce, Floats]]:
    """Return metric -> how it sums up stars, and its values of each, (n,) or (n, 2), NaN where there is none.

    ``mae`` of the median, ``bias`` its median error, ``pearson`` of median and label; ``tension``, the
    fraction of stars with ln(tau) below `max_log_tau`; ``coverage68`` and ``coverage95`` of those between
    quantiles; ``width``, half the median width of those of 68 %; ``crps``. With a ``data_`` before: of the
    limits from the data alone. ``from_prior``: the fraction of stars whose data say less than :data:`TELLING`
    nats. All but fractions and coefficients are in dex.

    Parameters
    ----------
    rows
        Rows of :func:`stelnet.evaluation.heldout.as_rows`, of one quantity.
    """
    error = (rows["q50"] - rows["label"]).to_numpy(float)
    told = rows["information"].to_numpy(float)
    return {
        "mae": (mean, np.abs(error)),
        "bias": (median, error),
        "pearson": (pearson, rows[["q50", "label"]].to_numpy(float)),
        "tension": (mean, consistent(rows, max_log_tau)),
        "coverage68": (mean, inside(rows, "q16", "q84")),
        "coverage95": (mean, inside(rows, "q025", "q975")),
        "width": (median, ((rows["q84"] - rows["q16"]) / 2).to_numpy(float)),
        "crps": (mean, rows["crps"].to_numpy(float)),
        "data_coverage68": (mean, inside(rows, "data_lo68", "data_hi68")),
        "data_coverage95": (mean, inside(rows, "data_lo95", "data_hi95")),
        "data_width": (median, ((rows["data_hi68"] - rows["data_lo68"]) / 2).to_numpy(float)),
        "from_prior": (mean, np.where(np.isnan(told), np.nan, told < TELLING)),
    }


def resampled(groups: Ints, seed: int, *names: str | int, count: int = RESAMPLES) -> Floats:
    """Return weights (1 + count, n) of rows: 1 each, then how often the group of each is drawn."""
    numbers, which = np.unique(groups, return_inverse=True)
    n = len(numbers)
    drawn = generator(seed, *names, "resamples").multinomial(n, np.full(n, 1 / n), count)
    return np.concatenate([np.ones((1, len(groups))), drawn[:, which]])


def interval(values: Floats) -> tuple[float, float, float]:
    """Return a value, the first of `values`, and the ends of its interval, NaN where there is none."""
    rest = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(rest):
        return float(values[0]), float("nan"), float("nan")
    low, high = np.quantile(rest, INTERVAL)
    return float(values[0]), float(low), float(high)


def score(
    rows: pd.DataFrame, max_log_tau: float, seed: int, *names: str | int
) -> list[tuple[str, float, float, float, int]]:
    """Return metric, value, ends of its interval, and number of stars, of rows of one quantity.

    Metrics that no star has are left out.
    """
    weights = resampled(rows["group"].to_numpy(), seed, *names)
    found = []
    for metric, (reduce, values) in star_values(rows, max_log_tau).items():
        known = np.isfinite(values.reshape(len(rows), -1)).all(axis=1)
        if known.any():
            value = interval(reduce(weights[:, known], values[known]))
            if np.isfinite(value[0]):
                found.append((metric, *value, int(known.sum())))
    return found


def change(
    without: pd.DataFrame, with_it: pd.DataFrame, seed: int, *names: str | int
) -> list[tuple[str, float, float, float, int]]:
    """Return how CRPS and correlation of the same stars change, in the form of :func:`score`.

    CRPS changes by the mean over catalogues of the mean of each: a large catalogue counts no more than a
    small one, since it is by catalogues that labels differ.

    Parameters
    ----------
    without, with_it
        Rows of one quantity; those of stars that are in only one of the two are left out.
    """
    both = without.merge(with_it, on=["catalogue", "star_id"], suffixes=("_0", "_1"))
    both = both.dropna(subset=["q50_0", "q50_1", "label_0"])
    if both.empty:
        return []
    weights = resampled(both["group_0"].to_numpy(), seed, *names)
    before, after = (pearson(weights, both[[f"q50_{i}", "label_0"]].to_numpy(float)) for i in (0, 1))
    change = (both["crps_1"] - both["crps_0"]).to_numpy(float)
    by_catalogue = [
        mean(weights[:, rows], change[rows]) for rows in both.groupby("catalogue").indices.values()
    ]
    changes = {"crps_change": np.mean(by_catalogue, axis=0), "pearson_change": after - before}
    found = [(metric, *interval(values), len(both)) for metric, values in changes.items()]
    return [row for row in found if np.isfinite(row[1])]
