"""The quantities that a star list must hold, their names and units."""

import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import numpy as np

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
_BRACKETS = re.compile(r"^(.*\S)\s*[\[(]\s*(\S.*?)\s*[\])]$")
_LOG_UNIT = re.compile(r"^(?:log(?:10)?|lg)\s*\((.+)\)$|^\[(.+)\]$", re.I)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _bare(name: str) -> str:
    """Return a name without a unit in brackets behind it."""
    brackets = _BRACKETS.match(name)
    return brackets[1] if brackets and _parse(brackets[2]) is not None else name


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
