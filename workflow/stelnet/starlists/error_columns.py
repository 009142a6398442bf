"""Which columns of a star list hold the errors of one that was found."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from stelnet.errors import DataError
from stelnet.spelling import key
from stelnet.starlists.names import (
    AFFIXES,
    JOINED,
    VALUES,
    bare,
    beside,
    is_error_like,
    pairs,
    roles_of,
    with_unit,
    words_of,
)
from stelnet.starlists.quantities import (
    ABUNDANCE_UNITS,
    LINEAR,
    LOG,
    MAG,
    PERCENT,
    Quantity,
    is_of,
    offset,
    unit_of,
)
from stelnet.starlists.readings import HALF_BETWEEN, MEAN_OF, Errors, Reading, Scale

#: What sets words of a name apart.
APART = "_. -"
#: Pairs that VizieR tells apart by case alone: (lower, upper).
CASE_PAIRS = (("sizes", "e_", "E_"), ("bounds", "b_", "B_"))


@dataclass(frozen=True)
class Role:
    """What columns may be beside another: one of its errors, or two."""

    kind: str
    columns: tuple[str, ...]


def roles(names: Iterable[str], column: str) -> list[Role]:
    """Return what the names of other columns say that they are beside a column, each role once."""
    others = [name for name in names if name != column]
    found: dict[tuple[str, ...], Role] = {}
    taken: set[str] = set()
    for stem, there in _views(others, column):
        for kind, *prefixes in CASE_PAIRS:
            pair = tuple(there.get(prefix + stem, "") for prefix in prefixes)
            if all(pair):
                found.setdefault(pair, Role(kind, pair))
                taken |= set(pair)
        sides: dict[tuple[str, str], dict[str, str]] = {}
        for seen, name in there.items():
            if name in taken:
                continue
            for around in beside(seen, stem):
                for kind, template, side in roles_of(around):
                    if side:
                        sides.setdefault((kind, template), {}).setdefault(side, name)
                    else:
                        found.setdefault((name,), Role(kind, (name,)))
        for (kind, _), by_side in sides.items():
            for lower, upper in pairs(kind, by_side):
                pair = by_side[lower], by_side[upper]
                if not any(set(pair) & set(known) for known in found if len(known) == 2):
                    found[pair] = Role(kind, pair)
    # u_Teff is an error, but beside l_Teff a bound
    paired = {name for names in found if len(names) == 2 for name in names}
    return [role for names, role in found.items() if len(names) == 2 or not paired & set(names)]


def _views(others: list[str], column: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield stems of a column's name, each with what the others are called beside it -> the others."""
    own = bare(column)
    stems = [own]
    for value in VALUES:
        if own.lower().endswith("_" + value) and len(own) > len(value) + 1:
            stems.append(own[: -len(value) - 1])
    for stem in stems:
        yield stem, {bare(name): name for name in others}
    words = words_of(own)
    if len(words) > 1:
        # what a survey or a join adds may stand outside: iso_e_teff, e_Teff_1
        first, last = words[0], words[-1]
        if first.lower() in AFFIXES and own.startswith(first):
            alike = {bare(name): name for name in others if name.startswith(first)}
            rest = own[len(first) :].lstrip(APART)
            yield rest, {seen[len(first) :].lstrip(APART): name for seen, name in alike.items()}
        if own.endswith(last) and (last.lower() in AFFIXES or JOINED.match(last)):
            alike = {bare(name): name for name in others if bare(name).endswith(last)}
            rest = own[: -len(last)].rstrip(APART)
            yield rest, {seen[: -len(last)].rstrip(APART): name for seen, name in alike.items()}


def errors_found(units: Mapping[str, str], reading: Reading) -> Errors | None:
    """Return where the errors of a reading are, by the names of columns around its own; None if nowhere.

    Raises
    ------
    DataError
        Several columns may hold them.
    """
    found = roles(units, reading.column)
    pairs_of_sizes = [role for role in found if role.kind == "sizes"]
    single = [role for role in found if role.kind == "size"]
    if len(found) > 1 and not (len(found) == 2 and len(pairs_of_sizes) == len(single) == 1):
        choices = "; ".join(f"{reading.quantity.error_option} {quoted(role.columns)}" for role in found)
        raise DataError(f"several columns may hold the errors of {reading.column!r}; choose with {choices}.")
    if not found:
        return None
    role = pairs_of_sizes[0] if pairs_of_sizes else found[0]
    errors = _errors(units, reading, role)
    if len(found) == 2:
        errors = replace(errors, otherwise=_errors(units, reading, single[0]))
    return errors


def quoted(columns: Iterable[str]) -> str:
    """Return columns as an option takes them."""
    return shlex.quote(",".join(columns))


