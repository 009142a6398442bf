"""The sample that transfer learning trains on (Phillips et al., Section 3): real stars and MIST points."""

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from stelnet.errors import DataError
from stelnet.seeds import generator

log = logging.getLogger(__name__)

VALUES = ["log_teff", "log_lum", "log_age", "log_mass"]


def stream_names(variant: str, stage: str, repetition: int = 0) -> tuple[str | int, ...]:
    """Return the name of the random streams of a draw and of the training on it.

    A repetition other than 0 serves the spread of the scores alone.
    """
    return ("transfer", repetition, variant, stage)


def draw_sample(
    stars: Mapping[str, pd.DataFrame],
    mist: pd.DataFrame,
    plan: Mapping[str, Mapping[str, int]],
    mist_points: Mapping[str, int],
    seed: int,
    names: tuple[str | int, ...],
) -> pd.DataFrame:
    """Draw the training sample of one stage, without replacement from each pool.

    The paper draws one sample a stage and retrains the network on bootstraps of it, rather than drawing anew
    for each bootstrap: all its published networks fit the same few unusual stars. What falls outside the mass
    range of the stars drawn is that of their current masses, which the networks predict.

    Parameters
    ----------
    stars
        Catalogue -> its standard star table.
    mist
        All MIST points of the stage.
    plan
        Catalogue -> ``copies`` of each star that go into its pool and the number to ``draw`` from it.
    mist_points
        Number of points from the ``whole`` stage, ``below`` the lowest and ``above`` the highest mass drawn.
    seed, names
        Base seed and name of the random streams; each pool has its own.

    Returns
    -------
    DataFrame
        sample (a catalogue, or ``MIST whole|below|above``), star_id (of a MIST point: mass and EEP) and
        :data:`VALUES`.

    Raises
    ------
    DataError
        No star is drawn, or the stage has no MIST point.
    """

    def draw(pool: pd.DataFrame, count: int, name: str) -> pd.DataFrame:
        if count > len(pool):
            log.warning("%s has %d points of the %d to be drawn: all are taken", name, len(pool), count)
        chosen = generator(seed, *names, name).choice(len(pool), min(count, len(pool)), replace=False)
        return pool.iloc[chosen][["star_id", *VALUES]].assign(sample=name)

    drawn = [
        draw(stars[name].loc[stars[name].index.repeat(block["copies"])], block["draw"], name)
        for name, block in plan.items()
    ]
    masses = np.concatenate([sample["log_mass"] for sample in drawn]) if drawn else np.array([])
    if not masses.size or mist.empty:
        raise DataError(
            f"{'/'.join(map(str, names))}: transfer learning needs stars and MIST points of the stage; "
            "see catalogues in the configuration."
        )
    points = mist.assign(
        star_id=[f"{m:g} Msun, EEP {e}" for m, e in zip(mist["initial_mass"], mist["eep"], strict=True)]
    )
    pools = {
        "whole": points,
        "below": points[points["log_mass"] < masses.min()],
        "above": points[points["log_mass"] > masses.max()],
    }
    drawn += [draw(pool, mist_points[part], f"MIST {part}") for part, pool in pools.items()]
    return pd.concat(drawn, ignore_index=True)[["sample", "star_id", *VALUES]]
