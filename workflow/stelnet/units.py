"""Units of measurement, in whatever notation a table writes them."""

import re
import warnings
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from stelnet.spelling import key

if TYPE_CHECKING:
    from astropy.units import UnitBase

_LOG_UNIT = re.compile(r"^(?:log(?:10)?|lg|dex)\s*\((.+)\)$|^\[(.+)\]$", re.I)
#: Units that are written in ways of their own.
_ALIASES = {
    **dict.fromkeys(("k", "kelvin", "degk"), "K"),
    **dict.fromkeys(("lsun", "lsol", "sollum", "solar", "solarluminosity", "sun", "l☉"), "Lsun"),
}


@cache
def parse_unit(unit: str) -> "UnitBase | None":
    """Return the astropy unit that a text stands for in astropy, FITS, VizieR or the VO; None if in none.

    ``[yr]`` and ``log(yr)`` are ``dex(yr)``.
    """
    from astropy import units as u

    logarithm = _LOG_UNIT.match(unit)
    if logarithm:
        inner = parse_unit(logarithm[1] or logarithm[2])
        return None if inner is None or isinstance(inner, u.DexUnit) else u.DexUnit(inner)
    unit = _ALIASES.get(key(unit) or unit.lower(), unit)
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
