"""Cells of a cube of isochrones at one resolution: parallelograms in age and mass at one [Fe/H].

A cell is small on the H-R diagram: along an isochrone and from one age to the next it spans at most
:data:`SHARE` of the resolution. Its weight is the number of stars formed in it, for a rate that is constant
in log age: the initial mass function (Kroupa 2001, MNRAS 322, 231) over the masses that the isochrone has
there. Between the cube's nodes in [Fe/H] and in age all is interpolated at equal EEP.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit

from stelnet.arrays import Floats, Ints
from stelnet.inference.exact.cube import Cube
from stelnet.terms import LOG_AGE_UNIVERSE

#: First EEP after the pre-main sequence, the zero-age main sequence (ZAMS).
ZAMS = 202
#: Metallicities of the planes of cells [dex]: between these bounds, midpoints of even steps.
FEH_BOUNDS, FEH_STEP = (-2.0, 0.5), 0.05
#: The finest resolution [dex K], [dex Lsun]; the floors of the errors are of this size.
RESOLUTION = (0.01, 0.02)
#: A cell's greatest extent, in units of the resolution, and in log age [dex].
SHARE, LONGEST = 0.7, 0.025
#: Most parts that one step of the cube is divided into, where a star's evolution jumps.
MOST = 64
#: Bins of the index in units of the resolution.
BIN = 2.0
LN10 = np.log(10)

#: Columns of a cell: its middle [dex K], [dex Lsun], [dex yr], [dex Msun] (current mass); its extent in log
#: age, the change of log mass with it, and the extent in log mass at one age; its weight.
COLUMNS = ("log_teff", "log_lum", "log_age", "log_mass", "d_age", "d_mass_age", "d_mass", "weight")


@njit(cache=True)
def _imf(log_mass):
    """Return the number of stars per unit of log10 mass."""
    m = 10.0**log_mass
    slope = -1.3 if m < 0.5 else -2.3
    return (m / 0.5) ** slope * m * LN10


@njit(cache=True)
def _distance(a, b, unit_teff, unit_lum):
    return np.hypot((a[2] - b[2]) / unit_teff, (a[3] - b[3]) / unit_lum)


@njit(cache=True)
def _divide(plane, log_age, pre, unit_teff, unit_lum, out):
    """Write the cells of one plane and stage to `out` (n, 8), while there is room; return their number."""
    count = 0
    first, last = (0, ZAMS - 1) if pre else (ZAMS - 1, plane.shape[1] - 1)
    for i in range(len(log_age) - 1):
        if log_age[i] >= LOG_AGE_UNIVERSE:
            break
        step = log_age[i + 1] - log_age[i]
        end = min(1.0, (LOG_AGE_UNIVERSE - log_age[i]) / step)
        here, there = plane[i], plane[i + 1]
        e = first
        last_here = min(last, plane.shape[1] - 1)
        while e < last_here:
            if np.isnan(here[e, 0] + there[e, 0] + here[e + 1, 0] + there[e + 1, 0]):
                e += 1
                continue
            # as many steps of EEP as stay within the resolution
            f, length = (
                e + 1,
                max(
                    _distance(here[e], here[e + 1], unit_teff, unit_lum),
                    _distance(there[e], there[e + 1], unit_teff, unit_lum),
                ),
            )
            while f < last_here and not np.isnan(here[f + 1, 0] + there[f + 1, 0]):
                more = max(
                    _distance(here[f], here[f + 1], unit_teff, unit_lum),
                    _distance(there[f], there[f + 1], unit_teff, unit_lum),
                )
                if length + more > SHARE:
                    break
                length += more
                f += 1
            parts = min(MOST, max(1, int(np.ceil(length / SHARE))))
            apart = max(
                _distance(here[e], there[e], unit_teff, unit_lum),
                _distance(here[f], there[f], unit_teff, unit_lum),
            )
            times = min(MOST, max(1, int(np.ceil(end * max(apart / SHARE, step / LONGEST - 1e-6)))))
            for j in range(times):
                low, high = end * j / times, end * (j + 1) / times
                u = (low + high) / 2
                for k in range(parts):
                    v = (k + 0.5) / parts
                    if count < len(out):
                        wide = (
                            abs((1 - u) * (here[f, 0] - here[e, 0]) + u * (there[f, 0] - there[e, 0])) / parts
                        )
                        born = (1 - u) * ((1 - v) * here[e, 0] + v * here[f, 0]) + u * (
                            (1 - v) * there[e, 0] + v * there[f, 0]
                        )
                        for c in range(3):
                            source = (2, 3, 1)[c]
                            out[count, (0, 1, 3)[c]] = (1 - u) * (
                                (1 - v) * here[e, source] + v * here[f, source]
                            ) + u * ((1 - v) * there[e, source] + v * there[f, source])
                        out[count, 2] = log_age[i] + u * step
                        out[count, 4] = (high - low) * step
                        out[count, 5] = (high - low) * (
                            (1 - v) * (there[e, 1] - here[e, 1]) + v * (there[f, 1] - here[f, 1])
                        )
                        out[count, 6] = (
                            (1 - u) * (here[f, 1] - here[e, 1]) + u * (there[f, 1] - there[e, 1])
                        ) / parts
                        out[count, 7] = _imf(born) * wide * (high - low) * step * LN10
                    count += 1
            e = f
    return count


@dataclass(frozen=True)
class Cells:
    """All cells of a cube at one resolution, sorted by stage, [Fe/H], luminosity and temperature.

    Attributes
    ----------
    values
        float32 (8, n), see :data:`COLUMNS`.
    start
        int64: number of the first cell of each bin (stage, plane, luminosity, temperature), all in one row.
    shape
        Numbers of stages, planes and bins in luminosity and temperature.
    origin, size
        Lower edge and size of the bins [dex K], [dex Lsun].
    feh
        Metallicities of the planes (p,) [dex].
    """

    values: Floats
    start: Ints
    shape: tuple[int, int, int, int]
    origin: tuple[float, float]
    size: tuple[float, float]
    feh: Floats

    @classmethod
    def of(cls, cube: Cube, factor: float) -> Self:
        """Divide a cube into cells at `factor` times the finest resolution."""
        unit = RESOLUTION[0] * factor, RESOLUTION[1] * factor
        low, high = max(FEH_BOUNDS[0], cube.feh[0]), min(FEH_BOUNDS[1], cube.feh[-1])
        planes = round((high - low) / FEH_STEP)
        feh = low + (np.arange(planes) + 0.5) * (high - low) / planes
        room = np.empty((1 << 20, len(COLUMNS)))
        parts: list[list[np.ndarray]] = [[], []]
        for value in feh:
            plane = cube.plane(value)
            for stage, pre in enumerate((True, False)):
                count = _divide(plane, cube.log_age, pre, *unit, room)
                if count > len(room):
                    room = np.empty((int(1.2 * count), len(COLUMNS)))
                    _divide(plane, cube.log_age, pre, *unit, room)
                cells = room[:count]
                parts[stage].append(cells[cells[:, 7] > 0].astype(np.float32))
        every = [cells for stage in parts for cells in stage]
        place = np.array([[np.r_[lowest(cells), highest(cells)]] for cells in every])[:, 0]
        origin = place[:, :2].min(axis=0) - 1e-4
        size = np.array(unit) * BIN
        teff_bins, lum_bins = ((place[:, 2:].max(axis=0) - origin) // size).astype(int) + 1
        start, ordered = [], []
        total = 0
        for cells in every:
            column, row = ((cells[:, :2] - origin) // size).astype(np.int64).T
            key = row * teff_bins + column
            order = np.argsort(key, kind="stable")
            ordered.append(np.ascontiguousarray(cells[order].T))
            start.append(total + np.searchsorted(key[order], np.arange(lum_bins * teff_bins)))
            total += len(cells)
        shape = 2, planes, int(lum_bins), int(teff_bins)
        index = np.append(np.concatenate(start), total).astype(np.int64)
        values = np.concatenate(ordered, axis=1)
        return cls(values, index, shape, tuple(origin), tuple(size), feh)


def lowest(cells: Floats) -> Floats:
    """Return the least log Teff and log L of cells."""
    return cells[:, :2].min(axis=0) if len(cells) else np.full(2, np.inf)


def highest(cells: Floats) -> Floats:
    """Return the greatest log Teff and log L of cells."""
    return cells[:, :2].max(axis=0) if len(cells) else np.full(2, -np.inf)
