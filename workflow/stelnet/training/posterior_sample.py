"""Stars to train the posterior network on: places anywhere on the H-R diagram, and draws of their posteriors.

The places need not follow any prior: what the network learns, the posterior given the measurements, is the
same wherever they lie. So they cover the whole grid, with errors of all sizes, the usual ones most often.
"""

import numpy as np

from stelnet.arrays import Floats
from stelnet.inference.exact import Exact
from stelnet.inference.observed import FLOOR, NEIGHBOURHOOD, Observed

#: Ranges of the whole errors [dex]: log Teff, log L, [Fe/H].
ERRORS = {"log_teff": (0.006, 0.3), "log_lum": (0.012, 1.2), "feh": (0.05, 0.6)}
#: Ranges of the usual ones, and the share of the stars that have them.
USUAL = {"log_teff": (0.01, 0.022), "log_lum": (0.02, 0.07), "feh": (0.05, 0.12)}
USUAL_SHARE = 0.6
#: Shares of stars without a metallicity, and of those whose metallicity is fixed: its error is the floor.
UNKNOWN_SHARE, FIXED_SHARE = 0.35, 0.2
#: Share of stars that are placed evenly over the H-R diagram.
EVEN_SHARE = 0.4
#: Share of stars with the prior that is uniform in age; the others have that in log age.
FIELD_SHARE = 0.6
#: Power by which the weights of cells are flattened, so that rare stars are seen as well.
FLATTENING = 0.25
#: Resolution of the cells that places are chosen from, and about how many cells are summed for one star.
PLACES_FACTOR, MOST_CELLS = 4, 8_000
CHUNK = 16384


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float], count: int) -> Floats:
    low, high = np.log(bounds)
    values: Floats = np.exp(rng.uniform(low, high, count))
    return values


def _errors(rng: np.random.Generator, name: str, count: int) -> Floats:
    usual = rng.random(count) < USUAL_SHARE
    return np.where(usual, _log_uniform(rng, USUAL[name], count), _log_uniform(rng, ERRORS[name], count))


class Places:
    """Where stars of the grid may be: chosen from its cells, half of them by number, half by area.

    Parameters
    ----------
    exact
        The exact posterior that the grid belongs to.
    """

    def __init__(self, exact: Exact) -> None:
        cells = exact.cells(PLACES_FACTOR)
        self._values, self._feh = cells.values, cells.feh
        stages, planes, rows, columns = cells.shape
        self._plane = np.repeat(np.tile(np.arange(planes), stages), np.diff(cells.start[:: rows * columns]))
        # most stars are near the Sun's metallicity, some anywhere on the grid
        near = np.exp(-0.5 * ((cells.feh - NEIGHBOURHOOD[0]) / 0.3) ** 2)
        of_plane = 0.6 * near / near.sum() + 0.4 / planes
        weight = cells.values[7].astype(float) ** FLATTENING
        bins = np.repeat(np.arange(len(cells.start) - 1), np.diff(cells.start))
        number = np.bincount(bins, minlength=len(cells.start) - 1)
        by_area = 1.0 / number[bins]
        self._chances = [self._cumulated(chance * of_plane[self._plane]) for chance in (weight, by_area)]

    @staticmethod
    def _cumulated(chance: Floats) -> Floats:
        sums: Floats = np.cumsum(chance)
        sums /= sums[-1]
        return sums

    def draw(self, rng: np.random.Generator, count: int) -> Observed:
        """Return stars at random places with random errors."""
        even = rng.random(count) < EVEN_SHARE
        u = rng.random(count)
        cell = np.where(even, *(np.searchsorted(chances, u) for chances in self._chances[::-1]))
        cell = np.minimum(cell, len(self._plane) - 1)
        teff, lum, feh = self._values[0, cell], self._values[1, cell], self._feh[self._plane[cell]]
        errors = [_errors(rng, name, count) for name in ("log_teff", "log_lum", "feh")]
        kind = rng.random(count)
        unknown, fixed = kind < UNKNOWN_SHARE, kind > 1 - FIXED_SHARE
        errors[2] = np.where(fixed, FLOOR.feh, errors[2])
        # a little beyond the errors' own scatter, so that stars off the grid are seen too
        noise = 1.2 * rng.normal(size=(3, count)) * errors
        return Observed(
            teff + noise[0],
            lum + noise[1],
            np.where(unknown, NEIGHBOURHOOD[0], feh + noise[2]),
            errors[0],
            errors[1],
            np.where(unknown, NEIGHBOURHOOD[1], errors[2]),
        )


def sample(exact: Exact, count: int, draws: int, seed: int) -> dict[str, Floats]:
    """Return stars with draws of their exact posteriors.

    Parameters
    ----------
    count, draws
        Numbers of places and of draws of each stage; stars that the grid cannot explain are left out.

    Returns
    -------
    dict
        ``stars`` float32 (n, 7): log Teff, log L, [Fe/H], their errors, gamma; ``drawn`` float32
        (n, 2, draws, 3), NaN for a stage out of reach; ``p_pre`` float32 (n,); ``log_age_data`` float32
        (n, 3, 4), see :class:`stelnet.inference.exact.exact.StagedDraws`.
    """
    rng = np.random.default_rng(seed)
    places = Places(exact)
    parts = []
    for first in range(0, count, CHUNK):
        n = min(CHUNK, count - first)
        stars = places.draw(rng, n)
        gamma = (rng.random(n) > FIELD_SHARE).astype(float)
        seeds = rng.integers(0, 2**32, n)
        found = exact.staged_draws(stars, gamma, draws, seeds, most=MOST_CELLS, reaches=1)
        good = np.isfinite(found.p_pre)
        columns = (
            stars.log_teff,
            stars.log_lum,
            stars.feh,
            stars.e_log_teff,
            stars.e_log_lum,
            stars.e_feh,
            gamma,
        )
        parts.append(
            {
                "stars": np.column_stack(columns)[good].astype(np.float32),
                "drawn": np.moveaxis(found.drawn, 0, -1)[good],
                "p_pre": found.p_pre[good].astype(np.float32),
                "log_age_data": np.moveaxis(found.log_age_data, -1, 0)[good],
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
