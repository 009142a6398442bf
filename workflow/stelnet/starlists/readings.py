"""How a column of a star list is read: scale, errors, unit."""

from dataclasses import dataclass, field, replace

import numpy as np

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.starlists.quantities import (
    LINEAR,
    LOG,
    MAG,
    MBOL_SUN,
    METALLICITY,
    PERCENT,
    TEFF,
    Quantity,
    bare,
)

#: So many metallicities that are all above 0 and below this are mass fractions of metals.
MANY, MASS_FRACTION = 10, 0.06
HALF_BETWEEN, MEAN_OF = "half the distance between", "the mean of"


@dataclass(frozen=True)
class Scale:
    """How numbers are read; `offset` [dex] takes their unit to K or Lsun. Percent is for errors alone."""

    form: str
    offset: float = 0.0

    def log(self, values: Floats) -> Floats:
        """Return log10 in standard units; -inf for what has no logarithm, NaN where the value is missing."""
        if self.form == LINEAR:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs: Floats = np.log10(np.where(values > 0, values, 0.0)) + self.offset
            return np.where(np.isnan(values), np.nan, np.where(values == np.inf, -np.inf, logs))
        logs = 0.4 * (MBOL_SUN - values) if self.form == MAG else values + self.offset
        return np.where(np.isinf(logs), -np.inf, logs)

    def relative(self, errors: Floats, log_values: Floats) -> Floats:
        """Return linear errors over their values, which are given as standard logarithms."""
        if self.form == PERCENT:
            return errors / 100
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            relative: Floats = errors * 10 ** (self.offset - log_values)
        return relative

    def dex(self, errors: Floats, log_values: Floats) -> Floats:
        """Return symmetric errors in dex, to first order."""
        if self.form in (LINEAR, PERCENT):
            return self.relative(errors, log_values) / float(np.log(10))
        return 0.4 * errors if self.form == MAG else errors


