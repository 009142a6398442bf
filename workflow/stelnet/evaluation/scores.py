"""Scores of predictions: what Section 4 of the paper reports of stars and clusters; errors on MIST points.

A table of predictions has one row a star: its sample (a catalogue or a cluster), :data:`CARRIED_COLUMNS`, and
``log_<quantity>_mean`` and ``log_<quantity>_sd`` over the networks for each of the
:data:`~stelnet.terms.QUANTITIES`. Its metadata (:data:`NETWORK_KEYS`) say whose predictions they are.
:func:`predictions` makes it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.evaluation.tension import consistent_fraction, log_tension, narrower
from stelnet.terms import QUANTITIES

#: Metadata of a table of predictions: whose they are.
NETWORK_KEYS = ("source", "model", "variant", "stage")

#: Columns of a star table that go into a table of predictions.
CARRIED_COLUMNS = (
    "star_id",
    "log_teff",
    "log_lum",
    *(name for q in QUANTITIES for name in (f"log_{q}", f"e_log_{q}_lo", f"e_log_{q}_hi")),
)
#: What :func:`cluster_statistics` reports of a cluster.
CLUSTER_COLUMNS = (
    "n",
    "log_age_literature",
    "log_age_median",
    "log_age_p16",
    "log_age_p84",
    "log_mass_mae",
    "log_mass_bias",
)


def predictions(
    stars: Mapping[str, pd.DataFrame], predict: Callable[[Floats, Floats], Floats]
) -> pd.DataFrame:
    """Return the stars of all samples with what an ensemble predicts for them.

    Parameters
    ----------
    stars
        Key of the catalogue or cluster -> its standard star table.
    predict
        Function from log Teff/K and log L/Lsun, both (n_stars,), to log age/yr and log mass/Msun of each
        network, (n_networks, n_stars, 2). Their mean and standard deviation (ddof 0) over networks are kept.
    """
    tables = []
    for sample, table in stars.items():
        members = predict(table["log_teff"].to_numpy(), table["log_lum"].to_numpy())
        columns = {"sample": sample} | {name: table[name] for name in CARRIED_COLUMNS}
        for column, quantity in enumerate(QUANTITIES):
            columns[f"log_{quantity}_mean"] = members[:, :, column].mean(axis=0)
            columns[f"log_{quantity}_sd"] = members[:, :, column].std(axis=0)
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def gather(
    tables: Iterable[pd.DataFrame],
    score: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame],
    samples: Mapping[str, Sequence[str]],
    columns: Sequence[str],
) -> pd.DataFrame:
    """Return the scores of several tables of predictions below one another, as the rows of a CSV file.

    Parameters
    ----------
    score
        Function of a table and of the samples in it that are scored.
    samples
        Stage -> samples.
    columns
        Columns of the result: of the scores, and of :data:`NETWORK_KEYS`.
    """
    rows = [
        score(table, samples[table.attrs["stage"]]).assign(**{key: table.attrs[key] for key in NETWORK_KEYS})
        for table in tables
    ]
    return pd.concat(rows, ignore_index=True)[list(columns)]


def of_samples(table: pd.DataFrame, samples: Iterable[str]) -> pd.DataFrame:
    """Return the rows of some samples; raise DataError when one of them has none."""
    samples = list(samples)
    missing = [sample for sample in samples if not (table["sample"] == sample).any()]
    if missing:
        raise DataError(
            f"The {table.attrs.get('stage', '')} predictions hold no star of {', '.join(missing)}; "
            "see the file of dropped rows beside the catalogue for the reason."
        )
    return table[table["sample"].isin(samples)]


def consistent_fractions(table: pd.DataFrame, samples: Iterable[str], max_log_tau: float) -> pd.DataFrame:
    """Return for each sample and quantity the fraction of stars that agree with their catalogue (Table 1).

    Returns
    -------
    Columns sample, quantity, fraction (ln(tau) below `max_log_tau`), n (stars that have error bars, the only
    ones that count). A sample without error bars has no row.
    """
    rows = []
    for sample in samples:
        stars = of_samples(table, [sample])
        for q in QUANTITIES:
            error = narrower(stars[f"e_log_{q}_lo"], stars[f"e_log_{q}_hi"])
            log_tau = log_tension(stars[f"log_{q}_mean"], stars[f"log_{q}_sd"], stars[f"log_{q}"], error)
            fraction, n = consistent_fraction(log_tau, max_log_tau)
            if n:
                rows.append((sample, q, fraction, n))
    return pd.DataFrame(rows, columns=["sample", "quantity", "fraction", "n"])


def pearson(table: pd.DataFrame, samples: Iterable[str]) -> pd.DataFrame:
    """Return Pearson's r between predicted and reported values of the pooled samples (Figures 2 and 3).

    Returns
    -------
    Columns quantity, r, n.
    """
    stars = of_samples(table, samples)
    rows = []
    for q in QUANTITIES:
        pair = stars[[f"log_{q}_mean", f"log_{q}"]].dropna()
        rows.append((q, float(np.corrcoef(pair.to_numpy().T)[0, 1]), len(pair)))
    return pd.DataFrame(rows, columns=["quantity", "r", "n"])


def scores(table: pd.DataFrame, samples: Sequence[str], stage: str, max_log_tau: float) -> pd.DataFrame:
    """Return :func:`consistent_fractions` and :func:`pearson` in one table.

    Returns
    -------
    Columns sample (the stage, for Pearson's r), quantity, metric (fraction or r), value.
    """
    fractions = consistent_fractions(table, samples, max_log_tau).assign(metric="fraction")
    coefficients = pearson(table, samples).assign(sample=stage, metric="r")
    rows = [fractions.rename(columns={"fraction": "value"}), coefficients.rename(columns={"r": "value"})]
    return pd.concat(rows, ignore_index=True)[["sample", "quantity", "metric", "value"]]


def cluster_statistics(table: pd.DataFrame, clusters: Iterable[str]) -> pd.DataFrame:
    """Return how the members of clusters of one age each are predicted (Section 4.2, Figures 5 and 6).

    Returns
    -------
    Columns cluster; n (members); log_age_literature; log_age_median, log_age_p16 and log_age_p84 of the
    members' predicted ages (each the mean over the networks); log_mass_mae and log_mass_bias, the mean
    absolute error and the mean error (predicted minus literature) of their masses [dex].

    Raises
    ------
    DataError
        A cluster has no member, or members of different literature ages.
    """
    rows = []
    for cluster in clusters:
        stars = of_samples(table, [cluster])
        ages = stars["log_age"].unique()
        if len(ages) != 1:
            raise DataError(
                f"{cluster}: its members have {len(ages)} literature ages, but a cluster has one."
            )
        p16, median, p84 = np.percentile(stars["log_age_mean"], [16, 50, 84])
        error = stars["log_mass_mean"] - stars["log_mass"]
        rows.append((cluster, len(stars), ages[0], median, p16, p84, error.abs().mean(), error.mean()))
    return pd.DataFrame(rows, columns=["cluster", *CLUSTER_COLUMNS])


def point_errors(predicted: NDArray[np.float64], points: pd.DataFrame) -> pd.DataFrame:
    """Return the errors of predictions at MIST points, each point counting alike.

    The stage tables hold the same share of every track's points, so that every track counts alike as well.

    Parameters
    ----------
    predicted
        Log age/yr and log mass/Msun, (n_points, 2).
    points
        Rows of a MIST stage table, (n_points, ...).

    Returns
    -------
    Columns quantity, mae (mean absolute error), median_abs (median absolute error), both in dex, n.
    """
    rows = []
    for column, q in enumerate(QUANTITIES):
        error = np.abs(predicted[:, column] - points[f"log_{q}"].to_numpy())
        rows.append((q, float(error.mean()), float(np.median(error)), len(error)))
    return pd.DataFrame(rows, columns=["quantity", "mae", "median_abs", "n"])


def interpolate(known: pd.DataFrame, points: pd.DataFrame) -> NDArray[np.float64]:
    """Predict by plain interpolation of the tracks: what the networks must earn their place against.

    Linear on the Delaunay triangles of the `known` points in (log_teff, log_lum), each axis scaled to unit
    range, as for the networks; the nearest known point's values outside of their convex hull.

    Parameters
    ----------
    known, points
        Rows of a MIST stage table with log_teff [K] and log_lum [Lsun]; of `known`, log_age and log_mass too.

    Returns
    -------
    Log age/yr and log mass/Msun at `points`, (n_points, 2).
    """
    inputs = ["log_teff", "log_lum"]
    values = known[[f"log_{q}" for q in QUANTITIES]].to_numpy()
    predicted: NDArray[np.float64] = LinearNDInterpolator(known[inputs].to_numpy(), values, rescale=True)(
        points[inputs].to_numpy()
    )
    outside = np.isnan(predicted[:, 0])
    if outside.any():
        nearest = NearestNDInterpolator(known[inputs].to_numpy(), values, rescale=True)
        predicted[outside] = nearest(points.loc[outside, inputs].to_numpy())
    return predicted