def passed_over(units: Mapping[str, str], reading: Reading) -> list[str]:
    """Return columns that look like errors of a reading but are not read."""
    own, used = key(bare(reading.column)), reading.columns
    if len(own) < 2:
        return []
    # those of a column whose name holds the other's are its own
    longer = [key(bare(name)) for name in units if not is_error_like(name)]
    longer = [name for name in longer if own in name and name != own]
    return [
        name
        for name in units
        if name not in used
        and own in key(name)
        and is_error_like(name)
        and not any(one in key(name) for one in longer)
    ]


def _errors(units: Mapping[str, str], reading: Reading, role: Role) -> Errors:
    first, *second = role.columns
    unit = units[first] or with_unit(first)[1] * (bare(first) != first)
    if role.kind == "size":
        return Errors("size", (first,), _scale(unit, reading, first), words=first)
    return _pair(reading, role.kind, first, second[0], unit)


def errors_named(
    units: Mapping[str, str], reading: Reading, spec: str, named: Callable[[str], tuple[str, str]]
) -> Errors:
    """Return the errors that a user names.

    Parameters
    ----------
    spec
        ``COLUMN``, ``LOWER,UPPER``, a number in the unit of the quantity's column, or ``N%``.
    named
        Returns the column that is named, and its unit.
    """
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
            columns = [named(part.strip()) for part in spec.split(",")]
            if len(columns) != 2:
                raise DataError(f"{option} {spec!r}: give one column, or two as LOWER,UPPER.")
            (lower, unit), (upper, _) = columns
            told = [role.kind for role in roles([lower, upper], reading.column) if len(role.columns) == 2]
            kind = told[0] if told else "sizes" if "err" in lower.lower() else "bounds"
            return _pair(reading, kind, lower, upper, unit)
    name, unit = named(spec)
    return Errors("size", (name,), _scale(unit, reading, name), words=name)


def _pair(reading: Reading, kind: str, lower: str, upper: str, unit: str) -> Errors:
    how = HALF_BETWEEN if kind == "bounds" else MEAN_OF
    words = f"{how} {lower} and {upper}, in dex"
    if kind == "sizes":
        return Errors(kind, (lower, upper), _scale(unit, reading, lower), words=words)
    own = scale_of(unit, reading.quantity, reading.scale.form) if unit else reading.scale
    if own is None:
        raise _misfit(unit, reading, lower)
    return Errors(kind, (lower, upper), own, words=words)


def _misfit(unit: str, reading: Reading, name: str) -> DataError:
    option, notation = reading.quantity.error_option, reading.quantity.notation(reading.scale.form)
    return DataError(
        f"column {name!r} seems to hold the errors of {reading.column!r}, but its unit is {unit!r}; name "
        f"others, a number such as {option} {0.1 if reading.scale.form == LOG else '5%'}, or the unit: "
        f"{option} {shlex.quote(f'{name} [{notation}]')}."
    )


def scale_of(unit: str, quantity: Quantity, form: str) -> Scale | None:
    """Return how a column is read, by its unit and by the form that its name tells; None if not at all."""
    if quantity.is_abundance and key(unit) in ABUNDANCE_UNITS:
        return Scale(LOG)
    if not unit:
        return Scale(form)
    from astropy import units as u

    parsed = unit_of(unit, quantity)
    if parsed is None:
        return None
    if isinstance(parsed, u.DexUnit):
        return Scale(LOG, offset(parsed.physical_unit, quantity)) if is_of(unit, quantity) else None
    if parsed == u.dex:
        return Scale(LOG) if form != MAG else None
    if parsed == u.mag:
        return Scale(MAG) if form == MAG else None
    if is_of(unit, quantity) and form != MAG:
        return Scale(form, offset(parsed, quantity))
    return Scale(form) if parsed == u.dimensionless_unscaled else None


def _scale(unit: str, reading: Reading, name: str) -> Scale:
    """Return how the size of an error is read: as its column's unit says, else as the quantity's column."""
    if not unit:
        return reading.scale
    from astropy import units as u

    parsed = unit_of(unit, reading.quantity)
    if reading.quantity.is_abundance and key(unit) in ABUNDANCE_UNITS:
        return reading.scale
    if parsed == u.percent and not reading.quantity.is_abundance:
        return Scale(PERCENT)
    if parsed == u.dex or isinstance(parsed, u.DexUnit):
        return Scale(LOG)
    if parsed == u.mag and reading.scale.form == MAG:
        return reading.scale
    if parsed is not None and is_of(unit, reading.quantity):
        own = unit_of(reading.unit, reading.quantity)
        # a logarithm often carries the unit of what it is the logarithm of, but not beside one in dex
        log = reading.scale.form == LOG and not isinstance(own, u.DexUnit)
        return reading.scale if log else Scale(LINEAR, offset(parsed, reading.quantity))
    if parsed == u.dimensionless_unscaled:
        return reading.scale
    raise _misfit(unit, reading, name)
