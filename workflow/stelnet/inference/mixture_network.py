"""The posterior network in numpy: from measurements to mixtures of Gaussians, and from these to answers.

A safetensors file holds the tensors ``first`` (features, width), ``hidden`` (depth, width, width), ``last``
(width, outputs) and their biases; float16 or float32. Arrays inside are (units, stars).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from stelnet.errors import ConfigError, DataError
from stelnet.inference import mixture
from stelnet.inference.features import COUNT, features
from stelnet.inference.observed import LEVELS, LOG_AGE_UNIVERSE, AgePrior, Answer, Observed
from stelnet.safetensors_file import read_tensors

MODEL = "posterior"
#: Numbers of a Gaussian: logarithm of its weight, three means, three logarithms of conditional standard
#: deviations, slopes of mass on age, of [Fe/H] on age and on mass.
NUMBERS = 10
#: Whose limits of age the network tells: with the stage open, before and after the ZAMS.
CASES = (None, "pre", "post")
#: Bounds of the logarithms of standard deviations.
LOG_SD = (-7.0, 3.0)
#: Stars at a time: a layer's units then fit the cache.
CHUNK = 1024
#: A stage that is less probable is left out.
NEGLIGIBLE = 1e-4
#: Priors between two ages that end below this [dex yr] are made from the answer under the one that is flat in
#: log age, as it knows young stars best; others from the one that is flat in age.
YOUNG = 9.0
#: Nodes and weights of a Gauss-Hermite rule for the standard normal distribution.
NODES = np.array([-(3**0.5), 0, 3**0.5], np.float32), np.array([1, 4, 1], np.float32) / 6
#: Quantiles of the standard normal distribution at LEVELS.
NORMAL = (-1.95996398, -0.99445788, 0.0, 0.99445788, 1.95996398)
LN10 = np.log(10)


class Coordinates:
    """Where the mixtures live: logit of age over that of the Universe, log mass, [Fe/H], all scaled."""

    MIDDLES = np.array([-6.0, 0.0, -0.1])
    SCALES = np.array([4.0, 0.33, 0.25])
    #: Limits of age are told as (log age - middle) / scale.
    LIMITS = 8.0, 2.0

    @classmethod
    def of(cls, values: np.ndarray) -> np.ndarray:
        """Return the coordinates, float32, of log age, log mass and [Fe/H] (..., 3)."""
        y = values.astype(float)
        log_share = np.minimum((y[..., 0] - LOG_AGE_UNIVERSE) * LN10, -1e-4)
        y[..., 0] = log_share - np.log(-np.expm1(log_share))
        return ((y - cls.MIDDLES) / cls.SCALES).astype(np.float32)

    @classmethod
    def limits_of(cls, log_age: np.ndarray) -> np.ndarray:
        """Return limits of log age as the network tells them, float32."""
        return ((log_age - cls.LIMITS[0]) / cls.LIMITS[1]).astype(np.float32)

    @classmethod
    def log_age(cls, y: np.ndarray) -> np.ndarray:
        """Return the log age [dex yr] that belongs to the first coordinate."""
        logit = y * np.float32(cls.SCALES[0]) + np.float32(cls.MIDDLES[0])
        return np.float32(LOG_AGE_UNIVERSE) - np.logaddexp(np.float32(0), -logit) * np.float32(1 / LN10)


@dataclass
class Mixtures:
    """Mixtures of Gaussians of n stars in :class:`Coordinates`, float32.

    Attributes
    ----------
    weights
        Shape (c, n), with sum 1.
    means, sds
        Shape (c, n, 3) without the last axis first: (3, c, n); standard deviations are conditional, see
        :data:`NUMBERS`.
    slopes
        Shape (3, c, n): of mass on age, of [Fe/H] on age and on mass.
    p_pre
        Probability (n,) of the stage that the first half of the components describe.
    limits
        Shape (4, n): limits of log age [dex yr] from the data alone.
    """

    weights: np.ndarray
    means: np.ndarray
    sds: np.ndarray
    slopes: np.ndarray
    p_pre: np.ndarray
    limits: np.ndarray

    def marginal_sds(self) -> np.ndarray:
        """Return the standard deviations (3, c, n) of each coordinate by itself."""
        (age, mass, feh), (on_age, feh_on_age, feh_on_mass) = self.sds, self.slopes
        whole = np.empty_like(self.sds)
        whole[0] = age
        along = on_age * age
        whole[1] = np.sqrt(along * along + mass * mass)
        along = (feh_on_age + feh_on_mass * on_age) * age
        across = feh_on_mass * mass
        whole[2] = np.sqrt(along * along + across * across + feh * feh)
        return whole


class MixtureNetwork:
    """The posterior network: ask it for mixtures, answers and draws.

    Parameters
    ----------
    tensors, metadata
        Content of the file: ``components`` and ``errors`` (the range of errors it was trained on) among the
        metadata.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any], sha256: str = "") -> None:
        self.metadata, self.sha256 = dict(metadata), sha256
        self.components = int(metadata["components"])
        self._errors = np.array([metadata["errors"][name] for name in ("log_teff", "log_lum", "feh")]).T
        layers = [tensors["first"], *tensors["hidden"], tensors["last"]]
        biases = [tensors["first_bias"], *tensors["hidden_bias"], tensors["last_bias"]]
        self._weights = [np.ascontiguousarray(layer.T, np.float32) for layer in layers]
        self._biases = [bias.astype(np.float32)[:, None] for bias in biases]
        outputs = 2 * self.components * NUMBERS + 1 + 4 * len(CASES)
        if self._weights[0].shape[1] != COUNT or len(self._weights[-1]) != outputs:
            raise ValueError(f"layers of {self._weights[0].shape[1]} features and {len(self._weights[-1])} outputs")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a network's file.

        Raises
        ------
        DataError
            The file is absent, damaged, or not a posterior network.
        """
        tensors, text, sha256 = read_tensors(path)
        try:
            metadata = {key: json.loads(value) if value[:1] in "{[" else value for key, value in text.items()}
            if metadata["model"] != MODEL:
                raise ValueError(f"model {metadata['model']}")
            return cls(tensors, metadata, sha256)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: not a posterior network ({error!r} is missing or wrong in it).") from error

    def outside(self, stars: Observed) -> np.ndarray:
        """Return whether any error of each star is beyond those that the network was trained on, bool (n,)."""
        low, high = self._errors
        errors = np.column_stack([stars.e_log_teff, stars.e_log_lum, stars.e_feh])
        return ((errors < low * 0.999) | (errors > high * 1.001)).any(axis=1)

    def _outputs(self, stars: Observed, gamma: float) -> np.ndarray:
        """Return the last layer's outputs, float32 (outputs, n)."""
        n = len(stars)
        low, high = self._errors[..., None]
        inputs = np.empty((7, n))
        inputs[:3] = stars.log_teff, stars.log_lum, stars.feh
        inputs[3:6] = np.clip((stars.e_log_teff, stars.e_log_lum, stars.e_feh), low, high)
        inputs[6] = gamma
        x = self._weights[0] @ features(inputs)
        x += self._biases[0]
        z, sigmoid = np.empty_like(x), np.empty_like(x)
        for weight, bias in zip(self._weights[1:-1], self._biases[1:-1], strict=True):
            np.matmul(weight, x, out=z)
            z *= _inverse_norm(x)
            z += bias
            # x += z / (1 + exp(-z))
            np.negative(z, out=sigmoid)
            with np.errstate(over="ignore"):
                np.exp(sigmoid, out=sigmoid)
            sigmoid += np.float32(1)
            z /= sigmoid
            x += z
        out = self._weights[-1] @ x
        out *= _inverse_norm(x)
        out += self._biases[-1]
        return out

    def mixtures(self, stars: Observed, prior: AgePrior = AgePrior(), stage: str | None = None) -> Mixtures:
        """Return the mixtures of stars, all of which have a place.

        Raises
        ------
        ConfigError
            An unknown stage.
        """
        if stage not in CASES:
            raise ConfigError(f"stage {stage!r}: must be pre or post, or None where it is not known.")
        gamma = prior.gamma if not prior.bounded else float(prior.high < YOUNG)
        out = self._outputs(stars, gamma)
        k, n = self.components, len(stars)
        numbers = out[: 2 * k * NUMBERS].reshape(2, k, NUMBERS, n)
        logit = out[2 * k * NUMBERS]
        limits = out[2 * k * NUMBERS + 1 :].reshape(len(CASES), 4, n)[CASES.index(stage)]
        if stage is None:
            with np.errstate(over="ignore"):
                p_pre = 1 / (1 + np.exp(-logit))
        else:
            numbers = numbers[CASES.index(stage) - 1][None]
            p_pre = np.full(n, stage == "pre", np.float32)
        weights = np.exp(numbers[:, :, 0] - numbers[:, :, 0].max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        if stage is None:
            weights[0] *= p_pre
            weights[1] *= 1 - p_pre
        flat = np.moveaxis(numbers[:, :, 1:].reshape(-1, NUMBERS - 1, n), 1, 0)
        result = Mixtures(
            weights.reshape(-1, n),
            flat[:3],
            np.exp(np.clip(flat[3:6], *map(np.float32, LOG_SD))),
            flat[6:],
            p_pre,
            self._limits(limits),
        )
        return _bounded(result, prior, tilted=gamma == 1) if prior.bounded else result

    @staticmethod
    def _limits(limits: np.ndarray) -> np.ndarray:
        """Return limits of log age [dex yr], the wider pair around the narrower one."""
        middle, scale = Coordinates.LIMITS
        result = np.minimum(limits * np.float32(scale) + np.float32(middle), np.float32(LOG_AGE_UNIVERSE))
        narrow, wide = np.sort(result[:2], axis=0), np.sort(result[2:], axis=0)
        return np.stack([*narrow, np.minimum(wide[0], narrow[0]), np.maximum(wide[1], narrow[1])])

    def answer(self, stars: Observed, prior: AgePrior = AgePrior(), stage: str | None = None) -> Answer:
        """Return the posteriors of stars; see :class:`stelnet.inference.observed.Answer`."""
        n = len(stars)
        answer = Answer(*(np.full(shape, np.nan, np.float32) for shape in ((3, len(LEVELS), n), n, (4, n), n)))
        usable = np.flatnonzero(np.isfinite(stars.log_teff + stars.log_lum + stars.e_log_teff + stars.e_log_lum))
        for first in range(0, len(usable), CHUNK):
            rows = usable[first : first + CHUNK]
            found = self.mixtures(stars[rows], prior, stage)
            answer.p_pre[rows] = found.p_pre
            answer.log_age_data[:, rows] = found.limits
            for part, share in _parts(found, stage):
                at = rows[part]
                answer.quantiles[:, :, at] = _quantiles(share, prior)
                answer.age_information[at] = _information(share, prior)
        return answer


def _inverse_norm(x: np.ndarray) -> np.ndarray:
    """Return one over the root mean square (n,) of units (u, n)."""
    square = np.einsum("un,un->n", x, x)
    square *= np.float32(1 / len(x))
    square += np.float32(1e-6)
    return 1 / np.sqrt(square)


def _parts(found: Mixtures, stage: str | None) -> list[tuple[np.ndarray, Mixtures]]:
    """Return stars and their mixtures in groups, without the stages that are negligible there."""
    if stage is not None:
        return [(np.arange(found.weights.shape[1]), found)]
    half = len(found.weights) // 2
    pre, post = found.p_pre > NEGLIGIBLE, found.p_pre < 1 - NEGLIGIBLE
    parts = []
    for chosen, kept in ((pre & post, slice(None)), (pre & ~post, slice(half)), (~pre & post, slice(half, None))):
        rows = np.flatnonzero(chosen)
        if len(rows):
            weights = found.weights[kept].take(rows, axis=1)
            weights /= weights.sum(axis=0)
            arrays = (array[:, kept].take(rows, axis=2) for array in (found.means, found.sds, found.slopes))
            parts.append((rows, Mixtures(weights, *arrays, found.p_pre[rows], found.limits[:, rows])))
    return parts


def _quantiles(found: Mixtures, prior: AgePrior) -> np.ndarray:
    """Return quantiles (3, levels, n) of log age, log mass and [Fe/H]."""
    sds = found.marginal_sds()
    levels = tuple(zip(LEVELS, NORMAL, strict=True))
    y = mixture.quantiles(found.weights, found.means.swapaxes(0, 1), sds.swapaxes(0, 1), levels)
    for i in (1, 2):
        y[i] = y[i] * np.float32(Coordinates.SCALES[i]) + np.float32(Coordinates.MIDDLES[i])
    y[0] = Coordinates.log_age(y[0])
    if prior.bounded:
        y[0] = np.clip(y[0], prior.low, prior.high)
    return y


def _log_prior(y: np.ndarray, prior: AgePrior) -> np.ndarray:
    """Return the logarithm of the prior's density in the first coordinate; ages from the grid's first one on."""
    low = max(prior.low, 5.0)
    slope = (1 - prior.gamma) * LN10
    span = prior.high - low
    # integral of age^(1 - gamma) over log age, in units of the highest
    norm = np.log(span) if slope == 0 else np.log(-np.expm1(-slope * span) / slope)
    log_age = Coordinates.log_age(y)
    logit = y * np.float32(Coordinates.SCALES[0]) + np.float32(Coordinates.MIDDLES[0])
    # d log age / d logit = (1 - share) / ln 10
    jacobian = np.log(Coordinates.SCALES[0] / LN10) - np.logaddexp(np.float32(0), logit)
    return slope * (log_age - prior.high) - norm + jacobian


def _information(found: Mixtures, prior: AgePrior) -> np.ndarray:
    """Return the Kullback-Leibler divergence (n,) of the posterior of age from its prior [nats]."""
    means, sds = found.means[0], found.sds[0]
    scaled = found.weights / sds * np.float32((2 * np.pi) ** -0.5)
    inverse = 1 / sds
    total = np.zeros(found.weights.shape[1], np.float32)
    for node, share in zip(*NODES, strict=True):
        y = means + node * sds
        density = np.zeros_like(y)
        for mean, rate, height in zip(means, inverse, scaled, strict=True):
            z = (y - mean) * rate
            z *= z
            z *= np.float32(-0.5)
            np.exp(z, out=z)
            z *= height
            density += z
        terms = np.log(np.maximum(density, np.float32(1e-30))) - _log_prior(y, prior)
        total += share * (found.weights * terms).sum(axis=0)
    return np.maximum(total, 0)


def _bounded(found: Mixtures, prior: AgePrior, tilted: bool) -> Mixtures:
    """Return mixtures under a prior that is flat in age between two ages: each Gaussian cut, then replaced.

    A Gaussian in the logit, times the age, is one that is shifted by its variance, as long as ages are small
    against that of the Universe; cut at the bounds, it is replaced by one of the same mean and variance.
    """
    from scipy.special import log_ndtr, ndtr

    weights, sds = found.weights.astype(float), found.sds.copy()
    age, sd = found.means[0].astype(float), found.sds[0].astype(float)
    log_weights = np.log(np.maximum(weights, 1e-300))
    if tilted:
        scale = Coordinates.SCALES[0]
        log_weights += scale * age + (scale * sd) ** 2 / 2
        moved = age + scale * sd**2
    else:
        moved = age
    edges = Coordinates.of(np.array([[max(prior.low, 3.0), 0, 0], [prior.high, 0, 0]]))[:, 0].astype(float)
    low, high = ((edge - moved) / sd for edge in edges)
    # in the tail that is the lighter one, so that nothing cancels
    flip = low > 0
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    log_high, log_low = log_ndtr(high), log_ndtr(low)
    log_mass = log_high + np.log1p(-np.exp(np.minimum(log_low - log_high, -1e-12)))
    at_low, at_high = (np.exp(-0.5 * z * z - log_mass) / np.sqrt(2 * np.pi) for z in (low, high))
    mean = at_low - at_high
    variance = 1 + np.where(np.isfinite(low), low, 0) * at_low - np.where(np.isfinite(high), high, 0) * at_high - mean**2
    mean = np.where(flip, -mean, mean)
    log_weights += log_mass
    weights = np.exp(log_weights - log_weights.max(axis=0))
    weights /= weights.sum(axis=0)
    means = found.means.astype(float)
    new = moved + mean * sd
    shift = new - age
    means[0] = new
    means[1] += found.slopes[0] * shift
    means[2] += (found.slopes[1] + found.slopes[2] * found.slopes[0]) * shift
    sds[0] = sd * np.sqrt(np.clip(variance, 1e-4, 1))
    p_pre = found.p_pre
    if len(weights) > 1 and 0 < p_pre.max() and p_pre.min() < 1:
        p_pre = weights[: len(weights) // 2].sum(axis=0)
    return Mixtures(
        weights.astype(np.float32), means.astype(np.float32), sds, found.slopes, p_pre.astype(np.float32), found.limits
    )
