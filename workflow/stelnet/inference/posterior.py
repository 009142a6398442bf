"""The posterior of each star as a mixture of Gaussians: nodes that sample its errors, times the two stages.

A star's true place is x + e (u + v), with u and v Gaussian of variance :data:`SAMPLED` and the rest. Nodes
sample u; v is propagated linearly at each node, which keeps the mixture smooth. A node's weight falls off
with its distance from the MIST tracks.

Arrays are (..., nodes, stars), the components of a mixture (components, stars).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import product
from typing import Protocol, Self

import numpy as np

from stelnet.errors import DataError
from stelnet.inference import domain, mixture
from stelnet.inference.bundle import LOG_AGE_UNIVERSE, STAGES
from stelnet.inference.columns import QUANTILES, QUANTITIES, Flag
from stelnet.inference.forward import Ensemble, Moments
from stelnet.inference.hierarchy import Weights

#: Errors [dex] taken when none is given: 2.4 % of Teff and 2.0 % of L, the systematic floor of solar-like
#: stars (Tayar et al. 2022, ApJ 927, 31).
DEFAULT_ERRORS = {"log_teff": 0.0104, "log_lum": 0.0087}

#: The part of the errors' variance that the nodes sample.
SAMPLED = 0.8
#: Nodes: the centre and a step of so many standard deviations each way along both axes, exact to the third
#: degree and in the fourth along the axes. A product rule's corners make it no better when measured.
STEP = np.float32((3 * SAMPLED) ** 0.5)
STEPS = {
    "log_teff": STEP * np.array([[0], [-1], [1], [0], [0]], np.float32),
    "log_lum": STEP * np.array([[0], [0], [0], [-1], [1]], np.float32),
}
LOG_WEIGHTS = np.log(np.array([[2], [1], [1], [1], [1]], np.float32) / 6)
NODES = len(LOG_WEIGHTS)
#: Within this distance [units] of the tracks a point counts as on them.
ON_TRACKS = 1.0
#: In the quantiles, a stage that weighs less is left out, or is one Gaussian.
NEGLIGIBLE, MINOR = 1e-6, 0.02
#: A star has two modes only where p_pre lies between.
UNDECIDED = (0.05, 0.95)
#: An answer is coarse when so much of its weight comes from coarse cells.
COARSE_WEIGHT = 0.01


class Source(Protocol):
    """What tells the moments of one stage: an ensemble, or a table of it."""

    def evaluate(self, log_teff: np.ndarray, log_lum: np.ndarray, wanted: np.ndarray) -> Moments: ...


def _flag(bits: np.ndarray, stars: np.ndarray, flag: Flag) -> None:
    """Raise a flag of some stars."""
    bits[stars] |= np.uint16(flag)


@dataclass(frozen=True)
class Stars:
    """Checked inputs: place [dex K], [dex Lsun] and errors [dex] of n stars, float64, and flags, uint16."""

    log_teff: np.ndarray
    log_lum: np.ndarray
    e_log_teff: np.ndarray
    e_log_lum: np.ndarray
    bits: np.ndarray

    @classmethod
    def checked(
        cls,
        log_teff: np.ndarray,
        log_lum: np.ndarray,
        e_log_teff: np.ndarray | float | None,
        e_log_lum: np.ndarray | float | None,
    ) -> Self:
        """Return the stars with defaults for missing and invalid errors, and flags that say so.

        Raises
        ------
        DataError
            Arrays of different lengths, or not of one dimension.
        """
        places = {"log_teff": log_teff, "log_lum": log_lum}
        places = {name: np.atleast_1d(np.asarray(value, float)) for name, value in places.items()}
        errors = {
            name: np.asarray(DEFAULT_ERRORS[name] if value is None else value, float)
            for name, value in {"log_teff": e_log_teff, "log_lum": e_log_lum}.items()
        }
        shape = places["log_teff"].shape
        for name, array in {**places, **{f"e_{name}": error for name, error in errors.items()}}.items():
            if array.ndim > 1 or (array.shape != shape and not (name.startswith("e_") and array.ndim == 0)):
                raise DataError(
                    f"{name} has the shape {array.shape}, log_teff {shape}: must be one value a star."
                )
        bits = np.zeros(shape, np.uint16)
        missing = {"log_teff": Flag.MISSING_TEFF, "log_lum": Flag.MISSING_LUM}
        invalid = {"log_teff": Flag.INVALID_TEFF, "log_lum": Flag.INVALID_LUM}
        for name, value in places.items():
            _flag(bits, np.isnan(value), missing[name])
            _flag(bits, np.isinf(value), invalid[name])
            error = np.broadcast_to(errors[name], shape)
            unknown, wrong = np.isnan(error), (error < 0) | np.isinf(error)
            _flag(bits, unknown, Flag.DEFAULT_ERROR)
            _flag(bits, wrong, Flag.INVALID_ERROR)
            errors[name] = np.where(unknown | wrong, DEFAULT_ERRORS[name], error)
        return cls(*places.values(), *errors.values(), bits)

    def __len__(self) -> int:
        return len(self.log_teff)

    def __getitem__(self, rows: np.ndarray | slice) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def usable(self) -> np.ndarray:
        """Whether each star has a place, bool (n,)."""
        return np.isfinite(self.log_teff) & np.isfinite(self.log_lum)

    @property
    def uncertain(self) -> bool:
        """Whether any star has an error."""
        return bool(self.e_log_teff.any() or self.e_log_lum.any())

    def nodes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log Teff and log L (nodes, n) of the nodes and the logarithm of their weights (nodes, 1).

        The first node is the star's place itself. Without errors there is no other.
        """
        if not self.uncertain:
            return self.log_teff[None], self.log_lum[None], np.zeros((1, 1), np.float32)
        log_teff = self.log_teff + STEPS["log_teff"] * self.e_log_teff
        log_lum = self.log_lum + STEPS["log_lum"] * self.e_log_lum
        return log_teff, log_lum, LOG_WEIGHTS


