"""Mixtures of Gaussians in age, mass and [Fe/H]: what follows from them of each star.

Arrays are (components, stars); of the three coordinates, (3, components, stars).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from stelnet.arrays import Bools, Floats, Ints
from stelnet.inference import mixture
from stelnet.inference.observed import LEVELS, AgePrior
from stelnet.terms import LOG_AGE_UNIVERSE

LN10 = np.log(10)
#: First log age of the grid [dex yr].
LOG_AGE_FIRST = 5.0
#: Gaussians of less weight do not matter to quantiles; a star is taken with others that have about as many
#: that do.
LIGHT, GROUPS = 3e-4, (3, 5, 7, 9, 12)
#: Quantiles of the standard normal distribution at LEVELS.
NORMAL = (-1.95996398, -0.99445788, 0.0, 0.99445788, 1.95996398)
#: Halvings of the interval between two ages in which a quantile is sought.
HALVINGS = 30


class Coordinates:
    """Where the mixtures live: logit of age over that of the Universe, log mass, [Fe/H], all scaled."""

    MIDDLES = np.array([-6.0, 0.0, -0.1])
    SCALES = np.array([4.0, 0.33, 0.25])
    #: Limits of age are told as (log age - middle) / scale.
    LIMITS = 8.0, 2.0

    @classmethod
    def of(cls, values: Floats) -> Floats:
        """Return the coordinates, float32, of log age, log mass and [Fe/H] (..., 3)."""
        y = values.astype(float)
        y[..., 0] = _logit(y[..., 0])
        scaled: Floats = ((y - cls.MIDDLES) / cls.SCALES).astype(np.float32)
        return scaled

    @classmethod
    def of_log_age(cls, log_age: float) -> float:
        """Return the first coordinate of a log age [dex yr]."""
        return float((_logit(np.array(log_age)) - cls.MIDDLES[0]) / cls.SCALES[0])

    @classmethod
    def values(cls, y: Floats) -> Floats:
        """Return log age [dex yr], log mass [dex Msun] and [Fe/H] of coordinates (3, ...)."""
        scales, middles = (
            np.float32(array).reshape(3, *(1,) * (y.ndim - 1)) for array in (cls.SCALES, cls.MIDDLES)
        )
        values = y * scales + middles
        values[0] = np.float32(LOG_AGE_UNIVERSE) - softplus(-values[0]) * np.float32(1 / LN10)
        return values

    @classmethod
    def limits_of(cls, log_age: Floats) -> Floats:
        """Return limits of log age as the network tells them, float32."""
        return ((log_age - cls.LIMITS[0]) / cls.LIMITS[1]).astype(np.float32)


def _logit(log_age: Floats) -> Floats:
    """Return the logit of an age over that of the Universe, for an age at it a large number."""
    log_share = np.minimum((log_age - LOG_AGE_UNIVERSE) * LN10, -1e-4)
    logit: Floats = log_share - np.log(-np.expm1(log_share))
    return logit


def softplus(x: Floats) -> Floats:
    """Return log(1 + exp(x)), faster than numpy's logaddexp."""
    result: Floats = np.log(np.float32(1) + np.exp(-np.abs(x))) + np.maximum(x, 0)
    return result


