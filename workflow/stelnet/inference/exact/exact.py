"""The exact posterior of age, mass and [Fe/H] of stars under a cube of isochrones."""

from dataclasses import dataclass

import numpy as np

from stelnet.errors import ConfigError
from stelnet.inference.exact import marginals
from stelnet.inference.exact.cells import FEH_STEP, RESOLUTION, Cells
from stelnet.inference.exact.cube import Cube
from stelnet.inference.observed import LEVELS, LOG_AGE_UNIVERSE, AgePrior, Answer, Observed

#: Resolutions of the cells, in units of the finest; a star takes the coarsest that is within its errors.
FACTORS = (1, 2, 4, 8, 16)
#: Bins of the marginal densities [dex].
AGE_STEP, MASS_STEP = 0.01, 0.0025
LOG_MASS = (-1.1, 2.6)
STAGE_RANGE = {None: (0, 1), "pre": (0, 0), "post": (1, 1)}
#: What chi squared may exceed its least value by: 68 % and 95 % of one parameter.
CHI2_LEVELS = (1.0, 3.84)
#: Stars that are taken at a time.
CHUNK = 4096


@dataclass
class ExactAnswer(Answer):
    """Posteriors, and beyond these of each star (n,) the evidence and the misfit of its best place on the grid.

    Attributes
    ----------
    log_evidence
        Natural logarithm of the density of the measurements under the prior.
    chi2
        Least chi squared over the grid.
    """

    log_evidence: np.ndarray
    chi2: np.ndarray


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

    drawn: np.ndarray
    p_pre: np.ndarray
    log_age_data: np.ndarray
    least: np.ndarray


