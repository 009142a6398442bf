"""Units of measurement, in whatever notation a table writes them."""

import re
import warnings
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from stelnet.spelling import key

if TYPE_CHECKING:
    from astropy.units import UnitBase

#: ``log10(X)``, ``log10 X``, ``log[X]``, ``dex(X)`` and the like: what is behind the word is the argument.
_LOG_UNIT = re.compile(r"^(?:log(?:_?\{?10\}?)?|lg|dex)(?:\s+|\s*(?=[(\[]))(.+)$", re.I)
#: No unit is longer.
LONGEST = 100
_ENCLOSED = {"(": ")", "[": "]"}
#: Units that are written in ways of their own.
_ALIASES = {
    **dict.fromkeys(("k", "kelvin", "kelvins", "degk", "teffk", "tk"), "K"),
    **dict.fromkeys(
        (
            "lsun",
            "lsol",
            "sollum",
            "solar",
            "solarluminosity",
            "solarluminosities",
            "sun",
            "l☉",
            "l⊙",
            "l/l☉",
            "llsun",
        ),
        "Lsun",
    ),
    **dict.fromkeys(
        ("rsun", "rsol", "solrad", "solarradius", "solarradii", "solradius", "r☉", "r⊙", "rrsun"), "Rsun"
    ),
    **dict.fromkeys(("log", "log10"), "dex"),
}


def _inside(text: str, opening: str) -> str | None:
    """Return what a text holds between its first and last character, if these enclose all of it."""
    if not text.startswith(opening) or not text.endswith(_ENCLOSED[opening]):
        return None
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter in _ENCLOSED) - (letter in _ENCLOSED.values())
        if depth == 0 and i < len(text) - 1:
            return None
    return text[1:-1].strip()


@cache
def parse_unit(unit: str) -> "UnitBase | None":
    """Return the astropy unit that a text stands for in astropy, FITS, VizieR or the VO; None if in none.

    ``[yr]``, ``log(yr)``, ``log10 yr`` and ``[log10(yr)]`` are ``dex(yr)``.
    """
    from astropy import units as u

    unit = unit.strip()
    if len(unit) > LONGEST:
        return None
    bracketed = _inside(unit, "[")
    logarithm = _LOG_UNIT.match(unit)
    if bracketed or logarithm:
        argument = bracketed or (logarithm[1].strip() if logarithm else "")
        for opening in _ENCLOSED:
            argument = _inside(argument, opening) or argument
        inner = parse_unit(argument)
        # VizieR's brackets say once more what the word within says
        is_log = isinstance(inner, u.DexUnit) or inner == u.dex
        return (inner if bracketed else None) if inner is None or is_log else u.DexUnit(inner)
    unit = _ALIASES.get(key(unit) or unit.lower(), _ALIASES.get(unit.lower(), unit))
    for written in (None, "fits", "cds", "vounit"):
        with suppress(ValueError, TypeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return u.Unit(unit, format=written)
    return None


def same_unit(one: object, other: object) -> bool:
    """Return whether two units, each an astropy unit, a text or None for no unit, are one and the same.

    Texts that no notation knows are the same where they are equal.
    """
    one, other = str(one or ""), str(other or "")
    parsed = parse_unit(one)
    return one == other if parsed is None else parsed == parse_unit(other)
