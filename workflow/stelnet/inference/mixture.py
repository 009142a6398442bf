"""Mixtures of Gaussians, one mixture a star: moments and quantiles, in float32, all stars at once.

Arrays are (components, stars).
"""

from collections.abc import Sequence

import numpy as np

from stelnet.arrays import Bools, Floats

#: Coefficients, from the highest, of the polynomial p in Phi(z) = (1 + tanh(z p(z^2))) / 2: a weighted
#: minimax fit that errs by less than 1.6e-6 everywhere, at a tenth of the cost of the error function.
COEFFICIENTS = tuple(
    np.float32(c) for c in (1.4185352e-06, -3.6600091e-05, -8.8219227e-05, 3.63928089e-02, 7.97869557e-01)
)
#: Components that weigh less than this share of the heaviest do not matter to where the search starts.
LIGHT = np.float32(0.1)
CDF_ERROR = np.float32(2e-6)
#: The last step of Newton's method, in standard deviations of the narrowest component; what it leaves goes as
#: its square, and to that the bracket is narrowed where it is halved.
TOLERANCE = np.float32(0.03)
#: Most rounds, and after how many every other one halves the bracket: across a narrow peak Newton's steps may
#: go to and fro with hardly any gain.
ROUNDS, NEWTON_ROUNDS = 60, 6
#: Problems that are taken at a time; the arrays then stay in the cache.
BLOCK = 4096


def normal_cdf(z: Floats, out: Floats | None = None) -> Floats:
    """Return the cumulative standard normal distribution of float32 z, to 2e-6."""
    with np.errstate(over="ignore"):
        square = z * z
        result = np.multiply(square, COEFFICIENTS[0], out=out)
        for coefficient in COEFFICIENTS[1:-1]:
            result += coefficient
            result *= square
        result += COEFFICIENTS[-1]
        result *= z
    np.tanh(result, out=result)
    result += np.float32(1)
    result *= np.float32(0.5)
    return result


def moments(weights: Floats, means: Floats, sds: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation, shape (n,), of mixtures whose weights sum to 1."""
    mean = (weights * means).sum(axis=0)
    deviations = means - mean
    variance = (weights * (deviations * deviations + sds * sds)).sum(axis=0)
    return mean, np.sqrt(variance)


def quantiles(weights: Floats, means: Floats, sds: Floats, levels: Sequence[tuple[float, float]]) -> Floats:
    """Return quantiles of q quantities, float32 (q, levels, n), not falling with the level.

    Newton's method, kept in a bracket, which is halved where a step would leave it or many have not sufficed.

    Parameters
    ----------
    weights
        float32 (c, n), the same for all quantities; they sum to 1.
    means, sds
        float32 (c, q, n); deviations are positive.
    levels
        Ascending pairs of a probability and the standard normal quantile that belongs to it.
    """
    probabilities, normal = np.array(levels, np.float32).T
    if len(weights) == 1:
        only: Floats = means[0, :, None] + normal[:, None] * sds[0, :, None]
        return only
    heavy = np.where(weights > LIGHT * weights.max(axis=0), weights, 0)
    heavy /= heavy.sum(axis=0)
    centre, width = moments(heavy[:, None], means, sds)
    off = means - centre
    skewness = (heavy[:, None] * off * (off * off + 3 * sds * sds)).sum(axis=0) / width**3
    skewness = np.clip(skewness, -1, 1)
    counted = (weights > 0)[:, None]
    tolerance = TOLERANCE * np.min(sds, axis=0, initial=np.inf, where=counted)
    inverse = 1 / sds
    found, low, high = (np.empty((means.shape[1], len(levels), means.shape[2]), np.float32) for _ in range(3))
    going = np.empty(found.shape, bool)
    for i, (level, z) in enumerate(zip(probabilities, normal, strict=True)):
        # a quantile of the mixture lies among those of its components
        own = means + z * sds
        np.min(own, axis=0, initial=np.inf, where=counted, out=low[:, i])
        np.max(own, axis=0, initial=-np.inf, where=counted, out=high[:, i])
        bent = z + skewness * (z * z - 1) / 6
        found[:, i] = np.clip(centre + bent * width, low[:, i], high[:, i])
        for q in range(len(found)):
            for first in range(0, found.shape[2], BLOCK):
                part = slice(first, first + BLOCK)
                of = q, i, part
                found[of], going[of] = _step(
                    found[of],
                    low[of],
                    high[of],
                    level,
                    weights[:, part],
                    means[:, q, part],
                    inverse[:, q, part],
                    tolerance[q, part],
                )
    _finish(found, low, high, going, probabilities, weights, means, inverse, tolerance)
    return np.maximum.accumulate(found, axis=1, out=found)


def _finish(
    found: Floats,
    low: Floats,
    high: Floats,
    going: Bools,
    level: Floats,
    weights: Floats,
    means: Floats,
    inverse: Floats,
    tolerance: Floats,
) -> None:
    """Improve, in place, those of `found` (q, levels, n) that are not good enough yet."""
    quantity, of_level, star = np.nonzero(going)
    found, low, high = (a.reshape(-1) for a in (found, low, high))
    place = np.flatnonzero(going)
    means, inverse = (a.reshape(len(a), -1) for a in (means, inverse))
    column = quantity * weights.shape[1] + star
    for turn in range(ROUNDS):
        if not len(place):
            break
        halve = turn >= NEWTON_ROUNDS and turn % 2 == 0
        unfinished = []
        for start in range(0, len(place), BLOCK):
            part = slice(start, start + BLOCK)
            at, of = place[part], column[part]
            x, bounds = found[at], (low[at], high[at])
            found[at], more = _step(
                x,
                *bounds,
                level[of_level[part]],
                weights.take(star[part], axis=1),
                means.take(of, axis=1),
                inverse.take(of, axis=1),
                tolerance.reshape(-1)[of],
                halve,
            )
            low[at], high[at] = bounds
            unfinished.append(more)
        kept = np.flatnonzero(np.concatenate(unfinished))
        place, column, star, of_level = (a[kept] for a in (place, column, star, of_level))


def _step(
    x: Floats,
    low: Floats,
    high: Floats,
    level: Floats,
    weights: Floats,
    means: Floats,
    inverse: Floats,
    tolerance: Floats,
    halve: bool = False,
) -> tuple[Floats, Bools]:
    """Return a better x (n,), by Newton's step or the middle of (low, high), and whether to go on.

    The bracket (low, high) is narrowed in place.
    """
    z = x - means
    z *= inverse
    terms = normal_cdf(z)
    terms *= weights
    excess = terms.sum(axis=0) - level
    z *= z
    z *= np.float32(-0.5)
    np.exp(z, out=z)
    z *= np.multiply(weights, inverse, out=terms)
    density = z.sum(axis=0) * np.float32((2 * np.pi) ** -0.5)
    np.copyto(high, x, where=excess > 0)
    np.copyto(low, x, where=excess <= 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        new = x - excess / density
    # a NaN is not inside either
    inside = (new >= low) & (new <= high) & (not halve)
    new = np.where(inside, new, (low + high) / 2)
    exact = np.abs(excess) < CDF_ERROR
    new = np.where(exact, x, new)
    done = exact | (inside & (np.abs(new - x) < tolerance)) | (high - low < tolerance * TOLERANCE)
    return new, ~done
