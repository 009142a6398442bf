"""The exact posterior of age, mass and [Fe/H] of stars under a cube of isochrones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stelnet.arrays import Bools, Floats, Ints
from stelnet.errors import ConfigError
from stelnet.inference.exact import marginals
from stelnet.inference.exact.cells import FEH_STEP, RESOLUTION, Cells
from stelnet.inference.exact.cube import Cube
from stelnet.inference.exact.summaries import information, limits, quantiles, smooth_quantiles
from stelnet.inference.observed import FIELD, LEVELS, AgePrior, Answer, Observed
from stelnet.terms import LOG_AGE_UNIVERSE

#: Resolutions of the cells, in units of the finest; a star takes the coarsest that is within its errors.
FACTORS = (1, 2, 4, 8, 16)
#: Bins of the marginal densities [dex].
AGE_STEP, MASS_STEP = 0.01, 0.0025
LOG_MASS = (-1.1, 2.6)
STAGE_RANGE = {None: (0, 1), "pre": (0, 0), "post": (1, 1)}
#: Stars that are taken at a time.
CHUNK = 4096


@dataclass
class ExactAnswer(Answer):
    """Posteriors, and of each star (n,) the evidence and the misfit of its best place on the grid.

    Attributes
    ----------
    log_evidence
        Natural logarithm of the density of the measurements, up to a constant of the grid and the prior.
    chi2
        Least chi squared over the grid.
    """

    log_evidence: Floats
    chi2: Floats


@dataclass
class StagedDraws:
    """Draws of n stars for either stage.

    Attributes
    ----------
    drawn
        float32 (3, n, 2, draws): log age, log mass and [Fe/H] before and after the ZAMS; NaN where the stage
        is out of reach.
    p_pre
        Probability (n,) of the first stage.
    log_age_data
        float32 (3, 4, n): limits as in :class:`stelnet.inference.observed.Answer`, with the stage open and
        for either stage.
    least
        Least chi squared (n, 2) by stage.
    """

    drawn: Floats
    p_pre: Floats
    log_age_data: Floats
    least: Floats


@dataclass
class Densities:
    """Marginal densities of n stars by stage (n, 2, bins), see :func:`marginals.marginals`."""

    log_age: Floats
    log_mass: Floats
    planes: Floats
    chi2: Floats
    least: Floats


class Exact:
    """Sums over the cells of a cube; those of a resolution are made when a star first needs them.

    Parameters
    ----------
    cube
        The isochrones.
    """

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        self._cells: dict[int, Cells] = {}
        first = float(cube.log_age[0])
        bins = int(np.ceil((LOG_AGE_UNIVERSE - first) / AGE_STEP))
        self.edges = {
            "log_age": first + AGE_STEP * np.arange(bins + 1),
            "log_mass": np.arange(LOG_MASS[0], LOG_MASS[1] + MASS_STEP / 2, MASS_STEP),
        }
        self._grids = first, AGE_STEP, LOG_MASS[0], MASS_STEP

    @property
    def metadata(self) -> dict[str, Any]:
        """Where the isochrones come from."""
        return self._cube.metadata

    def cells(self, factor: int) -> Cells:
        """Return the cells at a factor of the finest resolution."""
        if factor not in self._cells:
            self._cells[factor] = Cells.of(self._cube, factor)
        return self._cells[factor]

    def _factors(self, stars: Observed) -> Ints:
        fine = np.minimum(stars.e_log_teff / RESOLUTION[0], stars.e_log_lum / RESOLUTION[1])
        factors: Ints = np.array(FACTORS)[
            np.maximum(np.searchsorted(FACTORS, fine * 1.0001, side="right") - 1, 0)
        ]
        return factors

    def _inputs(self, stars: Observed, factor: int, gamma: Floats, prior: AgePrior) -> tuple[Any, ...]:
        """Return the arguments of the compiled functions for stars of one resolution."""
        cells, n = self.cells(factor), len(stars)
        places = stars.log_teff, stars.log_lum, stars.feh, stars.e_log_teff, stars.e_log_lum, stars.e_feh
        # fewer planes where neither the error of [Fe/H] nor that of the place tells them apart
        stride = np.clip(np.floor(0.8 * stars.e_feh / FEH_STEP), 1, min(2 * factor, 8)).astype(np.int64)
        bounds = np.column_stack([gamma, np.full(n, prior.low), np.full(n, prior.high)])
        return (
            cells.values, cells.start, cells.shape, cells.origin, cells.size, cells.feh,
            np.column_stack(places), stride, bounds, self._grids,
        )  # fmt: skip

    def densities(
        self, stars: Observed, factor: int, gamma: Floats, prior: AgePrior, stage: str | None
    ) -> Densities:
        """Return the marginal densities of stars of one resolution."""
        if stage not in STAGE_RANGE:
            raise ConfigError(f"stage {stage!r}: must be pre or post, or None where it is not known.")
        n, ages, masses = len(stars), len(self.edges["log_age"]) - 1, len(self.edges["log_mass"]) - 1
        result = Densities(
            np.empty((n, 2, ages)),
            np.empty((n, 2, masses)),
            np.empty((n, 2, len(self.cells(factor).feh))),
            np.empty((n, 2, ages), np.float32),
            np.empty((n, 2)),
        )
        compute: Callable[..., None] = marginals.marginals
        compute(
            *self._inputs(stars, factor, gamma, prior), STAGE_RANGE[stage],
            result.log_age, result.log_mass, result.planes, result.chi2, result.least,
        )  # fmt: skip
        # cells reach over the prior's bounds
        edges = self.edges["log_age"]
        result.log_age *= (edges[1:] > prior.low) & (edges[:-1] < prior.high)
        # both stages in units of the better one
        best = result.least.min(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            factors = np.where(np.isfinite(result.least), np.exp((best - result.least) / 2), 0)
        for density in (result.log_age, result.log_mass, result.planes):
            density *= factors[..., None]
        return result

    def answer(
        self,
        stars: Observed,
        prior: AgePrior = FIELD,
        stage: str | None = None,
        gamma: Floats | None = None,
    ) -> ExactAnswer:
        """Return the posteriors of stars.

        Parameters
        ----------
        stage
            ``pre`` or ``post`` where it is known of all.
        gamma
            Exponents of the prior (n,), one a star, instead of that of `prior`.
        """
        n = len(stars)
        gamma = np.full(n, prior.gamma) if gamma is None else gamma
        answer = ExactAnswer(
            *(np.full(shape, np.nan, np.float32) for shape in ((3, len(LEVELS), n), n, (4, n), n, n, n))
        )
        for factor, rows in self.groups(stars):
            found = self.densities(stars[rows], factor, gamma[rows], prior, stage)
            self._fill(answer, rows, found, gamma[rows], prior, factor)
        return answer

    def groups(self, stars: Observed) -> Iterator[tuple[int, Ints]]:
        """Yield resolutions and the rows of stars that take them, in chunks; without stars of no place."""
        factors = self._factors(stars)
        usable = np.isfinite(
            stars.log_teff + stars.log_lum + stars.e_log_teff + stars.e_log_lum + stars.e_feh
        )
        for factor in FACTORS:
            rows = np.flatnonzero(usable & (factors == factor))
            for first in range(0, len(rows), CHUNK):
                yield factor, rows[first : first + CHUNK]

    def _fill(
        self, answer: ExactAnswer, rows: Ints, found: Densities, gamma: Floats, prior: AgePrior, factor: int
    ) -> None:
        """Fill in the answers of some rows."""
        by_stage = found.planes.sum(axis=2)
        total = by_stage.sum(axis=1)
        known = total > 0
        rows, total = rows[known], total[known]
        age, mass = found.log_age[known].sum(axis=1), found.log_mass[known].sum(axis=1)
        answer.quantiles[0][:, rows] = quantiles(age, self.edges["log_age"])
        answer.quantiles[1][:, rows] = quantiles(mass, self.edges["log_mass"])
        answer.quantiles[2][:, rows] = self._feh_quantiles(found.planes[known].sum(axis=1), factor)
        answer.p_pre[rows] = by_stage[known, 0] / total
        answer.log_age_data[:, rows] = limits(found.chi2[known].min(axis=1), self.edges["log_age"])
        answer.age_information[rows] = information(age, self.edges["log_age"], gamma[known], prior)
        answer.chi2[rows] = found.least[known].min(axis=1)
        answer.log_evidence[rows] = np.log(total) - answer.chi2[rows] / 2

    def _feh_quantiles(self, planes: Floats, factor: int) -> Floats:
        """Return quantiles of [Fe/H]; of strided planes, each stands for its neighbours too."""
        feh = self.cells(factor).feh
        half = (feh[1] - feh[0]) / 2
        edges = np.append(feh - half, feh[-1] + half)
        used = planes > 0
        found = np.empty((len(LEVELS), len(planes)))
        for i, density in enumerate(planes):
            taken = np.flatnonzero(used[i])
            if len(taken) == 1:
                low, high = edges[taken[0]], edges[taken[0] + 1]
                found[:, i] = low + np.array(LEVELS) * (high - low)
                continue
            stride = np.diff(taken).min()
            at = np.arange(taken[0], taken[-1] + 1, stride)
            bounds = np.append(feh[at] - stride * half, feh[at[-1]] + stride * half)
            found[:, i] = smooth_quantiles(density[at], bounds)
        return found

    def draws(
        self,
        stars: Observed,
        prior: AgePrior,
        count: int,
        seed: int,
        first_row: int = 0,
        stage: str | None = None,
    ) -> tuple[Floats, Bools]:
        """Return joint draws, float32 (3, n, count), and whether each is before the ZAMS, bool (n, count).

        Parameters
        ----------
        seed, first_row
            A draw depends on the seed and the number of its row, counted from `first_row`.
        """
        n = len(stars)
        # of each star: its seed, and a number a draw that chooses the stage; four a block of the generator
        blocks = count // 4 + 1
        generator = np.random.Philox(key=seed)
        generator.advance(first_row * blocks)
        raw = generator.random_raw(4 * n * blocks).reshape(n, -1)
        seeds = (raw[:, 0] >> np.uint64(32)).astype(np.int64)
        found = self.staged_draws(stars, np.full(n, prior.gamma), count, seeds, prior)
        p_pre = found.p_pre if stage is None else np.full(n, float(stage == "pre"))
        pre = (raw[:, 1 : count + 1] >> np.uint64(11)) * 2.0**-53 < p_pre[:, None]
        return np.where(pre, found.drawn[:, :, 0], found.drawn[:, :, 1]), pre

    def staged_draws(
        self,
        stars: Observed,
        gamma: Floats,
        count: int,
        seeds: Ints,
        prior: AgePrior = FIELD,
        most: int = 1 << 62,
        reaches: int = len(marginals.REACH),
    ) -> "StagedDraws":
        """Return draws of either stage, with all that tells how likely each is.

        Parameters
        ----------
        gamma
            Exponents of the prior (n,), one a star; `prior` tells the bounds.
        seeds
            Seeds (n,) of 32 bits, one a star.
        most, reaches
            See :func:`stelnet.inference.exact.marginals.draws`.
        """
        n = len(stars)
        result = StagedDraws(
            np.full((3, n, 2, count), np.nan, np.float32),
            np.full(n, np.nan),
            np.full((3, 4, n), np.nan, np.float32),
            np.full((n, 2), np.inf),
        )
        for factor, rows in self.groups(stars):
            part = np.empty((len(rows), 2, count, 3), np.float32)
            weight, least = np.empty((len(rows), 2)), np.empty((len(rows), 2))
            chi2 = np.empty((len(rows), 2, len(self.edges["log_age"]) - 1), np.float32)
            inputs = self._inputs(stars[rows], factor, gamma[rows], prior)
            draw: Callable[..., None] = marginals.draws
            draw(*inputs, seeds[rows], most, reaches, part, weight, least, chi2)
            result.drawn[:, rows] = np.moveaxis(part, 3, 0)
            with np.errstate(invalid="ignore"):
                total = weight * np.exp((least.min(axis=1, keepdims=True) - least) / 2)
                result.p_pre[rows] = np.where(weight > 0, total, 0)[:, 0] / np.where(
                    weight > 0, total, 0
                ).sum(axis=1)
            result.least[rows] = least
            for case, profile in enumerate((chi2.min(axis=1), chi2[:, 0], chi2[:, 1])):
                result.log_age_data[case][:, rows] = limits(profile, self.edges["log_age"])
        return result
