"""The table of scores on stars not seen as readers see it."""

from collections.abc import Mapping

import pandas as pd

from stelnet.evaluation.heldout import NETWORKS, POOLED, TEACHING

#: Metric -> decimals.
COLUMNS = {
    "mae": 3,
    "bias": 3,
    "pearson": 3,
    "coverage68": 2,
    "coverage95": 2,
    "width": 3,
    "crps": 3,
    "crps_change": 3,
}
#: Metrics that are shown with their intervals.
WITH_INTERVAL = ("mae", "crps_change")
#: Protocol -> what readers see.
WORDS = {
    "in_sample": "in sample",
    "5_fold": "5-fold",
    "leave_catalogue_out": "other catalogues",
    "unseen": "unseen",
}
NOTES = [
    "Real stars that a method learnt from: in sample, the scored ones too, as in the paper; 5-fold, others "
    "of all catalogues; other catalogues, those alone; unseen: none, or, where clusters are scored, "
    "catalogues.",
    "[Fe/H] as measured, or solar where a catalogue's labels assume it. mae, crps_change: with 95 % "
    "intervals over stars; crps_change: against the same method without the correction, star by star.",
]


def shown(scores: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return the main part of a table of scores, as text: pooled catalogues, and clusters.

    Parameters
    ----------
    scores
        Table of :func:`stelnet.evaluation.heldout.summary`.
    labels
        Catalogue or cluster -> its label.
    """
    known = scores["catalogue"].eq(POOLED) | scores["protocol"].eq("unseen") & ~_pooled(scores)
    main = scores[known & scores["variant"].isin([str(TEACHING), str(NETWORKS)])]
    main = main[main["metric"].isin(COLUMNS)].copy()
    main["text"] = [
        _text(metric, *values)
        for metric, *values in zip(*(main[name] for name in ("metric", "value", "lo", "hi")), strict=True)
    ]
    keys = ["stage", "catalogue", "quantity", "method", "protocol"]
    wide = main.pivot_table(index=keys, columns="metric", values="text", aggfunc="first", sort=False)
    wide = wide.reindex(columns=list(COLUMNS)).fillna("–").reset_index()
    wide["protocol"] = wide["protocol"].map(WORDS)
    return wide.replace({"catalogue": {**labels, POOLED: "all"}})


def _pooled(scores: pd.DataFrame) -> pd.Series:
    """Return whether a row's catalogue is one of those that are pooled: it is scored by folds too."""
    folded = scores.loc[scores["protocol"] != "unseen", "catalogue"].unique()
    return scores["catalogue"].isin(folded)


def _text(metric: str, value: float, low: float, high: float) -> str:
    places = COLUMNS[metric]
    text = f"{value:.{places}f}"
    return f"{text} ({low:.{places}f} to {high:.{places}f})" if metric in WITH_INTERVAL else text
