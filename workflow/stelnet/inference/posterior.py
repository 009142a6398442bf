"""The posterior of each star as a mixture of Gaussians: nodes that sample its errors, times the two stages.

A star's true place is x + e (u + v), with u and v Gaussian of variance :data:`SAMPLED` and the rest. Nodes
sample u; v is propagated linearly at each node, which keeps the mixture smooth. Where an error is so wide
that this would not do, there are many nodes, which sample u + v. A node's weight falls off with its distance
from the MIST tracks.

Arrays are (..., nodes, stars), the components of a mixture (components, stars).
"""

from collections.abc import Mapping
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stelnet.arrays import Bools, Floats
from stelnet.inference import domain, mixture
from stelnet.inference.answer import LOGS, QUANTILES, Flag
from stelnet.inference.flags import flags_of
from stelnet.inference.forward import Moments
from stelnet.inference.inputs import NODES, SAMPLED, STEP, Stars, raise_flag
from stelnet.inference.sky import Sky, falling, normalised
from stelnet.terms import STAGES

#: In the quantiles, a stage that weighs less is left out, or is one Gaussian.
NEGLIGIBLE, MINOR = 1e-6, 0.02
#: An answer is coarse when so much of its weight comes from coarse cells.
COARSE_WEIGHT = 0.01


class Source(Protocol):
    """What tells the moments of one stage: an ensemble, or a table of it."""

    def evaluate(self, log_teff: Floats, log_lum: Floats, wanted: Bools) -> Moments: ...


def _spread(values: Floats) -> Floats:
    """Return each component's standard deviation (2, nodes, n): the networks' own and v's, see the module.

    The slope along an axis is the gentler of those on the two sides of the star, and none where they
    disagree: a fold on one side makes two modes, not one smeared over ages that neither side supports.

    Parameters
    ----------
    values
        Moments (4, nodes, n), NaN where there are none.
    """
    variance = values[2:] * values[2:]
    if variance.shape[1] == NODES:
        factor = np.float32(1 - SAMPLED) / STEP**2
        means = values[:2]
        for first in (1, 3):
            fall, rise = means[:, 0] - means[:, first], means[:, first + 1] - means[:, 0]
            slope = np.where(fall * rise > 0, np.minimum(np.abs(fall), np.abs(rise)), 0)
            variance += (factor * slope * slope)[:, None]
    return np.sqrt(variance)


def posteriors(
    stars: Stars, sky: Sky, sources: Mapping[str, Source]
) -> tuple[dict[str, Floats], NDArray[np.uint32]]:
    """Return the columns of the posteriors of n stars, all usable, and their flags.

    Parameters
    ----------
    sources
        Stage -> source of its moments, for the stages that are possible.

    Returns
    -------
    columns
        Those of :data:`stelnet.inference.answer.COLUMNS` but the flags, float32 (n,); NaN where there is no
        answer.
    bits
        uint32 (n,).
    """
    log_teff, log_lum, log_weights = stars.nodes(sky.raster)
    distances = {stage: sky.distances(stage, log_teff, log_lum) for stage in STAGES}
    columns: dict[str, Floats] = {}
    means, sds, logs, coarse = {}, {}, {}, {}
    for stage, source in sources.items():
        near = distances[stage] < domain.FAR
        values, coarse[stage] = source.evaluate(log_teff, log_lum, near)
        complete = bool(near.all())
        means[stage], sds[stage] = values[:2], _spread(values)
        logs[stage] = falling(sky.weights(stage, values[1]), distances[stage])
        if not complete:
            means[stage], sds[stage] = np.where(near, means[stage], 0), np.where(near, sds[stage], 1)
        own = normalised(falling(log_weights, distances[stage]), axis=0)
        for name, mean, sd in zip(LOGS, means[stage], sds[stage], strict=True):
            columns[f"{name}_{stage}_mean"], columns[f"{name}_{stage}_sd"] = mixture.moments(own, mean, sd)

    nearest = np.minimum.reduce([distances[stage] for stage in sources])
    nodes = normalised(falling(log_weights, nearest), axis=0)
    shares = normalised(np.stack(list(logs.values())), axis=0)
    weights = dict(zip(sources, np.where(nodes > 0, shares * nodes, 0), strict=True))
    answered = np.isfinite(nodes[0])
    columns |= _quantiles(weights, means, sds, answered)
    p_pre = weights["pre"].sum(axis=0) if "pre" in weights else np.zeros(len(stars), np.float32)
    columns["p_pre"] = np.where(answered, np.minimum(p_pre, 1), np.float32(np.nan))

    bits = flags_of(stars, sky, log_weights, distances, weights, answered, columns)
    for stage, cells in coarse.items():
        if cells is not None:
            raise_flag(bits, (weights[stage] * cells).sum(axis=0) > COARSE_WEIGHT, Flag.COARSE_TABLE)
    return columns, bits


def _quantiles(
    weights: Mapping[str, Floats],
    means: Mapping[str, Floats],
    sds: Mapping[str, Floats],
    answered: Bools,
) -> dict[str, Floats]:
    """Return the quantiles' columns; stars without an answer get NaN.

    Stars are taken in groups by how much the stages matter to them: fewer components are quicker.
    """
    levels = dict(sorted(QUANTILES.items(), key=lambda item: item[1]))
    found = np.full((len(LOGS), len(levels), len(answered)), np.nan, np.float32)
    totals = {stage: weight.sum(axis=0) for stage, weight in weights.items()}
    ranks = {stage: (total > NEGLIGIBLE) + (total > MINOR).astype(int) for stage, total in totals.items()}
    for group in product((0, 1, 2), repeat=len(weights)):
        same = [ranks[stage] == rank for stage, rank in zip(weights, group, strict=True)]
        rows = np.flatnonzero(np.logical_and.reduce([answered, *same]))
        if not len(rows):
            continue
        parts = []
        for stage, rank in zip(weights, group, strict=True):
            part = (
                weights[stage].take(rows, axis=1),
                means[stage].take(rows, axis=2),
                sds[stage].take(rows, axis=2),
            )
            if rank == 1:
                total = totals[stage][rows]
                mean, sd = mixture.moments((part[0] / total)[:, None], *(a.swapaxes(0, 1) for a in part[1:]))
                part = total[None], mean[:, None], sd[:, None]
            if rank:
                parts.append(part)
        if not parts:
            # networks whose numbers overflow weigh nothing
            continue
        share, mean, sd = (np.concatenate(a, axis=-2) for a in zip(*parts, strict=True))
        quantiles = mixture.quantiles(share, mean.swapaxes(0, 1), sd.swapaxes(0, 1), tuple(levels.values()))
        found[..., rows] = quantiles
    return {
        f"{name}_{suffix}": values
        for name, of_name in zip(LOGS, found, strict=True)
        for suffix, values in zip(levels, of_name, strict=True)
    }
