"""Which columns of a star list hold temperature, luminosity and their errors, and how they are read.

Columns are found by their names (of surveys, VizieR and everyday use) or else by their units; what is found
is a :class:`Reading`, which turns the column into log Teff [dex(K)] or log L [dex(Lsun)] and says so.
"""

import difflib
import re
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stelnet.errors import DataError

#: Absolute bolometric magnitude of 1 Lsun: IAU 2015 Resolution B2.
MBOL_SUN = 4.74

LINEAR, LOG, MAG, PERCENT = "linear", "log", "magnitude", "percent"


@dataclass(frozen=True)
class Quantity:
    """What is looked for: names as :func:`_key` writes them, the unit, and what no star can have."""

    name: str
    words: str
    option: str
    unit: str
    names: Mapping[str, str]
    log_range: tuple[float, float]

    @property
    def error_option(self) -> str:
        """The option that names the errors."""
        return self.option.replace("--", "--e-")


def _names(linear: str, log: str, mag: str = "") -> dict[str, str]:
    forms = {LINEAR: linear, LOG: log, MAG: mag}
    return {name: form for form, names in forms.items() for name in names.split()}


TEFF = Quantity(
    "log_teff",
    "the effective temperature",
    "--teff",
    "K",
    _names(
        "teff teffk teffval teffgspphot teffgspspec teffesphs teffespels stteff temperature temp "
        "effectivetemperature teffective tefftemperature tstar",
        "logteff logteffk logte logt logtemperature logtemp lgteff lgte log10teff log10t logtstar",
    ),
    (1.0, 7.0),
)
LUM = Quantity(
    "log_lum",
    "the luminosity",
    "--lum",
    "Lsun",
    _names(
        "l lum luminosity lumval lumflame lumflamespec lbol lstar llsun lumlsun lbollsun lsun lumsun",
        "logl loglum logluminosity loglbol loglstar loglsun logllsun loglumlsun loglbollsun lgl lglum "
        "log10l log10lum stlum",
        "mbol mbolmag absbolmag absolutebolometricmagnitude absmbol",
    ),
    (-10.0, 10.0),
)

#: Affixes of a column of one error, of two errors (lower, upper) and of two bounds (16th, 84th percentile).
ERROR_PREFIXES = ("e", "err", "error", "sig", "sigma", "u", "unc", "sd", "std")
ERROR_SUFFIXES = ("err", "error", "unc", "uncertainty", "sig", "sigma", "sd", "std", "stddev", "e")
SIDES = (
    *(("errlo", "errhi"), ("errlow", "errhigh"), ("errlower", "errupper"), ("errm", "errp")),
    *(("errminus", "errplus"), ("errdown", "errup"), ("err2", "err1"), ("minus", "plus")),
    *(("loerr", "hierr"), ("loerr", "uperr"), ("lowererr", "uppererr"), ("elo", "ehi"), ("eminus", "eplus")),
)
ERROR_SIDES = (("lo", "hi"), ("low", "high"), ("lower", "upper"), ("m", "p"), ("minus", "plus"))
BOUNDS = (
    *(("lower", "upper"), ("percentilelower", "percentileupper"), ("p16", "p84"), ("q16", "q84")),
    *(("16", "84"), ("16th", "84th"), ("lo", "hi"), ("low", "high"), ("min", "max")),
)
#: Pairs that VizieR tells apart by case alone: (lower, upper).
VIZIER_SIDES, VIZIER_BOUNDS = ("e_", "E_"), ("b_", "B_")

HALF_BETWEEN, MEAN_OF = "half the distance between", "the mean of"

_ERROR_LIKE = re.compile(r"^(e|err|error|sigma|unc|b|u|d)_|_?(err|error|unc|sigma|lower|upper)[12]?$", re.I)
_BRACKETS = re.compile(r"^(.*\S)\s*[\[(]\s*(\S.*?)\s*[\])]$")
_LOG_UNIT = re.compile(r"^(?:log(?:10)?|lg)\s*\((.+)\)$|^\[(.+)\]$", re.I)