def _spread(values: np.ndarray) -> np.ndarray:
    """Return each component's standard deviation (2, nodes, n): the networks' own and v's, see the module.

    The slope along an axis is the gentler of those on the two sides of the star, and none where they
    disagree: a fold on one side makes two modes, not one smeared over ages that neither side supports.

    Parameters
    ----------
    values
        Moments (4, nodes, n), NaN where there are none.
    """
    variance = values[2:] * values[2:]
    if variance.shape[1] > 1:
        factor = np.float32(1 - SAMPLED) / STEP**2
        means = values[:2]
        for first in (1, 3):
            fall, rise = means[:, 0] - means[:, first], means[:, first + 1] - means[:, 0]
            slope = np.where(fall * rise > 0, np.minimum(np.abs(fall), np.abs(rise)), 0)
            variance += (factor * slope * slope)[:, None]
    return np.sqrt(variance)


def _normalised(logs: np.ndarray, axis: int) -> np.ndarray:
    """Return exp(logs) with sum 1 along the axis; NaN where all are -inf."""
    with np.errstate(invalid="ignore"):
        weights = np.exp(logs - logs.max(axis=axis, keepdims=True))
        weights /= weights.sum(axis=axis, keepdims=True)
    return weights


@dataclass(frozen=True)
class Sky:
    """What a model knows of the H-R diagram: domains, coverage by real stars, and how likely each stage is.

    Attributes
    ----------
    distance
        Stage -> field of :func:`stelnet.inference.domain.distance_field`.
    coverage
        Stage -> field of :func:`stelnet.inference.domain.coverage`, None for a model that saw MIST only.
    """

    raster: domain.Raster
    distance: Mapping[str, np.ndarray]
    coverage: Mapping[str, np.ndarray | None]
    weights: Weights

    def distances(self, stage: str, log_teff: np.ndarray, log_lum: np.ndarray) -> np.ndarray:
        """Return distances [units] to the tracks of a stage, float32, of the shape of the arguments."""
        return domain.distance(self.distance[stage], self.raster, log_teff, log_lum)

    def near(self, stage: str, log_teff: np.ndarray, log_lum: np.ndarray) -> np.ndarray:
        """Return whether the tracks of a stage are near enough for its networks to be asked."""
        return self.distances(stage, log_teff, log_lum) < domain.FAR