@dataclass
class Densities:
    """Marginal densities of n stars by stage (pre, post), float64 (n, 2, bins), see :func:`marginals.marginals`."""

    log_age: np.ndarray
    log_mass: np.ndarray
    planes: np.ndarray
    chi2: np.ndarray
    least: np.ndarray


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
    def metadata(self) -> dict:
        """Where the isochrones come from."""
        return self._cube.metadata

    def cells(self, factor: int) -> Cells:
        """Return the cells at a factor of the finest resolution."""
        if factor not in self._cells:
            self._cells[factor] = Cells.of(self._cube, factor)
        return self._cells[factor]

    def _factors(self, stars: Observed) -> np.ndarray:
        fine = np.minimum(stars.e_log_teff / RESOLUTION[0], stars.e_log_lum / RESOLUTION[1])
        return np.array(FACTORS)[np.clip(np.searchsorted(FACTORS, fine * 1.0001, side="right") - 1, 0, None)]

    def _inputs(self, stars: Observed, factor: int, gamma: np.ndarray, prior: AgePrior) -> tuple:
        """Return the arguments of the compiled functions for stars of one resolution."""
        cells, n = self.cells(factor), len(stars)
        places = stars.log_teff, stars.log_lum, stars.feh, stars.e_log_teff, stars.e_log_lum, stars.e_feh
        stride = np.clip(np.floor(0.8 * stars.e_feh / FEH_STEP), 1, min(factor, 8)).astype(np.int64)
        bounds = np.column_stack([gamma, np.full(n, prior.low), np.full(n, prior.high)])
        return (
            cells.values, cells.start, cells.shape, cells.origin, cells.size, cells.feh,
            np.column_stack(places), stride, bounds, self._grids,
        )  # fmt: skip

    def densities(
        self, stars: Observed, factor: int, gamma: np.ndarray, prior: AgePrior, stage: str | None
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
        marginals.marginals(
            *self._inputs(stars, factor, gamma, prior), STAGE_RANGE[stage],
            result.log_age, result.log_mass, result.planes, result.chi2, result.least,
        )  # fmt: skip
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
        prior: AgePrior = AgePrior(),
        stage: str | None = None,
        gamma: np.ndarray | None = None,
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
        for factor, rows in self._groups(stars):
            found = self.densities(stars[rows], factor, gamma[rows], prior, stage)
            self._fill(answer, rows, found, stars[rows], gamma[rows], prior, factor)
        return answer

    def _groups(self, stars: Observed):
        """Yield resolutions and the rows of stars that take them, in chunks; stars without a place are left out."""
        factors = self._factors(stars)
        usable = np.isfinite(
            stars.log_teff + stars.log_lum + stars.e_log_teff + stars.e_log_lum + stars.e_feh
        )
        for factor in FACTORS:
            rows = np.flatnonzero(usable & (factors == factor))
            for first in range(0, len(rows), CHUNK):
                yield factor, rows[first : first + CHUNK]

    def _fill(
        self, answer, rows, found: Densities, stars: Observed, gamma, prior: AgePrior, factor: int
    ) -> None:
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

    def _feh_quantiles(self, planes: np.ndarray, factor: int) -> np.ndarray:
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
        self, stars: Observed, prior: AgePrior, count: int, seed: int, stage: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return joint draws, float32 (3, n, count), and whether each is before the ZAMS, bool (n, count)."""
        rng = np.random.default_rng(seed)
        found = self.staged_draws(stars, np.full(len(stars), prior.gamma), count, rng, prior)
        p_pre = found.p_pre if stage is None else np.full(len(stars), float(stage == "pre"))
        pre = rng.random((len(stars), count)) < p_pre[:, None]
        return np.where(pre, found.drawn[:, :, 0], found.drawn[:, :, 1]), pre

    def staged_draws(
        self,
        stars: Observed,
        gamma: np.ndarray,
        count: int,
        rng: np.random.Generator,
        prior: AgePrior = AgePrior(),
        most: int = 1 << 62,
        reaches: int = len(marginals.REACH),
    ) -> "StagedDraws":
        """Return draws of either stage, with all that tells how likely each is.

        Parameters
        ----------
        gamma
            Exponents of the prior (n,), one a star; `prior` tells the bounds.
        most, reaches
            See :func:`stelnet.inference.exact.marginals.draws`.
        """
        n = len(stars)
        seeds = rng.integers(0, 2**32 - 1, n, np.uint32).astype(np.int64)
        result = StagedDraws(
            np.full((3, n, 2, count), np.nan, np.float32),
            np.full(n, np.nan),
            np.full((3, 4, n), np.nan, np.float32),
            np.full((n, 2), np.inf),
        )
        for factor, rows in self._groups(stars):
            part = np.empty((len(rows), 2, count, 3), np.float32)
            weight, least = np.empty((len(rows), 2)), np.empty((len(rows), 2))
            chi2 = np.empty((len(rows), 2, len(self.edges["log_age"]) - 1), np.float32)
            marginals.draws(
                *self._inputs(stars[rows], factor, gamma[rows], prior), seeds[rows], most, reaches, part, weight, least, chi2
            )  # fmt: skip
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


def quantiles(density: np.ndarray, edges: np.ndarray, levels: tuple[float, ...] = LEVELS) -> np.ndarray:
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


def smooth_quantiles(weights: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return quantiles (levels,) of a distribution known on few bins, its cumulative one a monotone cubic."""
    from scipy.interpolate import PchipInterpolator

    cumulated = np.append(0, np.cumsum(weights))
    cumulated /= cumulated[-1]
    fine = np.linspace(edges[0], edges[-1], 16 * (len(edges) - 1) + 1)
    values = PchipInterpolator(edges, cumulated)(fine)
    return np.interp(LEVELS, values, fine)


def limits(chi2: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the lowest and highest log age (4, n) at which chi squared (n, bins) is within :data:`CHI2_LEVELS`."""
    least = chi2.min(axis=1, keepdims=True)
    some = np.isfinite(least[:, 0])
    found = []
    for level in CHI2_LEVELS:
        inside = chi2 <= least + level
        bounds = edges[inside.argmax(axis=1)], edges[inside.shape[1] - inside[:, ::-1].argmax(axis=1)]
        found += [np.where(some, bound, np.nan) for bound in bounds]
    return np.array(found)


def information(density: np.ndarray, edges: np.ndarray, gamma: np.ndarray, prior: AgePrior) -> np.ndarray:
    """Return the Kullback-Leibler divergence (n,) [nats] of densities of log age (n, bins) from the prior."""
    low, high = np.clip(edges[:-1], prior.low, prior.high), np.clip(edges[1:], prior.low, prior.high)
    width = np.maximum(high - low, 0)
    expected = width * 10 ** (((low + high) / 2 - 9) * (1 - gamma[:, None]))
    expected /= expected.sum(axis=1, keepdims=True)
    share = density / density.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(share > 0, share * np.log(share / np.maximum(expected, 1e-300)), 0)
    return terms.sum(axis=1)