class Ambiguous(DataError):
    """Several columns, listed in `columns`, may hold a quantity."""

    def __init__(self, quantity: Quantity, columns: list[str]) -> None:
        super().__init__(
            f"several columns may hold {quantity.words}: {', '.join(columns)}; "
            f"name one with {quantity.option}."
        )
        self.columns = columns


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True)
class Scale:
    """How numbers are read; `offset` [dex] takes their unit to K or Lsun. Percent is for errors alone."""

    form: str
    offset: float = 0.0

    def log(self, values: NDArray) -> NDArray:
        """Return log10 in standard units; -inf for what has no logarithm, NaN where the value is missing."""
        if self.form == LINEAR:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log10(np.where(values > 0, values, 0.0)) + self.offset
            return np.where(np.isnan(values), np.nan, np.where(values == np.inf, -np.inf, logs))
        logs = 0.4 * (MBOL_SUN - values) if self.form == MAG else values + self.offset
        return np.where(np.isinf(logs), -np.inf, logs)

    def relative(self, errors: NDArray, log_values: NDArray) -> NDArray:
        """Return linear errors over their values, which are given as standard logarithms."""
        if self.form == PERCENT:
            return errors / 100
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return errors * 10 ** (self.offset - log_values)

    def dex(self, errors: NDArray, log_values: NDArray) -> NDArray:
        """Return symmetric errors in dex, to first order."""
        if self.form in (LINEAR, PERCENT):
            return self.relative(errors, log_values) / np.log(10)
        return 0.4 * errors if self.form == MAG else errors


