"""Which columns of a star list hold temperature, luminosity and their errors, and how they are read.

Columns are found by their names (of surveys, VizieR and everyday use) or else by their units; what is found
is a :class:`Reading`, which turns the column into log Teff [dex(K)] or log L [dex(Lsun)] and says so.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from stelnet.errors import DataError
from stelnet.spelling import key
from stelnet.starlists.quantities import (
    ABUNDANCE_UNITS,
    BRACKETS,
    LINEAR,
    LOG,
    MAG,
    PERCENT,
    Quantity,
    bare,
    is_of,
    offset,
)
from stelnet.starlists.readings import HALF_BETWEEN, MEAN_OF, Errors, Reading, Scale
from stelnet.units import parse_unit

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
_ERROR_LIKE = re.compile(r"^(e|err|error|sigma|unc|b|u|d)_|_?(err|error|unc|sigma|lower|upper)[12]?$", re.I)


class Ambiguous(DataError):
    """Several columns, listed in `columns`, may hold a quantity."""

    def __init__(self, quantity: Quantity, columns: list[str]) -> None:
        super().__init__(
            f"several columns may hold {quantity.words}: {', '.join(columns)}; "
            f"name one with {quantity.option}."
        )
        self.columns = columns


class Absent(DataError):
    """No column seems to hold a quantity."""


def find(units: Mapping[str, str], quantity: Quantity, column: str = "", errors: str = "") -> Reading:
    """Find the columns of a quantity and of its errors.

    Parameters
    ----------
    units
        The unit of each column of the list, by its name; empty where there is none.
    quantity
        One of :mod:`stelnet.starlists.quantities`.
    column
        What the user names instead: ``COLUMN`` or ``COLUMN [UNIT]``.
    errors
        Likewise: ``COLUMN``, ``LOWER,UPPER``, a number in the unit of the quantity's column, or ``N%``.

    Raises
    ------
    Ambiguous
        Several columns may be meant.
    Absent
        No column seems to hold the quantity.
    DataError
        No such column, or several for the errors, or a unit that is none of the quantity's.
    """
    if column:
        name, unit, sure = _named(units, column, quantity.option)
        if sure:
            # the unit decides, whatever the name suggests
            form = MAG if unit == "mag" else LINEAR
        else:
            names = quantity.names
            form = names.get(key(name)) or names.get(key(bare(name))) or _guess(name, unit)
    else:
        (name, unit, form), sure = _found(units, quantity), False
    reading = Reading(quantity, name, _scale(unit, quantity, form, name), unit, sure)
    if errors:
        return replace(reading, errors=_errors_named(units, reading, errors))
    return replace(reading, errors=_errors_found(units, reading))


def _guess(name: str, unit: str) -> str:
    letters = key(name)
    if letters.startswith(("log", "lg")):
        return LOG
    return MAG if "mbol" in letters or unit == "mag" else LINEAR


def _found(units: Mapping[str, str], quantity: Quantity) -> tuple[str, str, str]:
    """Return column, unit and form; by names, else by units."""
    found = []
    for name, unit in units.items():
        form = quantity.names.get(key(name))
        brackets = BRACKETS.match(name)
        if brackets and quantity.names.get(key(brackets[1])):
            form, unit = quantity.names[key(brackets[1])], unit or brackets[2]
        if form:
            found.append((name, unit, form))
    if not found and not quantity.is_abundance:
        for name, unit in units.items():
            # "Sun" alone is the Sun's abundances, too
            sun = key(unit) in ("sun", "solar")
            if unit and not sun and not _ERROR_LIKE.search(name) and is_of(unit, quantity):
                found.append((name, unit, LINEAR))
    if len(found) == 1:
        return found[0]
    if found:
        raise Ambiguous(quantity, [name for name, *_ in found])
    raise Absent(
        f"no column seems to hold {quantity.words} (columns: {_listed(units)}); "
        f"name it with {quantity.option}."
    )


def _listed(names: Iterable[str], many: int = 12) -> str:
    names = list(names)
    more = f" and {len(names) - many} more" if len(names) > many else ""
    return (", ".join(names[:many]) or "none") + more


def _unit(units: Mapping[str, str], name: str) -> str:
    """Return the unit of a column, if need be from the brackets in its name."""
    brackets = BRACKETS.match(name) if bare(name) != name else None
    return units[name] or (brackets[2] if brackets else "")


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
            if percent and reading.quantity.is_abundance:
                raise DataError(f"{option} {spec}: errors of {reading.quantity.words} are in dex.")
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
    stems = {reading.column, bare(reading.column)}
    stems |= {stem.removesuffix("_val") for stem in stems}
    keys: dict[str, str] = {}
    for name in raw:
        for form in {name, bare(name)}:
            # a stem of one letter must be set apart from its affix: e_L, not "el"
            keys.setdefault(key(form), name)
            keys.setdefault(re.sub(r"[^a-z0-9]+", "_", form.lower()), name)
    found: list[tuple[str, ...]] = []

    def add(kind: str, *wanted: str) -> None:
        names = tuple(keys[one] for one in wanted if one in keys)
        if len(names) == len(wanted) and all(names[:1] != other[1:2] for other in found):
            found.append((kind, *names))

    for stem in sorted(stems):
        for kind, pair in (("sizes", VIZIER_SIDES), ("bounds", VIZIER_BOUNDS)):
            names = tuple(prefix + stem for prefix in pair)
            if set(names) <= set(raw):
                found.append((kind, *names))
        letters = key(stem)
        gap = "_" if len(letters) == 1 else ""
        if not any(item[0] == "sizes" for item in found):
            for prefix in ERROR_PREFIXES:
                add("size", f"{prefix}{gap}{letters}")
            for suffix in ERROR_SUFFIXES:
                add("size", f"{letters}{gap}{suffix}")
        for lower, upper in SIDES:
            add("sizes", f"{letters}{gap}{lower}", f"{letters}{gap}{upper}")
        for lower, upper in ERROR_SIDES:
            for prefix in ("e", "err", "error", "sigma"):
                add("sizes", f"{prefix}{gap}{letters}{gap}{lower}", f"{prefix}{gap}{letters}{gap}{upper}")
        for lower, upper in BOUNDS:
            add("bounds", f"{letters}{gap}{lower}", f"{letters}{gap}{upper}")
    distinct = list(dict.fromkeys(found))
    if len(distinct) > 1:
        choices = "; ".join(" and ".join(names) for _, *names in distinct)
        raise DataError(
            f"several columns may hold the errors of {reading.column!r}: {choices}; "
            f"choose with {reading.quantity.error_option}."
        )
    if not distinct:
        return None
    kind, first, *second = distinct[0]
    unit = _unit(units, first)
    if kind == "size":
        return Errors("size", (first,), _error_scale(unit, reading, first), words=first)
    return _pair(reading, kind, first, second[0], unit)


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

    parsed = parse_unit(unit)
    if reading.quantity.is_abundance and key(unit) in ABUNDANCE_UNITS:
        return reading.scale
    if parsed == u.percent and not reading.quantity.is_abundance:
        return Scale(PERCENT)
    if parsed == u.dex or isinstance(parsed, u.DexUnit):
        return Scale(LOG)
    if parsed == u.mag and reading.scale.form == MAG:
        return reading.scale
    if parsed is not None and parsed.is_equivalent(u.Unit(reading.quantity.unit)):
        # a logarithm often carries the unit of what it is the logarithm of, but not beside one in dex
        log = reading.scale.form == LOG and not isinstance(parse_unit(reading.unit), u.DexUnit)
        return reading.scale if log else Scale(LINEAR, offset(parsed, reading.quantity))
    if parsed == u.dimensionless_unscaled:
        return reading.scale
    raise DataError(f"column {name!r} holds the errors of {reading.column!r}, but its unit is {unit!r}.")


def _scale(unit: str, quantity: Quantity, form: str, name: str) -> Scale:
    """Return how a column is read, by its unit and by the form that its name tells."""
    if quantity.is_abundance and key(unit) in ABUNDANCE_UNITS:
        return Scale(LOG)
    if not unit:
        return Scale(form)
    from astropy import units as u

    parsed = parse_unit(unit)
    if isinstance(parsed, u.DexUnit) and is_of(unit, quantity):
        return Scale(LOG, offset(parsed.physical_unit, quantity))
    if parsed == u.dex and form != MAG:
        return Scale(LOG)
    if parsed == u.mag and form == MAG:
        return Scale(MAG)
    if parsed is not None and form != MAG and parsed.is_equivalent(quantity.unit):
        return Scale(form, offset(parsed, quantity))
    if parsed == u.dimensionless_unscaled:
        return Scale(form)
    what = "which is not understood" if parsed is None else "which measures something else"
    raise DataError(
        f"column {name!r} should hold {quantity.words}, but its unit is {unit!r}, {what}; name another "
        f"column or the unit: {quantity.option} {name + f' [{quantity.unit}]'!r}."
    )
