"""How a column of a star list is read: scale, errors, unit."""

import shlex
from dataclasses import dataclass, field, replace

import numpy as np

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.starlists.names import bare
from stelnet.starlists.quantities import (
    LINEAR,
    LOG,
    LUM,
    MAG,
    MBOL_SUN,
    METALLICITY,
    PERCENT,
    TEFF,
    Quantity,
    unit_of,
)
from stelnet.starlists.sentinels import errors_without_sentinels, without_sentinels

#: So many metallicities that are all above 0 and below this are mass fractions of metals.
MANY, MASS_FRACTION = 10, 0.06
#: Temperatures [K] that stars have, logarithms of such, and the largest part of a column that may be neither.
TEMPERATURES, LOG_TEMPERATURES, STRAY = (500.0, 1e6), (3.0, 5.5), 0.1
HALF_BETWEEN, MEAN_OF = "half the distance between", "the mean of"


@dataclass(frozen=True)
class Scale:
    """How numbers are read; `offset` [dex] takes their unit to K or Lsun. Percent is for errors alone."""

    form: str
    offset: float = 0.0

    @property
    def is_logarithmic(self) -> bool:
        """Whether numbers are logarithms or magnitudes."""
        return self.form in (LOG, MAG)

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
    """Where errors come from: a number, a column, two columns of sizes or two columns of bounds; and where
    they come from in rows in which these have none."""

    kind: str  # "number", "size", "sizes" or "bounds"
    columns: tuple[str, ...]
    scale: Scale
    number: float = np.nan
    words: str = ""
    otherwise: "Errors | None" = None

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that are needed, those of other errors among them."""
        return (*self.columns, *(self.otherwise.needed if self.otherwise else ()))

    def described(self) -> str:
        """Return in words where the errors come from."""
        return f"{self.words}, else from {self.otherwise.described()}" if self.otherwise else self.words

    def dex(self, log_values: Floats, columns: tuple[Floats, ...]) -> Floats:
        """Return the errors in dex, where two sides are averaged.

        NaN where the error is missing or a sentinel, negative where it is impossible, 0 where there is no
        value.

        Parameters
        ----------
        columns
            Those of :attr:`needed`.
        """
        own, others = columns[: len(self.columns)], columns[len(self.columns) :]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if self.kind == "number":
                errors = self.scale.dex(np.full(len(log_values), self.number), log_values)
            elif self.kind == "size":
                errors = self.scale.dex(self._sizes(own[0]), log_values)
            elif self.kind == "sizes":
                errors = self._two_sides(self._sizes(own[0]), self._sizes(own[1]), log_values)
            else:
                errors = self._half_between(own[0], own[1], log_values)
        if self.otherwise:
            errors = np.where(errors >= 0, errors, self.otherwise.dex(log_values, others))
        # what has no value has no error to complain of
        return np.where(np.isfinite(log_values), errors, 0.0)

    def _sizes(self, errors: Floats) -> Floats:
        return errors_without_sentinels(errors, self.scale.form)

    def _two_sides(self, lower: Floats, upper: Floats, log_values: Floats) -> Floats:
        # some tables write the lower error with its sign
        lower = np.abs(lower)
        if self.scale.is_logarithmic:
            down, up = (self.scale.dex(side, log_values) for side in (lower, upper))
        else:
            down, up = (self.scale.relative(side, log_values) for side in (lower, upper))
            down, up = np.where(down > 0, -np.log10(1 - down), down), np.where(up > 0, np.log10(1 + up), up)
            # a lower error of 100 % or more has no logarithm: the upper one stands for both
            down = np.where(lower > 0, np.where(np.isfinite(down), down, up), down)
        return np.where((down < 0) | (up < 0), -1.0, (down + up) / 2)

    def _half_between(self, first: Floats, second: Floats, log_values: Floats) -> Floats:
        lower, upper = (
            self.scale.log(without_sentinels(bound, self.scale.form)) for bound in (first, second)
        )
        # magnitudes run backwards
        lower, upper = (upper, lower) if self.scale.form == MAG else (lower, upper)
        bracketed = (lower <= log_values) & (log_values <= upper)
        # a lower bound of 0 or less has no logarithm: the upper one stands for both
        half = np.where(np.isfinite(lower), (upper - lower) / 2, upper - log_values)
        known = ~(np.isnan(lower) | np.isnan(upper))
        # a bound of nines that is on the wrong side is no bound
        known &= bracketed | ~np.isnan(without_sentinels(first, LOG) + without_sentinels(second, LOG))
        return np.where(known, np.where(bracketed, half, -1.0), np.nan)


@dataclass(frozen=True)
class Reading:
    """How one quantity is read from a column of a star list.

    Attributes
    ----------
    sure
        Whether the unit was given with an option.
    limits
        The column that marks values which are limits, if there is one.
    note
        What the user should know besides.
    """

    quantity: Quantity
    column: str
    scale: Scale
    unit: str = ""
    sure: bool = False
    errors: Errors | None = None
    limits: str = ""
    note: str = field(default="", compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the list that hold its numbers."""
        return (self.column, *(self.errors.needed if self.errors else ()))

    def log(self, values: Floats) -> Floats:
        """Return log10 of the quantity in its unit: NaN where missing or a sentinel, -inf if impossible."""
        logs = self.scale.log(without_sentinels(values, self.scale.form))
        lowest, highest = self.quantity.log_range
        with np.errstate(invalid="ignore"):
            return np.where((logs < lowest) | (logs > highest), -np.inf, logs)

    def read(self, values: Floats, *errors: Floats) -> tuple[Floats, Floats | None]:
        """Return the quantity, see :meth:`log`, and its errors [dex], None if it has none.

        Parameters
        ----------
        values, errors
            The columns of :attr:`columns`.
        """
        logs = self.log(values)
        return logs, self.errors.dex(logs, errors) if self.errors else None

    def noted(self, note: str) -> "Reading":
        """Return the reading with one more note."""
        return replace(self, note="; ".join(filter(None, [self.note, note])))

    def option(self, form: str = "", unit: str = "") -> str:
        """Return what says on a command line that the column has a form, or a unit."""
        notation = unit or self.quantity.notation(form)
        return f"{self.quantity.option} {shlex.quote(f'{self.column} [{notation}]')}"

    @property
    def _told(self) -> bool:
        """Whether the unit says whether it is a logarithm: one may carry the unit of its argument."""
        is_log = hasattr(unit_of(self.unit, self.quantity), "physical_unit")
        return bool(self.unit) and (is_log or self.scale.form == LINEAR)

    def settled(self, values: Floats, *errors: Floats) -> "Reading":
        """Return the reading that the first rows of its columns, in the order of :attr:`columns`, confirm.

        Sentinels count for nothing, and a unit that is given is believed.

        Raises
        ------
        DataError
            The values contradict the name, and only the user can know what they are.
        """
        told = without_sentinels(values, self.scale.form)
        settled = self._settled(told[np.isfinite(told)])
        if settled.errors is None or settled.errors.kind != "bounds":
            return settled._with_upper_errors_positive(*errors)
        dex = settled.errors.dex(settled.log(values), errors)
        known = dex[np.isfinite(dex) & np.isfinite(without_sentinels(told, LOG))]
        if not len(known) or np.mean(known < 0) <= 0.5:
            return settled
        words = settled.errors.words.replace(HALF_BETWEEN, MEAN_OF)
        words += ", read as errors as they do not enclose the values"
        return replace(settled, errors=replace(settled.errors, kind="sizes", words=words))

    def _with_upper_errors_positive(self, *errors: Floats) -> "Reading":
        """Return the reading with its two columns of errors exchanged where their signs say so."""
        if self.errors is None or self.errors.kind != "sizes":
            return self
        lower, upper = errors[:2]
        known = np.isfinite(lower) & np.isfinite(upper)
        if not known.any() or np.mean((upper < 0)[known] & (lower > 0)[known]) <= 0.5:
            return self
        return replace(self, errors=replace(self.errors, columns=self.errors.columns[::-1]))

    def _settled(self, values: Floats) -> "Reading":
        if self.sure or not len(values):
            return self
        if self.quantity is TEFF:
            return self._settled_temperature(values)
        if self.quantity is METALLICITY:
            if len(values) >= MANY and values.min() >= 0 and 0 < values.max() <= MASS_FRACTION:
                raise DataError(
                    f"column {self.column!r} may hold [Fe/H], but its values are {span(values)}, as mass "
                    f"fractions of metals are; say what they are: {self.option(LOG)}, or --feh neighbourhood."
                )
        elif self.quantity is LUM and self.scale.form == LINEAR and not self._told:
            # one number that is repeated stands for "no value"
            negative = np.unique(values[(values < 0) & (values > -10)])
            if len(negative) > (len(values) > 2) and np.mean((values < 0) & (values > -10)) > 0.25:
                raise DataError(
                    f"column {self.column!r} seems to hold luminosities, but many are negative, as of log10 "
                    f"L; say what they are: {self.option(LOG)}, or {self.option(LINEAR)} to have the "
                    "negative ones flagged."
                )
        return self

    def _settled_temperature(self, values: Floats) -> "Reading":
        if self._told:
            return self
        # whatever form they have: a logarithm's sentinel may be a temperature's value
        values = without_sentinels(values, LOG)
        values = values[values > 0]
        within = [
            np.count_nonzero((values >= low) & (values <= high))
            for low, high in (TEMPERATURES, LOG_TEMPERATURES)
        ]
        linear, logs = within
        if self.scale.form == LOG and linear > logs:
            raise DataError(
                f"column {self.column!r} seems to hold log10 of a temperature, but its values are "
                f"{span(values)}; say what they are: {self.option(LINEAR)}."
            )
        if self.scale.form != LINEAR or linear >= (1 - STRAY) * len(values) or not logs:
            return self
        if logs < (1 - STRAY) * (linear + logs) or linear + logs < len(values):
            raise DataError(
                f"column {self.column!r} seems to hold temperatures, but its values are {span(values)}; say "
                f"what they are: {self.option(LINEAR)}, {self.option(unit='kK')} or {self.option(LOG)}."
            )
        # no star is that cold, so nothing else is possible
        log = Scale(LOG, self.scale.offset)
        errors = self.errors
        if errors and errors.scale == self.scale:
            errors = replace(errors, scale=log)
        settled = replace(self, scale=log, errors=errors)
        return settled.noted(f"values {span(values)} are no temperatures but their log10, and are read so")

    def describe(self) -> str:
        """Return the reading in words."""
        unit = self.unit or self.quantity.unit
        if self.scale.form == MAG:
            unit = "absolute bolometric magnitude"
        elif self.scale.form == LOG:
            parsed = unit_of(unit, self.quantity)
            told = hasattr(parsed, "physical_unit") or str(parsed) in ("", "dex")
            unit = str(parsed) if told else f"dex({unit})"
        errors = f", errors from {self.errors.described()}" if self.errors else ""
        return (
            f"{self.quantity.label or self.quantity.name} from column {bare(self.column)} [{unit}]{errors}"
            + (f" ({self.note})" if self.note else "")
        )


def span(values: Floats) -> str:
    """Return in words what values, of which there must be some, lie between."""
    return f"between {values.min():.4g} and {values.max():.4g}"