@dataclass(frozen=True)
class Errors:
    """Where errors come from: a number, a column, two columns of sizes or two columns of bounds."""

    kind: str  # "number", "size", "sizes" or "bounds"
    columns: tuple[str, ...]
    scale: Scale
    number: float = np.nan
    words: str = ""

    def dex(self, log_values: NDArray, columns: tuple[NDArray, ...]) -> NDArray:
        """Return the errors in dex, where two sides are averaged.

        NaN where the error is missing, negative where it is impossible, 0 where there is no value.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if self.kind == "number":
                errors = self.scale.dex(np.full(len(log_values), self.number), log_values)
            elif self.kind == "size":
                errors = self.scale.dex(columns[0], log_values)
            elif self.kind == "sizes":
                errors = self._two_sides(*columns, log_values)
            else:
                lower, upper = (self.scale.log(column) for column in columns)
                # magnitudes run backwards
                lower, upper = (upper, lower) if self.scale.form == MAG else (lower, upper)
                bracketed = (lower <= log_values) & (log_values <= upper) & np.isfinite(lower)
                known = ~(np.isnan(lower) | np.isnan(upper))
                errors = np.where(known, np.where(bracketed, (upper - lower) / 2, -1.0), np.nan)
        # what has no value has no error to complain of
        return np.where(np.isfinite(log_values), errors, 0.0)

    def _two_sides(self, lower: NDArray, upper: NDArray, log_values: NDArray) -> NDArray:
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

    def log(self, values: NDArray) -> NDArray:
        """Return the quantity as log10 in K or Lsun: NaN where missing, -inf where impossible."""
        logs = self.scale.log(values)
        lowest, highest = self.quantity.log_range
        return np.where((logs < lowest) | (logs > highest), -np.inf, logs)

    def settled(self, values: NDArray, *errors: NDArray) -> "Reading":
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

    def _settled(self, values: NDArray) -> "Reading":
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
        return f"{self.quantity.name} from column {_bare(self.column)} [{unit}]{errors}" + (
            f" ({self.note})" if self.note else ""
        )


def find(units: Mapping[str, str], quantity: Quantity, column: str = "", errors: str = "") -> Reading:
    """Find the columns of a quantity and of its errors.

    Parameters
    ----------
    units
        The unit of each column of the list, by its name; empty where there is none.
    quantity
        :data:`TEFF` or :data:`LUM`.
    column
        What the user names instead: ``COLUMN`` or ``COLUMN [UNIT]``.
    errors
        Likewise: ``COLUMN``, ``LOWER,UPPER``, a number in the unit of the quantity's column, or ``N%``.

    Raises
    ------
    Ambiguous
        Several columns may be meant.
    DataError
        No column, or several for the errors, or a unit that is none of the quantity's.
    """
    if column:
        name, unit, sure = _named(units, column, quantity.option)
        if sure:
            # the unit decides, whatever the name suggests
            form = MAG if unit == "mag" else LINEAR
        else:
            names = quantity.names
            form = names.get(_key(name)) or names.get(_key(_bare(name))) or _guess(name, unit)
    else:
        (name, unit, form), sure = _found(units, quantity), False
    reading = Reading(quantity, name, _scale(unit, quantity, form, name), unit, sure)
    if errors:
        return replace(reading, errors=_errors_named(units, reading, errors))
    return replace(reading, errors=_errors_found(units, reading))


def _guess(name: str, unit: str) -> str:
    key = _key(name)
    if key.startswith(("log", "lg")):
        return LOG
    return MAG if "mbol" in key or unit == "mag" else LINEAR


def _found(units: Mapping[str, str], quantity: Quantity) -> tuple[str, str, str]:
    """Return column, unit and form; by names, else by units."""
    found = []
    for name, unit in units.items():
        form = quantity.names.get(_key(name))
        brackets = _BRACKETS.match(name)
        if brackets and quantity.names.get(_key(brackets[1])):
            form, unit = quantity.names[_key(brackets[1])], unit or brackets[2]
        if form:
            found.append((name, unit, form))
    if not found:
        for name, unit in units.items():
            # "Sun" alone is the Sun's abundances, too
            sun = _key(unit) in ("sun", "solar")
            if unit and not sun and not _ERROR_LIKE.search(name) and _is_of(unit, quantity):
                found.append((name, unit, LINEAR))
    if len(found) == 1:
        return found[0]
    if found:
        raise Ambiguous(quantity, [name for name, *_ in found])
    raise DataError(
        f"no column seems to hold {quantity.words} (columns: {_listed(units)}); "
        f"name it with {quantity.option}."
    )


def _listed(names: Iterable[str], many: int = 12) -> str:
    names = list(names)
    more = f" and {len(names) - many} more" if len(names) > many else ""
    return (", ".join(names[:many]) or "none") + more


def _bare(name: str) -> str:
    """Return a name without a unit in brackets behind it."""
    brackets = _BRACKETS.match(name)
    return brackets[1] if brackets and _parse(brackets[2]) is not None else name


def _unit(units: Mapping[str, str], name: str) -> str:
    """Return the unit of a column, if need be from the brackets in its name."""
    bare = _bare(name)
    return units[name] or (_BRACKETS.match(name)[2] if bare != name else "")


def _named(units: Mapping[str, str], spec: str, option: str) -> tuple[str, str, bool]:
    """Return the column that a user names as COLUMN or COLUMN [UNIT], its unit, and whether it was given."""
    brackets = re.match(r"^(.*?\S)\s*\[(.+)\]$", spec)
    for wanted, unit in [(spec, ""), *([(brackets[1], brackets[2])] if brackets else [])]:
        same = [name for name in units if name == wanted]
        same = same or [name for name in units if name.lower() == wanted.lower()]
        if len(same) == 1:
            return same[0], unit or _unit(units, same[0]), bool(unit)
        if same:
            raise DataError(
                f"{option} {spec!r} may be any of the columns {', '.join(same)}; mind upper and lower case."
            )
    near = difflib.get_close_matches(spec, units, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {_listed(units)}."
    raise DataError(f"{option}: there is no column {spec!r}; {hint}")


def _errors_named(units: Mapping[str, str], reading: Reading, spec: str) -> Errors:
    option = reading.quantity.error_option
    if spec not in units:
        percent = spec.endswith("%")
        try:
            number = float(spec.removesuffix("%"))
        except ValueError:
            pass
        else:
            if not (number >= 0 and np.isfinite(number)):
                raise DataError(f"{option} {spec}: an error is a number that is not negative.")
            if percent:
                return Errors("number", (), Scale(PERCENT), number, f"{option} {spec}")
            unit = {LINEAR: reading.unit or reading.quantity.unit, MAG: "mag", LOG: "dex"}[reading.scale.form]
            return Errors("number", (), reading.scale, number, f"{option} {spec} {unit}")
        if "," in spec:
            named = [_named(units, part.strip(), option) for part in spec.split(",")]
            if len(named) != 2:
                raise DataError(f"{option} {spec!r}: give one column, or two as LOWER,UPPER.")
            (lower, unit, _), (upper, _, _) = named
            kind = "sizes" if _ERROR_LIKE.match(lower) or "err" in lower.lower() else "bounds"
            return _pair(reading, kind, lower, upper, unit)
    name, unit, _ = _named(units, spec, option)
    return Errors("size", (name,), _error_scale(unit, reading, name), words=name)


def _errors_found(units: Mapping[str, str], reading: Reading) -> Errors | None:
    """Return where the errors of a reading are, by the names of columns around its own; None if nowhere."""
    raw = [name for name in units if name != reading.column]
    stems = {reading.column, _bare(reading.column)}
    stems |= {stem.removesuffix("_val") for stem in stems}
    keys: dict[str, str] = {}
    for name in raw:
        for form in {name, _bare(name)}:
            # a stem of one letter must be set apart from its affix: e_L, not "el"
            keys.setdefault(_key(form), name)
            keys.setdefault(re.sub(r"[^a-z0-9]+", "_", form.lower()), name)
    found: list[tuple[str, ...]] = []

    def add(kind: str, *wanted: str) -> None:
        names = tuple(keys[key] for key in wanted if key in keys)
        if len(names) == len(wanted) and all(names[:1] != other[1:2] for other in found):
            found.append((kind, *names))

    for stem in sorted(stems):
        for kind, pair in (("sizes", VIZIER_SIDES), ("bounds", VIZIER_BOUNDS)):
            names = tuple(prefix + stem for prefix in pair)
            if set(names) <= set(raw):
                found.append((kind, *names))
        short = len(_key(stem)) == 1
        key, gap = _key(stem), "_" if short else ""
        if not any(item[0] == "sizes" for item in found):
            for prefix in ERROR_PREFIXES:
                add("size", f"{prefix}{gap}{key}")
            for suffix in ERROR_SUFFIXES:
                add("size", f"{key}{gap}{suffix}")
        for lower, upper in SIDES:
            add("sizes", f"{key}{gap}{lower}", f"{key}{gap}{upper}")
        for lower, upper in ERROR_SIDES:
            for prefix in ("e", "err", "error", "sigma"):
                add("sizes", f"{prefix}{gap}{key}{gap}{lower}", f"{prefix}{gap}{key}{gap}{upper}")
        for lower, upper in BOUNDS:
            add("bounds", f"{key}{gap}{lower}", f"{key}{gap}{upper}")
    distinct = list(dict.fromkeys(found))
    if len(distinct) > 1:
        choices = "; ".join(" and ".join(names) for _, *names in distinct)
        raise DataError(
            f"several columns may hold the errors of {reading.column!r}: {choices}; "
            f"choose with {reading.quantity.error_option}."
        )
    if not distinct:
        return None
    kind, *names = distinct[0]
    unit = _unit(units, names[0])
    if kind == "size":
        return Errors("size", tuple(names), _error_scale(unit, reading, names[0]), words=names[0])
    return _pair(reading, kind, names[0], names[1], unit)


def _pair(reading: Reading, kind: str, lower: str, upper: str, unit: str) -> Errors:
    how = HALF_BETWEEN if kind == "bounds" else MEAN_OF
    words = f"{how} {lower} and {upper}, in dex"
    if kind == "sizes":
        return Errors(kind, (lower, upper), _error_scale(unit, reading, lower), words=words)
    own = _scale(unit, reading.quantity, reading.scale.form, lower) if unit else reading.scale
    return Errors(kind, (lower, upper), own, words=words)


def _error_scale(unit: str, reading: Reading, name: str) -> Scale:
    """Return how the size of an error is read: as its column's unit says, else as the quantity's column."""
    if not unit:
        return reading.scale
    from astropy import units as u

    parsed = _parse(unit)
    if parsed == u.percent:
        return Scale(PERCENT)
    if parsed == u.dex or isinstance(parsed, u.DexUnit):
        return Scale(LOG)
    if parsed == u.mag and reading.scale.form == MAG:
        return reading.scale
    if parsed is not None and parsed.is_equivalent(u.Unit(reading.quantity.unit)):
        # a logarithm often carries the unit of what it is the logarithm of
        log = reading.scale.form == LOG
        return reading.scale if log else Scale(LINEAR, _offset(parsed, reading.quantity))
    if parsed == u.dimensionless_unscaled:
        return reading.scale
    raise DataError(f"column {name!r} holds the errors of {reading.column!r}, but its unit is {unit!r}.")


#: Units that are written in ways of their own.
_ALIASES = {
    **dict.fromkeys(("k", "kelvin", "degk"), "K"),
    **dict.fromkeys(("lsun", "lsol", "sollum", "solar", "solarluminosity", "sun", "l☉"), "Lsun"),
}


@cache
def _parse(unit: str):
    """Return the astropy unit that a text stands for in astropy, FITS, VizieR or the VO; None if in none."""
    from astropy import units as u

    logarithm = _LOG_UNIT.match(unit)
    if logarithm:
        inner = _parse(logarithm[1] or logarithm[2])
        return None if inner is None or isinstance(inner, u.DexUnit) else u.DexUnit(inner)
    unit = _ALIASES.get(_key(unit) or unit.lower(), unit)
    for written in (None, "fits", "cds", "vounit"):
        with suppress(ValueError, TypeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return u.Unit(unit, format=written)
    return None


def _offset(unit, quantity: Quantity) -> float:
    return float(np.log10(unit.to(quantity.unit)))


def _is_of(unit: str, quantity: Quantity) -> bool:
    """Return whether a unit is one of the quantity or of its logarithm."""
    parsed = _parse(unit)
    parsed = getattr(parsed, "physical_unit", parsed)
    return parsed is not None and parsed.is_equivalent(quantity.unit)


def _scale(unit: str, quantity: Quantity, form: str, name: str) -> Scale:
    """Return how a column is read, by its unit and by the form that its name tells."""
    if not unit:
        return Scale(form)
    from astropy import units as u

    parsed = _parse(unit)
    if isinstance(parsed, u.DexUnit) and _is_of(unit, quantity):
        return Scale(LOG, _offset(parsed.physical_unit, quantity))
    if parsed == u.dex and form != MAG:
        return Scale(LOG)
    if parsed == u.mag and form == MAG:
        return Scale(MAG)
    if parsed is not None and form != MAG and parsed.is_equivalent(quantity.unit):
        return Scale(form, _offset(parsed, quantity))
    if parsed == u.dimensionless_unscaled:
        return Scale(form)
    what = "which is not understood" if parsed is None else "which measures something else"
    raise DataError(
        f"column {name!r} should hold {quantity.words}, but its unit is {unit!r}, {what}; name another "
        f"column or the unit: {quantity.option} {name + f' [{quantity.unit}]'!r}."
    )
