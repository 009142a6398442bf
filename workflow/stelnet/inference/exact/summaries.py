"""What is told of a marginal density on bins: quantiles, limits, information."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from stelnet.arrays import Floats
from stelnet.inference.observed import LEVELS, AgePrior

#: What chi squared may exceed its least value by: 68 % and 95 % of one parameter.
CHI2_LEVELS = (1.0, 3.84)


def quantiles(density: Floats, edges: Floats, levels: tuple[float, ...] = LEVELS) -> Floats:
    """Return quantiles (levels, n) of densities (n, bins), linear within a bin."""
    cumulated = np.cumsum(density, axis=1)
    cumulated /= cumulated[:, -1:]
    found = np.empty((len(levels), len(density)))
    for i, level in enumerate(levels):
        at = np.minimum((cumulated < level).sum(axis=1), density.shape[1] - 1)
        row = np.arange(len(density))
        above = cumulated[row, at]
        below = np.where(at > 0, cumulated[row, at - 1], 0)
        share = np.clip((level - below) / np.maximum(above - below, 1e-300), 0, 1)
        found[i] = edges[at] + share * (edges[at + 1] - edges[at])
    return found


def smooth_quantiles(weights: Floats, edges: Floats) -> Floats:
    """Return quantiles (levels,) of a distribution known on few bins, its cumulative one a monotone cubic."""
    cumulated = np.append(0, np.cumsum(weights))
    cumulated /= cumulated[-1]
    fine = np.linspace(edges[0], edges[-1], 16 * (len(edges) - 1) + 1)
    values = PchipInterpolator(edges, cumulated)(fine)
    return np.interp(LEVELS, values, fine)


def limits(chi2: Floats, edges: Floats) -> Floats:
    """Return the bounds of log age (4, n) where chi squared (n, bins) is within :data:`CHI2_LEVELS`."""
    least = chi2.min(axis=1, keepdims=True)
    some = np.isfinite(least[:, 0])
    found = []
    for level in CHI2_LEVELS:
        inside = chi2 <= least + level
        bounds = edges[inside.argmax(axis=1)], edges[inside.shape[1] - inside[:, ::-1].argmax(axis=1)]
        found += [np.where(some, bound, np.nan) for bound in bounds]
    return np.array(found)


def information(density: Floats, edges: Floats, gamma: Floats, prior: AgePrior) -> Floats:
    """Return the Kullback-Leibler divergence (n,) [nats] of densities of log age (n, bins) from the prior."""
    low, high = np.clip(edges[:-1], prior.low, prior.high), np.clip(edges[1:], prior.low, prior.high)
    width = np.maximum(high - low, 0)
    expected = width * 10 ** (((low + high) / 2 - 9) * (1 - gamma[:, None]))
    expected /= expected.sum(axis=1, keepdims=True)
    share = density / density.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(share > 0, share * np.log(share / np.maximum(expected, 1e-300)), 0)
    total: Floats = terms.sum(axis=1)
    return total