@dataclass
class Mixtures:
    """Mixtures of Gaussians of n stars in :class:`Coordinates`, float32.

    Attributes
    ----------
    weights
        Shape (c, n), with sum 1; those before the ZAMS come first.
    means, sds
        Shape (3, c, n); the standard deviation of mass is that at one age, of [Fe/H] at one age and mass.
    slopes
        Shape (3, c, n): of mass on age, of [Fe/H] on age and on mass.
    p_pre
        Probability (n,) that the star is before the ZAMS.
    limits
        Shape (4, n): limits of log age [dex yr] from the data alone.
    cut
        Bounds of the first coordinate, outside of which there is nothing; None where there are none.
    """

    weights: Floats
    means: Floats
    sds: Floats
    slopes: Floats
    p_pre: Floats
    limits: Floats
    cut: tuple[float, float] | None = None

    def marginals(self) -> tuple[Floats, Floats]:
        """Return means and standard deviations (3, c, n) of each coordinate by itself, cut as they are."""
        (age, mass, feh), (on_age, feh_on_age, feh_on_mass) = self.sds, self.slopes
        means, sds = self.means, np.empty_like(self.sds)
        feh_along = feh_on_age + feh_on_mass * on_age
        sds[0] = age
        if self.cut:
            means = means.copy()
            means[0], sds[0] = _cut_moments(means[0], age, self.cut)
            shift = means[0] - self.means[0]
            means[1] += on_age * shift
            means[2] += feh_along * shift
        along = on_age * sds[0]
        sds[1] = np.sqrt(along * along + mass * mass)
        along, across = feh_along * sds[0], feh_on_mass * mass
        sds[2] = np.sqrt(along * along + across * across + feh * feh)
        return means, sds

    def bounded(self, prior: AgePrior, tilted: bool) -> "Mixtures":
        """Return the mixtures under a prior that is flat in age between two ages.

        Parameters
        ----------
        tilted
            Whether they are those under a prior that is flat in log age. Then each Gaussian in the logit is
            multiplied by the age: as long as that is small against the Universe's, this shifts it by its
            variance.
        """
        cut = Coordinates.of_log_age(max(prior.low, LOG_AGE_FIRST)), Coordinates.of_log_age(prior.high)
        age, sd = self.means[0].astype(float), self.sds[0].astype(float)
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights.astype(float))
        means = self.means.copy()
        if tilted:
            scale = Coordinates.SCALES[0]
            logs += scale * age + (scale * sd) ** 2 / 2
            shift = (scale * sd * sd).astype(np.float32)
            means[0] += shift
            means[1] += self.slopes[0] * shift
            means[2] += (self.slopes[1] + self.slopes[2] * self.slopes[0]) * shift
        with np.errstate(divide="ignore"):
            logs += np.log(_tails(means[0], sd, cut)[2])
        best = logs.max(axis=0)
        # where nothing is left, all that can be said is the prior
        weights = np.where(np.isfinite(best), np.exp(logs - np.where(np.isfinite(best), best, 0)), 1)
        weights /= weights.sum(axis=0)
        p_pre = self.p_pre
        if ((p_pre > 0) & (p_pre < 1)).any():
            p_pre = weights[: len(weights) // 2].sum(axis=0).astype(np.float32)
        return Mixtures(weights.astype(np.float32), means, self.sds, self.slopes, p_pre, self.limits, cut)

    def _groups(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield stars (n,), and which of their Gaussians (c, n) matter."""
        order = np.argsort(-self.weights, axis=0)
        count = (self.weights > np.float32(LIGHT)).sum(axis=0)
        least = 0
        for most in (*(group for group in GROUPS if group < len(order)), len(order)):
            rows = np.flatnonzero((count > least) & (count <= most))
            least = most
            if len(rows):
                yield rows, order[:most, rows]

    def quantiles_and_information(self, prior: AgePrior) -> tuple[Floats, Floats]:
        """Return quantiles (3, levels, n), and the information on age (n,) gained over the prior [nats]."""
        n = self.weights.shape[1]
        quantiles, information = np.empty((3, len(LEVELS), n), np.float32), np.empty(n, np.float32)
        means, sds = self.marginals()
        for rows, chosen in self._groups():
            weights = self.weights[chosen, rows]
            weights /= weights.sum(axis=0)
            mean, sd = (array[:, chosen, rows].swapaxes(0, 1) for array in (means, sds))
            y = mixture.quantiles(weights, mean, sd, tuple(zip(LEVELS, NORMAL, strict=True)))
            if self.cut:
                whole = self.means[0, chosen, rows], self.sds[0, chosen, rows]
                y[0] = _cut_quantiles(weights, *whole, self.cut)
                information[rows] = _cut_information(weights, *whole, self.cut, prior)
            else:
                information[rows] = _information(weights, mean[:, 0], sd[:, 0], prior)
            quantiles[:, :, rows] = Coordinates.values(y)
        return quantiles, information

    def draws(self, uniform: Floats) -> tuple[Floats, Bools]:
        """Return draws (3, n, draws) of log age, log mass and [Fe/H], and whether each is before the ZAMS.

        Parameters
        ----------
        uniform
            Random numbers in [0, 1), float64 (n, draws, 4).
        """
        n, count = uniform.shape[:2]
        cumulated = np.cumsum(self.weights, axis=0, dtype=float).T
        cumulated /= cumulated[:, -1:]
        # all stars in one search: a star's number is added to its probabilities
        numbers = np.arange(n)[:, None]
        chosen = np.searchsorted(
            (cumulated + numbers).ravel(), (uniform[..., 0] + numbers).ravel(), side="right"
        )
        chosen = np.minimum(chosen.reshape(n, count) - numbers * cumulated.shape[1], cumulated.shape[1] - 1)
        means, sds, slopes = (array[:, chosen, numbers] for array in (self.means, self.sds, self.slopes))
        z = ndtri(np.clip(uniform[..., 1:], 1e-12, 1 - 1e-12)).astype(np.float32)
        y = np.empty((3, n, count), np.float32)
        y[0] = (
            means[0] + sds[0] * z[..., 0]
            if self.cut is None
            else _cut_inverse(means[0], sds[0], self.cut, uniform[..., 1])
        )
        d = y[0] - means[0]
        e = slopes[0] * d + sds[1] * z[..., 1]
        y[1] = means[1] + e
        y[2] = means[2] + slopes[1] * d + slopes[2] * e + sds[2] * z[..., 2]
        return Coordinates.values(y), chosen < self._before_the_zams()

    def _before_the_zams(self) -> Floats:
        """Return how many components (n, 1) describe the time before the ZAMS."""
        given = (self.p_pre == 0) | (self.p_pre == 1)
        whole = len(self.weights)
        return np.where(given, np.where(self.p_pre == 1, whole, 0), whole // 2)[:, None]


def _log_prior(y: Floats, prior: AgePrior) -> Floats:
    """Return the logarithm of the prior's density in the first coordinate, from the grid's first age on."""
    slope = (1 - prior.gamma) * LN10
    span = prior.high - max(prior.low, LOG_AGE_FIRST)
    # integral of age^(1 - gamma) over log age, in units of the highest
    norm = np.log(span) if slope == 0 else np.log(-np.expm1(-slope * span) / slope)
    logit = y * np.float32(Coordinates.SCALES[0]) + np.float32(Coordinates.MIDDLES[0])
    # log share of the Universe's age, and d log age / d logit = (1 - share) / ln 10
    log_share = -softplus(-logit)
    constant = slope * (LOG_AGE_UNIVERSE - prior.high) - norm + np.log(Coordinates.SCALES[0] / LN10)
    return np.float32(2 - prior.gamma) * log_share - logit + np.float32(constant)


def _divergence(
    weights: Floats, means: Floats, sds: Floats, heights: Floats, points: Sequence[Floats], prior: AgePrior
) -> Floats:
    """Return the Kullback-Leibler divergence (n,) from the prior, each Gaussian sampled at its points."""
    inverse = 1 / sds
    scaled = heights * inverse * np.float32((2 * np.pi) ** -0.5)
    total = np.zeros(weights.shape[1], np.float32)
    for y in points:
        density = np.zeros_like(y)
        for mean, rate, height in zip(means, inverse, scaled, strict=True):
            z = y - mean
            z *= rate
            z *= z
            z *= np.float32(-0.5)
            np.exp(z, out=z)
            z *= height
            density += z
        terms = np.log(np.maximum(density, np.float32(1e-37))) - _log_prior(y, prior)
        terms *= weights
        total += terms.sum(axis=0)
    divergence: Floats = np.maximum(total * np.float32(1 / len(points)), 0)
    return divergence


def _information(weights: Floats, means: Floats, sds: Floats, prior: AgePrior) -> Floats:
    """Return the information on age (n,) [nats].

    Each Gaussian is sampled one standard deviation either side: exact to the third degree.
    """
    return _divergence(weights, means, sds, weights, (means - sds, means + sds), prior)


def _tails(means: Floats, sds: Floats, cut: tuple[float, float]) -> tuple[Floats, ...]:
    """Return -1 for Gaussians below the bounds, else 1; probabilities before the first bound and inside.

    Those below are mirrored, so that both probabilities are of a thin tail and nothing cancels.
    """
    low, high = ((edge - means.astype(float)) / sds for edge in cut)
    side = np.where(low > 0, -1.0, 1.0)
    first = ndtr(np.where(low > 0, -high, low))
    return side, first, ndtr(np.where(low > 0, -low, high)) - first


def _cut_inverse(means: Floats, sds: Floats, cut: tuple[float, float], level: Floats) -> Floats:
    """Return quantiles of cut Gaussians at levels of the same shape; of a flat density if nothing is left."""
    side, first, inside = _tails(means, sds, cut)
    z = side * ndtri(first + np.where(side < 0, 1 - level, level) * inside)
    y = np.where(inside > 0, means + sds * z, cut[0] + level * (cut[1] - cut[0]))
    return np.clip(y, *cut)


def _cut_moments(means: Floats, sds: Floats, cut: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of cut Gaussians, from five quantiles each."""
    levels = (np.arange(5) + 0.5) / 5
    points = np.stack([_cut_inverse(means, sds, cut, np.full(means.shape, level)) for level in levels])
    return points.mean(axis=0).astype(np.float32), np.maximum(points.std(axis=0), 1e-4).astype(np.float32)


def _cut_quantiles(weights: Floats, means: Floats, sds: Floats, cut: tuple[float, float]) -> Floats:
    """Return quantiles (levels, n) of mixtures of cut Gaussians, by halving the interval."""
    side, first, inside = (array[:, None] for array in _tails(means, sds, cut))
    level = np.array(LEVELS)[:, None]
    low, high = (np.full((len(LEVELS), weights.shape[1]), edge) for edge in cut)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        passed = ndtr(side * (middle - means[:, None]) / sds[:, None]) - first
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(inside > 0, passed / inside, (middle - cut[0]) / (cut[1] - cut[0]))
        share = np.where((inside > 0) & (side < 0), 1 - share, share)
        below = (weights[:, None] * share).sum(axis=0) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    result: Floats = (low + high) / 2
    return result


def _cut_information(
    weights: Floats, means: Floats, sds: Floats, cut: tuple[float, float], prior: AgePrior
) -> Floats:
    """Return the information on age (n,) [nats], each cut Gaussian sampled at three of its quantiles."""
    inside = _tails(means, sds, cut)[2]
    heights = (weights / np.maximum(inside, 1e-30)).astype(np.float32)
    points = [_cut_inverse(means, sds, cut, np.full(means.shape, level)) for level in (1 / 6, 1 / 2, 5 / 6)]
    return _divergence(weights, means, sds, heights, [point.astype(np.float32) for point in points], prior)
