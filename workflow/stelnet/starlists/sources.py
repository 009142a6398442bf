"""Where a quantity of a star list comes from, row by row: several columns that hold the same, or others."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stelnet.arrays import Floats, Ints
from stelnet.inference.inputs import DEFAULT_ERRORS
from stelnet.starlists.base import StarList
from stelnet.starlists.columns import Ambiguous, find
from stelnet.starlists.marks import limited, marked
from stelnet.starlists.quantities import LINEAR, LOG, TEFF_SUN, Quantity
from stelnet.starlists.readings import Reading

#: Columns hold the same where they differ by no more [dex]: logarithms are often given with two decimals.
SAME = 0.006
#: Error of a radius [dex] taken when none is given: 4.2 %, the systematic floor of solar-like stars (Tayar et
#: al. 2022, ApJ 927, 31).
DEFAULT_RADIUS_ERROR = 0.0182


@dataclass(frozen=True)
class Source:
    """Where a quantity comes from: in each row the first of some readings that has a value there."""

    readings: tuple[Reading, ...]

    @property
    def columns(self) -> list[str]:
        """The columns of the list that are needed, marks among them."""
        names = [name for one in self.readings for name in (*one.columns, one.limits) if name]
        return list(dict.fromkeys(names))

    @property
    def has_errors(self) -> bool:
        """Whether there are errors of any row."""
        return any(reading.errors for reading in self.readings)

    def describe(self, default: str) -> str:
        """Return the readings in words, and the error that is taken where the list has none."""
        first, *others = self.readings
        words = first.describe() if self.has_errors else f"{first.describe()}, errors unknown: {default}"
        more = [reading.describe().split(" from ", 1)[1] for reading in others]
        return "; where it has no value, from ".join([words, *more])

    def read(self, stars: StarList, block: pa.Table, first_row: int) -> tuple[Floats, Floats | None, Ints]:
        """Return log10 of the quantity, its errors [dex] and the number of the reading that each is from.

        Errors are None if the list has none, NaN where they are missing; the number is -1 where no reading
        has a value.
        """
        logs, errors, number = self._read(0, stars, block, first_row)
        for i in range(1, len(self.readings)):
            others, their_errors, theirs = self._read(i, stars, block, first_row)
            gaps = np.isnan(logs)
            # an error that is missing beside one value stands beside the other
            gaps_of_errors = (gaps | np.isnan(errors)) & np.isfinite(others)
            errors = np.where(gaps_of_errors, their_errors, errors)
            logs, number = np.where(gaps, others, logs), np.where(gaps, theirs, number)
        return logs, errors if self.has_errors else None, number

    def _read(self, i: int, stars: StarList, block: pa.Table, first_row: int) -> tuple[Floats, Floats, Ints]:
        reading = self.readings[i]
        values, *errors = (stars.numbers(block, name, first_row) for name in reading.columns)
        if reading.limits:
            values = np.where(limited(block[reading.limits]), np.nan, values)
        logs, dex = reading.read(values, *errors)
        return logs, np.full(len(logs), np.nan) if dex is None else dex, np.where(np.isnan(logs), -1, i)


def source(stars: StarList, quantity: Quantity, column: str, errors: str, marks: list[str]) -> Source:
    """Find where a quantity comes from, and confirm it by the first rows.

    Of several columns that hold the same, as Teff and log Teff may, those with errors come first.

    Parameters
    ----------
    column, errors
        What the user names, see :func:`stelnet.starlists.columns.find`.
    marks
        Columns that hold marks, see :func:`stelnet.starlists.marks.mark_columns`.

    Raises
    ------
    DataError
        See there.
    """
    units = {name: unit for name, unit in stars.units.items() if name not in marks}

    def settled(name: str) -> tuple[Reading, Floats]:
        reading = find(
            units if name in units or not name else stars.units, quantity, name, errors, stars.ucds
        )
        reading = marked(reading, marks)
        one = Source((reading,))
        head = stars.head(one.columns)
        values = [stars.numbers(head, name, 0) for name in reading.columns]
        if reading.limits:
            values[0] = np.where(limited(head[reading.limits]), np.nan, values[0])
        reading = reading.settled(*values)
        return reading, reading.log(values[0])

    try:
        return Source((settled(column)[0],))
    except Ambiguous as ambiguous:
        readings, logs = zip(*map(settled, ambiguous.columns), strict=True)
        if not _hold_the_same(readings, logs):
            raise
        ordered = sorted(readings, key=lambda reading: reading.errors is None)
        first, *others = ordered
        return Source((first.noted(f"the same is in {', '.join(one.column for one in others)}"), *others))


def _hold_the_same(readings: tuple[Reading, ...], logs: tuple[Floats, ...]) -> bool:
    """Return whether columns agree in all rows that have a value in several, and whether that was seen.

    A quantity and its logarithm need not have a row in common.
    """
    known = np.isfinite(np.array(logs))
    values = np.where(known, logs, np.nan)
    several = known.sum(axis=0) > 1
    if several.any():
        apart = np.nanmax(values[:, several], axis=0) - np.nanmin(values[:, several], axis=0)
        if (apart > SAME).any():
            return False
    met = [bool((known[i] & np.delete(known, i, axis=0).any(axis=0)).any()) for i in range(len(readings))]
    forms = sorted(reading.scale.form for reading in readings)
    return all(met) or (bool(known.any(axis=1).all()) and forms == sorted([LINEAR, LOG]))


def luminosity(
    radius: Floats, e_radius: Floats | None, log_teff: Floats, e_log_teff: Floats | None
) -> tuple[Floats, Floats]:
    """Return log L [dex Lsun] and its error of stars of which radius and temperature are known.

    L = R^2 (Teff / 5772 K)^4 with the nominal values of the Sun (IAU 2015 Resolution B3), so that its error
    is that of 2 log R and 4 log Teff in quadrature. Errors of L and Teff are correlated then; a model takes
    them as independent. The error of each alone is right, but what a model sees of both together is wider
    than what is known, so that its answer errs on the wide side.

    Parameters
    ----------
    radius, e_radius
        log R [dex Rsun] and its error; None, or NaN for a star, is :data:`DEFAULT_RADIUS_ERROR`.
    log_teff, e_log_teff
        log Teff [dex K] and its error; unknown ones are as the models take them.
    """
    log_lum = 2 * radius + 4 * (log_teff - np.log10(TEFF_SUN))
    known = [
        np.where((errors >= 0) & np.isfinite(errors), errors, default)
        for errors, default in (
            (np.full(len(radius), np.nan) if e_radius is None else e_radius, DEFAULT_RADIUS_ERROR),
            (np.full(len(radius), np.nan) if e_log_teff is None else e_log_teff, DEFAULT_ERRORS["log_teff"]),
        )
    ]
    return np.where(np.isfinite(log_lum), log_lum, np.nan), np.hypot(2 * known[0], 4 * known[1])
