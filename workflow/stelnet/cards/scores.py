"""How well a packaged model does on catalogues and clusters, measured through the call that users make."""

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import pandas as pd
from astropy.stats import binom_conf_interval

from stelnet.arrays import Floats
from stelnet.inference.model import Model, Predictions
from stelnet.terms import QUANTITIES, StageName

#: Percent of the probability in an interval -> the columns of its ends.
INTERVALS = {68: ("p16", "p84"), 95: ("p2_5", "p97_5")}
#: Decimals that are kept: more would be noise, and other processors differ in the last bits.
DECIMALS = 4


def scores(model: Model, stars: pd.DataFrame, drawn: Set[str] = frozenset()) -> list[dict[str, Any]]:
    """Return how predictions for a catalogue or cluster compare with the ages and masses that it reports.

    Errors of Teff and L are the catalogue's, or the default ones of :meth:`Model.predict` where it has none.
    [Fe/H] is the catalogue's where it has one and the model can use it.
    The errors of the reported ages and masses do not count: intervals that were right would cover
    the reported values less often than they promise.

    Parameters
    ----------
    model
        What predicts.
    stars
        A standard star table of one stage.
    drawn
        The `star_id` of all stars that the model was trained on.

    Returns
    -------
    One row for each quantity, and each again with the stage given to the model (`stage_given`): n, the
    stars with a predicted and a reported value; n_drawn, those of them that the model was trained on; r,
    Pearson's coefficient, None where one of the two does not vary; bias, mae and median_abs, the mean, mean
    absolute and median absolute difference of predicted median and reported value [dex]; width, half the
    median width of the 68 % interval [dex]; coverage_68 and coverage_95, the fraction of the reported
    values that lie in the interval, and e_coverage_68 and e_coverage_95, half the width of the 68 % Wilson
    interval of that fraction. With n = 0 there is nothing after n_drawn.
    """
    (stage,) = stars["stage"].unique()
    rows = []
    for given in (False, True):
        predicted = _predict(model, stars, stage if given else None)
        for quantity in QUANTITIES:
            name = f"log_{quantity}"
            reported = stars[name].to_numpy()
            known = np.isfinite(reported) & np.isfinite(predicted[f"{name}_median"])
            columns = {
                end: np.asarray(predicted[f"{name}_{end}"], dtype=float)[known]
                for end in ("median", *(end for ends in INTERVALS.values() for end in ends))
            }
            row = {"quantity": quantity, "stage_given": given, "n": int(known.sum())}
            row["n_drawn"] = int(stars.loc[known, "star_id"].isin(drawn).sum())
            rows.append(row | _agreement(reported[known], columns))
    return rows


def assignment(model: Model, stars: pd.DataFrame) -> dict[str, Any]:
    """Return how a model that is not told the stage takes the stars of a table of one stage.

    Returns
    -------
    p_stage, the mean probability of their stage over the stars that have an answer; flags, flag -> number of
    stars that have it.
    """
    predicted = _predict(model, stars, None)
    p_pre = np.asarray(predicted["p_pre"], dtype=float)
    p_stage = p_pre if stars["stage"].iloc[0] == "pre" else 1 - p_pre
    return {"p_stage": round(float(np.nanmean(p_stage)), DECIMALS), "flags": dict(predicted.counts())}


def _predict(model: Model, stars: pd.DataFrame, stage: StageName | None) -> Predictions:
    inputs = [stars[name].to_numpy() for name in ("log_teff", "log_lum", "e_log_teff", "e_log_lum")]
    feh = stars["feh"].to_numpy(float) if model.metallicities else None
    return model.predict(*inputs, feh=feh, stage=stage)


def _agreement(reported: Floats, predicted: Mapping[str, Floats]) -> dict[str, float | None]:
    if not len(reported):
        return {}
    difference = predicted["median"] - reported
    varies = len(reported) > 2 and min(np.ptp(reported), np.ptp(predicted["median"])) > 0
    found = {
        "r": float(np.corrcoef(predicted["median"], reported)[0, 1]) if varies else None,
        "bias": float(difference.mean()),
        "mae": float(np.abs(difference).mean()),
        "median_abs": float(np.median(np.abs(difference))),
    }
    found["width"] = float(np.median(predicted["p84"] - predicted["p16"]) / 2)
    for percent, (low, high) in INTERVALS.items():
        inside = (predicted[low] <= reported) & (reported <= predicted[high])
        interval = binom_conf_interval(inside.sum(), len(inside), interval="wilson")
        found[f"coverage_{percent}"] = float(inside.mean())
        found[f"e_coverage_{percent}"] = float(np.ptp(interval) / 2)
    return {name: value if value is None else round(value, DECIMALS) for name, value in found.items()}
