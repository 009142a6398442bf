"""Flags that do not depend on where the moments came from."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from stelnet.arrays import Bools, Floats
from stelnet.inference import domain
from stelnet.inference.answer import BITS, LOGS, Flag
from stelnet.inference.inputs import Stars, raise_flag
from stelnet.inference.sky import Sky
from stelnet.terms import LOG_AGE_UNIVERSE, STAGES

#: Within this distance [units] of the tracks a point counts as on them.
ON_TRACKS = 1.0
#: A star has two modes only where p_pre lies between.
UNDECIDED = (0.05, 0.95)


def flags_of_place(
    log_weights: np.ndarray,
    distances: Mapping[str, np.ndarray],
    stages: Collection[str],
    answered: np.ndarray,
) -> np.ndarray:
    """Return the flags of usable stars, uint32 (n,), that tell where they are beside the tracks.

    Parameters
    ----------
    log_weights, distances
        Logarithms of the weights of nodes, see :meth:`Stars.nodes`, and stage -> their distances (nodes, n)
        [units], of both stages.
    stages
        Those that are possible.
    answered
        Which stars have an answer.
    """
    nodes = np.exp(log_weights)

    def on(distance: np.ndarray) -> np.ndarray:
        weights: np.ndarray = (nodes * (distance < ON_TRACKS)).sum(axis=0)
        return weights

    on_tracks = {stage: on(distance) for stage, distance in distances.items()}
    on_any = on(np.minimum.reduce([distances[stage] for stage in stages]))
    bits = np.zeros(len(answered), BITS)
    raise_flag(bits, ~answered, Flag.FAR_OUTSIDE)
    raise_flag(bits, answered & (on_any == 0), Flag.OUTSIDE_TRACKS)
    raise_flag(bits, (on_any > 0) & (on_any < 0.5), Flag.PARTLY_OUTSIDE)
    for other in set(STAGES) - set(stages):
        raise_flag(bits, (on_any == 0) & (on_tracks[other] > 0), Flag.WRONG_STAGE)
    return bits


def undecided(p_pre: np.ndarray) -> np.ndarray:
    """Return whether both stages are plausible."""
    return (p_pre > UNDECIDED[0]) & (p_pre < UNDECIDED[1])


def flags_of(
    stars: Stars,
    sky: Sky,
    log_weights: Floats,
    distances: Mapping[str, Floats],
    weights: Mapping[str, Floats],
    answered: Bools,
    columns: Mapping[str, Floats],
) -> NDArray[np.uint32]:
    """Return the flags of usable stars, uint32 (n,), that do not depend on where the moments came from.

    Parameters
    ----------
    log_weights, distances
        As in :func:`flags_of_place`.
    weights
        Stage -> weights of its components, of the possible stages.
    answered
        Which stars have an answer.
    """
    bits = flags_of_place(log_weights, distances, weights.keys(), answered)
    fields = {stage: field for stage in weights if (field := sky.coverage[stage]) is not None}
    if len(fields) == len(weights):
        seen = sum(
            weight.sum(axis=0) * domain.covered(fields[stage], sky.raster, stars.log_teff, stars.log_lum)
            for stage, weight in weights.items()
        )
        raise_flag(bits, answered & (seen < 0.5), Flag.MIST_ONLY)
    if len(weights) == len(STAGES):
        both_plausible = undecided(columns["p_pre"])
        for name in LOGS:
            apart = np.abs(np.subtract(*(columns[f"{name}_{stage}_mean"] for stage in STAGES)))
            both = sum(columns[f"{name}_{stage}_sd"] for stage in STAGES)
            raise_flag(bits, both_plausible & (apart > both), Flag.TWO_MODES)
    raise_flag(bits, columns["log_age_median"] > np.float64(LOG_AGE_UNIVERSE), Flag.OLDER_THAN_UNIVERSE)
    return bits
