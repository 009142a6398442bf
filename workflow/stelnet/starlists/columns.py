"""Which columns of a star list hold temperature, luminosity and their errors, and how they are read.

Columns are found by what a VOTable says of them (UCD), by their names (of surveys, VizieR and everyday use),
or else by their units; a column whose unit is that of something else is none. What is found is a
:class:`Reading`, which turns the column into log Teff [dex(K)] or log L [dex(Lsun)] and says so.
"""

import difflib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stelnet.errors import DataError
from stelnet.spelling import key
from stelnet.starlists.error_columns import errors_found, errors_named, passed_over, roles, scale_of
from stelnet.starlists.names import OTHERS, bare, form_of, is_error_like, with_unit, words_of
from stelnet.starlists.quantities import LINEAR, LOG, MAG, RADIUS, Quantity, is_of, unit_of
from stelnet.starlists.readings import Reading
from stelnet.units import parse_unit

#: UCDs that say nothing of what a column holds, or that it is no value of its own (IVOA 1.4).
_VAGUE = ("stat.mean", "stat.median", "stat.value", "stat.fit.param", "meta.main", "meta.modelled", "src.")
_NOT_VALUES = ("stat.", "meta.", "arith.")


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


def find(
    units: Mapping[str, str],
    quantity: Quantity,
    column: str = "",
    errors: str = "",
    ucds: Mapping[str, str] | None = None,
) -> Reading:
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
    ucds
        The UCDs of columns that have one.

    Raises
    ------
    Ambiguous
        Several columns may be meant.
    Absent
        No column seems to hold the quantity.
    DataError
        No such column, or several for the errors, or a unit that is none of the quantity's.
    """
    notes = ""
    if column:
        name, unit, sure = _named(units, column, quantity.option, quantity)
        # a unit that is given decides, whatever the name suggests
        form = (MAG if unit == "mag" else LINEAR) if sure else _form(name, unit, quantity)
    else:
        search = _searched(units, quantity, ucds or {})
        (name, unit, form), sure = search.one(units, quantity), False
        notes = search.passed_over()
    scale = scale_of(unit, quantity, form)
    if scale is None:
        raise _misfit(quantity, name, unit, form)
    reading = Reading(quantity, name, scale, unit, sure, note=notes)
    if errors:
        return replace(
            reading,
            errors=errors_named(
                units, reading, errors, lambda spec: _named(units, spec, quantity.error_option)[:2]
            ),
        )
    reading = replace(reading, errors=errors_found(units, reading))
    unread = passed_over(units, reading)
    return reading.noted(f"passed over: {_listed(unread, 4)}") if unread else reading


def _form(name: str, unit: str, quantity: Quantity) -> str:
    """Return the form that a name tells; a name that says nothing of logarithms has that of its unit."""
    known = form_of(name, quantity)
    if not known:
        return _guess(name, unit)
    letters = key(name)
    told = letters.startswith(("log", "lg")) or "mbol" in letters or "absbol" in letters
    if known[0] == LOG and not told and unit and not quantity.is_abundance and is_of(unit, quantity):
        return LINEAR
    return known[0]


def _guess(name: str, unit: str) -> str:
    letters = key(name)
    if letters.startswith(("log", "lg")):
        return LOG
    return MAG if "mbol" in letters or unit == "mag" else LINEAR


@dataclass
class _Search:
    """What was found: column, unit and form; from the surest kind of evidence to the least; and why columns
    with a known name are none."""

    found: dict[int, list[tuple[str, str, str]]] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)

    def one(self, units: Mapping[str, str], quantity: Quantity) -> tuple[str, str, str]:
        """Return the one column for which there is the surest evidence."""
        for _, found in sorted(self.found.items()):
            if len(found) > 1:
                raise Ambiguous(quantity, [name for name, *_ in found])
            return found[0]
        text = f"no column seems to hold {quantity.words} ({_listed_likely(units, quantity)})"
        passed = "".join(f"; {name!r} is passed over: {why}" for name, why in self.passed.items())
        last = "or name another" if "say what it is" in passed else "name it"
        raise Absent(f"{text}{passed}; {last} with {quantity.option}.")

    def passed_over(self) -> str:
        """Return in words which columns are none, and why."""
        return "; ".join(f"{name} is passed over: {why}" for name, why in self.passed.items())


def _searched(units: Mapping[str, str], quantity: Quantity, ucds: Mapping[str, str]) -> _Search:
    """Search columns of a quantity: by UCD, by name, else by unit."""
    search = _Search()
    for name in units:
        unit, ucd = _unit(units, name, quantity), _by_ucd(ucds.get(name, ""), quantity)
        known = form_of(name, quantity, units)
        if not known and not ucd:
            continue
        form = _form(name, unit, quantity)
        why = _unfit(units, quantity, name, unit, form) if ucd is None else ""
        if ucd is False:
            why = f"its UCD is {ucds[name]}"
        elif scale_of(unit, quantity, form) is None:
            why = f"its unit is {unit!r}, {_of_what(unit)}"
            if parse_unit(unit) is None:
                why += f" (say what it is: {_option(quantity, name, form)})"
        if why:
            if known and known[1]:
                search.passed[name] = why
            continue
        exact = 0 if known and known[1] else 1 if known else 2
        search.found.setdefault(exact if ucd else 3 + exact, []).append((name, unit, form))
    if not search.found and not quantity.is_abundance:
        for name in units:
            unit, others = _unit(units, name), OTHERS & {word.lower() for word in words_of(name)}
            if not (others or ucds.get(name) or is_error_like(name)) and _is_by_unit(unit, quantity):
                search.found.setdefault(6, []).append((name, unit, LINEAR))
    return search


def _is_by_unit(unit: str, quantity: Quantity) -> bool:
    """Return whether a unit alone says that a column holds a quantity."""
    if quantity is RADIUS:
        # lengths are many things
        parsed = unit_of(unit, quantity) if unit else None
        return str(getattr(parsed, "physical_unit", parsed)) == "solRad"
    # "Sun" alone is the Sun's abundances, too
    return bool(unit) and key(unit) not in ("sun", "solar") and is_of(unit, quantity)


def _by_ucd(text: str, quantity: Quantity) -> bool | None:
    """Return whether a UCD says that a column holds a quantity; None if it says nothing of what it holds."""
    words = [word.strip() for word in text.lower().replace("_", ".").split(";") if word.strip()]
    telling = [word for word in words if not word.startswith(_VAGUE)]
    if not telling:
        return None
    if telling[0].startswith(quantity.ucds):
        return not any(word.startswith(_NOT_VALUES) for word in telling)
    return False


def _unfit(units: Mapping[str, str], quantity: Quantity, name: str, unit: str, form: str) -> str:
    """Return why a name that may mean something else does so here; nothing if it does not."""
    stem = bare(name)
    homonym = quantity.homonyms.get(key(stem))
    if homonym is None or (unit and is_of(unit, quantity)) or (quantity.is_abundance and unit):
        return ""
    beside = [other for other in units if key(bare(other)) in homonym.company and other != name]
    if homonym.by_errors and roles(units, name) and not any(roles(units, other) for other in beside):
        return ""
    if beside:
        evidence = "a unit or errors" if homonym.by_errors else "a unit"
        return f"beside {_listed(beside, 3)} it is {homonym.meaning}, unless it has {evidence}"
    if homonym.proven is None or stem in homonym.proven:
        return ""
    return f"without a unit or errors it may as well be {homonym.meaning}"


def _of_what(unit: str) -> str:
    return "which is not understood" if parse_unit(unit) is None else "which measures something else"


def _misfit(quantity: Quantity, name: str, unit: str, form: str) -> DataError:
    return DataError(
        f"column {name!r} should hold {quantity.words}, but its unit is {unit!r}, {_of_what(unit)}; name "
        f"another column or the unit: {_option(quantity, name, form)}."
    )


def _option(quantity: Quantity, name: str, form: str) -> str:
    """Return what says on a command line that a column is in the unit of a quantity, in a form."""
    return f"{quantity.option} {shlex.quote(f'{name} [{quantity.notation(form)}]')}"


def _listed(names: Iterable[str], many: int = 12) -> str:
    names = list(names)
    more = f" and {len(names) - many} more" if len(names) > many else ""
    return (", ".join(names[:many]) or "none") + more


def _listed_likely(units: Mapping[str, str], quantity: Quantity) -> str:
    """Return in words which columns may hold a quantity, or else which there are."""
    near = difflib.get_close_matches(
        quantity.option.strip("-"), [key(name) for name in units], n=8, cutoff=0.7
    )
    likely = [
        name
        for name in units
        if not is_error_like(name)
        and (
            any(part in key(name) for part in quantity.parts)
            or key(name) in near
            or _is_by_unit(_unit(units, name), quantity)
        )
    ]
    return f"likely ones: {_listed(likely, 8)}" if likely else f"columns: {_listed(units)}"


def _unit(units: Mapping[str, str], name: str, quantity: Quantity | None = None) -> str:
    """Return the unit of a column, if need be from the brackets in its name.

    What stands in brackets behind a known name of the quantity is a unit, understood or not.
    """
    stem, inner = with_unit(name)
    is_unit = bare(name) != name or (quantity and name.endswith("]") and form_of(stem, quantity))
    return units[name] or (inner if is_unit else "")


def _named(
    units: Mapping[str, str], spec: str, option: str, quantity: Quantity | None = None
) -> tuple[str, str, bool]:
    """Return the column that a user names as COLUMN or COLUMN [UNIT], its unit, and whether it was given."""
    stem, given = with_unit(spec)
    bracketed = [(stem, given)] if given and spec.rstrip().endswith("]") else []
    for wanted, unit in [(spec, ""), *bracketed]:
        same = [name for name in units if name == wanted]
        same = same or [name for name in units if name.lower() == wanted.lower()]
        if len(same) == 1:
            return same[0], unit or _unit(units, same[0], quantity), bool(unit)
        if same:
            raise DataError(
                f"{option} {spec!r} may be any of the columns {', '.join(same)}; mind upper and lower case."
            )
    near = difflib.get_close_matches(spec, units, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {_listed(units)}."
    raise DataError(f"{option}: there is no column {spec!r}; {hint}")