def _falling(logs: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return logs less half the squared distance from the tracks, -inf where it is far."""
    return np.where(distances < domain.FAR, logs - distances * distances / 2, np.float32(-np.inf))


def posteriors(
    stars: Stars, sky: Sky, sources: Mapping[str, Source]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the columns of the posteriors of n stars, all usable, and their flags.

    Parameters
    ----------
    sources
        Stage -> source of its moments, for the stages that are possible.

    Returns
    -------
    columns
        Those of :data:`stelnet.inference.columns.COLUMNS` but the flags, float32 (n,); NaN where there is no
        answer.
    bits
        uint16 (n,).
    """
    log_teff, log_lum, log_weights = stars.nodes()
    distances = {stage: sky.distances(stage, log_teff, log_lum) for stage in STAGES}
    columns: dict[str, np.ndarray] = {}
    means, sds, logs, coarse = {}, {}, {}, {}
    for stage, source in sources.items():
        near = distances[stage] < domain.FAR
        values, coarse[stage] = source.evaluate(log_teff, log_lum, near)
        complete = bool(near.all())
        means[stage], sds[stage] = values[:2], _spread(values)
        logs[stage] = _falling(sky.weights(stage, values[1]), distances[stage])
        if not complete:
            means[stage], sds[stage] = np.where(near, means[stage], 0), np.where(near, sds[stage], 1)
        own = _normalised(_falling(log_weights, distances[stage]), axis=0)
        for name, mean, sd in zip(QUANTITIES, means[stage], sds[stage], strict=True):
            columns[f"{name}_{stage}_mean"], columns[f"{name}_{stage}_sd"] = mixture.moments(own, mean, sd)

    nearest = np.minimum.reduce([distances[stage] for stage in sources])
    nodes = _normalised(_falling(log_weights, nearest), axis=0)
    shares = _normalised(np.stack(list(logs.values())), axis=0)
    weights = dict(zip(sources, np.where(nodes > 0, shares * nodes, 0), strict=True))
    answered = np.isfinite(nodes[0])
    columns |= _quantiles(weights, means, sds, answered)
    p_pre = weights["pre"].sum(axis=0) if "pre" in weights else np.zeros(len(stars), np.float32)
    columns["p_pre"] = np.where(answered, np.minimum(p_pre, 1), np.float32(np.nan))

    bits = _flags(stars, sky, distances, weights, answered, columns)
    for stage, cells in coarse.items():
        if cells is not None:
            _flag(bits, (weights[stage] * cells).sum(axis=0) > COARSE_WEIGHT, Flag.COARSE_TABLE)
    return columns, bits


def _flags(
    stars: Stars,
    sky: Sky,
    distances: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    answered: np.ndarray,
    columns: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Return the flags of usable stars, uint16 (n,), that do not depend on where the moments came from.

    Parameters
    ----------
    distances
        Stage -> distances of the nodes, of both stages.
    weights
        Stage -> weights of its components, of the possible stages.
    answered
        Which stars have an answer.
    """
    nodes = np.exp(stars.nodes()[2][:, 0])
    on_tracks = {stage: nodes @ (distance < ON_TRACKS) for stage, distance in distances.items()}
    on_any = nodes @ (np.minimum.reduce([distances[stage] for stage in weights]) < ON_TRACKS)
    bits = np.zeros(len(stars), np.uint16)
    _flag(bits, ~answered, Flag.FAR_OUTSIDE)
    _flag(bits, answered & (on_any == 0), Flag.OUTSIDE_TRACKS)
    _flag(bits, (on_any > 0) & (on_any < 0.5), Flag.PARTLY_OUTSIDE)
    for other in set(STAGES) - set(weights):
        _flag(bits, (on_any == 0) & (on_tracks[other] > 0), Flag.WRONG_STAGE)
    if all(sky.coverage[stage] is not None for stage in weights):
        seen = sum(
            weight.sum(axis=0)
            * domain.covered(sky.coverage[stage], sky.raster, stars.log_teff, stars.log_lum)
            for stage, weight in weights.items()
        )
        _flag(bits, answered & (seen < 0.5), Flag.MIST_ONLY)
    if len(weights) == len(STAGES):
        undecided = (columns["p_pre"] > UNDECIDED[0]) & (columns["p_pre"] < UNDECIDED[1])
        for name in QUANTITIES:
            apart = np.abs(np.subtract(*(columns[f"{name}_{stage}_mean"] for stage in STAGES)))
            both = sum(columns[f"{name}_{stage}_sd"] for stage in STAGES)
            _flag(bits, undecided & (apart > both), Flag.TWO_MODES)
    _flag(bits, columns["log_age_median"] > LOG_AGE_UNIVERSE, Flag.OLDER_THAN_UNIVERSE)
    return bits


def _quantiles(
    weights: Mapping[str, np.ndarray],
    means: Mapping[str, np.ndarray],
    sds: Mapping[str, np.ndarray],
    answered: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return the quantiles' columns; stars without an answer get NaN.

    Stars are taken in groups by how much the stages matter to them: fewer components are quicker.
    """
    levels = dict(sorted(QUANTILES.items(), key=lambda item: item[1]))
    found = np.full((len(QUANTITIES), len(levels), len(answered)), np.nan, np.float32)
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
        share, mean, sd = (np.concatenate(a, axis=-2) for a in zip(*parts, strict=True))
        quantiles = mixture.quantiles(share, mean.swapaxes(0, 1), sd.swapaxes(0, 1), tuple(levels.values()))
        found[..., rows] = quantiles
    return {
        f"{name}_{suffix}": values
        for name, of_name in zip(QUANTITIES, found, strict=True)
        for suffix, values in zip(levels, of_name, strict=True)
    }


def draws(
    stars: Stars,
    sky: Sky,
    ensembles: Mapping[str, Ensemble],
    count: int,
    seed: int,
    first_row: int,
) -> np.ndarray:
    """Draw log age [dex yr] and log mass [dex Msun] jointly from the posteriors, float32 (2, n, count).

    A draw is a place drawn from the errors (again, by its weight, where the tracks do not reach that far), a
    network chosen at random, and its answer for a stage chosen by the weights. It depends on the seed and on
    the star's row alone, not on what other rows are asked for.

    Parameters
    ----------
    ensembles
        Stage -> ensemble, for the stages that are possible.
    first_row
        Number of the first of these stars among all.
    """
    shape = (len(stars), count)
    # one block of a counter-based generator a draw
    generator = np.random.Philox(key=seed)
    generator.advance(first_row * count)
    uniform = (generator.random_raw(4 * len(stars) * count) >> np.uint64(11)) * 2.0**-53
    first, second, third, fourth = np.moveaxis(uniform.reshape(*shape, 4), -1, 0)
    # Box and Muller
    radius, angle = np.sqrt(-2 * np.log1p(-first)), 2 * np.pi * second
    log_teff = stars.log_teff[:, None] + stars.e_log_teff[:, None] * radius * np.cos(angle)
    log_lum = stars.log_lum[:, None] + stars.e_log_lum[:, None] * radius * np.sin(angle)

    distances = {stage: sky.distances(stage, log_teff, log_lum) for stage in ensembles}
    nearest = np.minimum.reduce(list(distances.values()))
    cumulated = np.cumsum(_normalised(_falling(np.float32(0), nearest), axis=1), axis=1, dtype=float)
    cumulated /= cumulated[:, -1:]
    # systematic resampling, all rows in one search: no change where every place weighs the same
    rows = np.arange(len(stars))[:, None]
    steps = (np.arange(count) + 0.5) / count
    chosen = np.searchsorted((np.nan_to_num(cumulated, nan=1) + rows).ravel(), (steps + rows).ravel())
    log_teff, log_lum = log_teff.ravel()[chosen], log_lum.ravel()[chosen]

    answers, logs = [], []
    for stage, ensemble in ensembles.items():
        distance = distances[stage].ravel()[chosen]
        near = np.flatnonzero(distance < domain.FAR)
        answer = np.full((2, len(chosen)), np.nan, np.float32)
        networks = (third.ravel()[near] * len(ensemble)).astype(int)
        answer[:, near] = ensemble.drawn(log_teff[near], log_lum[near], networks)
        answers.append(answer)
        logs.append(_falling(sky.weights(stage, answer[1]), distance))
    is_first = fourth.ravel() < _normalised(np.stack(logs), axis=0)[0]
    return np.where(is_first, answers[0], answers[-1]).reshape(2, *shape)