@dataclass(frozen=True)
class Errors:
    """Where errors come from: a number, a column, two columns of sizes or two columns of bounds."""

    kind: str  # "number", "size", "sizes" or "bounds"
    columns: tuple[str, ...]
    scale: Scale
    number: float = np.nan
    words: str = ""

    def dex(self, log_values: Floats, columns: tuple[Floats, ...]) -> Floats:
        """Return the errors in dex, where two sides are averaged.

        NaN where the error is missing, negative where it is impossible, 0 where there is no value.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if self.kind == "number":
                errors = self.scale.dex(np.full(len(log_values), self.number), log_values)
            elif self.kind == "size":
                errors = self.scale.dex(columns[0], log_values)
            elif self.kind == "sizes":
                errors = self._two_sides(columns[0], columns[1], log_values)
            else:
                lower, upper = (self.scale.log(column) for column in columns)
                # magnitudes run backwards
                lower, upper = (upper, lower) if self.scale.form == MAG else (lower, upper)
                bracketed = (lower <= log_values) & (log_values <= upper) & np.isfinite(lower)
                known = ~(np.isnan(lower) | np.isnan(upper))
                errors = np.where(known, np.where(bracketed, (upper - lower) / 2, -1.0), np.nan)
        # what has no value has no error to complain of
        return np.where(np.isfinite(log_values), errors, 0.0)

    def _two_sides(self, lower: Floats, upper: Floats, log_values: Floats) -> Floats:
        # some tables write the lower error with its sign; -99 and the like stand for no error
        lower = np.where((lower < 0) & ~np.isin(lower, (-99, -999, -9999)), -lower, lower)
        if self.scale.form in (LOG, MAG):
            down, up = (self.scale.dex(side, log_values) for side in (lower, upper))
        else:
            down, up = (self.scale.relative(side, log_values) for side in (lower, upper))
            down, up = np.where(down > 0, -np.log10(1 - down), down), np.where(up > 0, np.log10(1 + up), up)
            # a lower error of 100 % or more has no logarithm: the upper one stands for both
            down = np.where(lower > 0, np.where(np.isfinite(down), down, up), down)
        return np.where((down < 0) | (up < 0), -1.0, (down + up) / 2)


@dataclass(frozen=True)
class Reading:
    """How one quantity is read from a star list."""

    quantity: Quantity
    column: str
    scale: Scale
    unit: str = ""
    sure: bool = False  # the unit was given with an option
    errors: Errors | None = None
    note: str = field(default="", compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the list that are needed."""
        return (self.column, *(self.errors.columns if self.errors else ()))

    def log(self, values: Floats) -> Floats:
        """Return the quantity as log10 in K or Lsun: NaN where missing, -inf where impossible."""
        logs = self.scale.log(values)
        lowest, highest = self.quantity.log_range
        return np.where((logs < lowest) | (logs > highest), -np.inf, logs)

    def settled(self, values: Floats, *errors: Floats) -> "Reading":
        """Return the reading that the first rows of its columns, in the order of :attr:`columns`, confirm.

        Raises
        ------
        DataError
            The values contradict name or unit, and only the user can know what they are.
        """
        settled = self._settled(values[np.isfinite(values)])
        if settled.errors is None or settled.errors.kind != "bounds":
            return settled
        dex = settled.errors.dex(settled.log(values), errors)
        told = dex[np.isfinite(dex) & np.isfinite(values)]
        if not len(told) or np.mean(told < 0) <= 0.5:
            return settled
        words = settled.errors.words.replace(HALF_BETWEEN, MEAN_OF)
        words += ", read as errors as they do not enclose the values"
        return replace(settled, errors=replace(settled.errors, kind="sizes", words=words))

    def _settled(self, values: Floats) -> "Reading":
        if self.sure or not len(values):
            return self
        low, high = values.min(), values.max()
        span = f"between {low:.4g} and {high:.4g}"
        if self.quantity is TEFF:
            if self.scale.form == LINEAR and low >= 3 and high <= 5.5:
                # no star is that cold, so nothing else is possible
                note = f"values {span} are no temperatures but their log10, and are read so"
                log = Scale(LOG, self.scale.offset)
                errors = self.errors
                if errors and errors.scale == self.scale:
                    errors = replace(errors, scale=log)
                return replace(self, scale=log, errors=errors, note=note)
            if self.scale.form == LOG and np.median(values) > 100:
                raise DataError(
                    f"column {self.column!r} seems to hold log10 of a temperature, but its values are "
                    f"{span}; say what they are: --teff {self.column + ' [K]'!r}."
                )
        elif self.quantity is METALLICITY:
            if len(values) >= MANY and low >= 0 and 0 < high <= MASS_FRACTION:
                raise DataError(
                    f"column {self.column!r} may hold [Fe/H], but its values are {span}, as mass fractions "
                    f"of metals are; say what they are: --feh {self.column + ' [dex]'!r}, or "
                    "--feh neighbourhood."
                )
        elif self.scale.form == LINEAR and np.mean((values < 0) & (values > -10)) > 0.25:
            raise DataError(
                f"column {self.column!r} seems to hold luminosities, but many are negative, as of log10 L; "
                f"say what they are: --lum {self.column + ' [dex(Lsun)]'!r}, "
                f"or --lum {self.column + ' [Lsun]'!r} to have the negative ones flagged."
            )
        return self

    def describe(self) -> str:
        """Return the reading in words."""
        unit = self.unit.strip("[]") or self.quantity.unit
        if self.scale.form == LOG and "(" not in unit and unit != "dex":
            unit = f"dex({unit})"
        elif self.scale.form == MAG:
            unit = "absolute bolometric magnitude"
        errors = f", errors from {self.errors.words}" if self.errors else ""
        return (
            f"{self.quantity.label or self.quantity.name} from column {bare(self.column)} [{unit}]{errors}"
            + (f" ({self.note})" if self.note else "")
        )
