"""The quantities that a star list must hold, their names and units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stelnet.units import parse_unit

if TYPE_CHECKING:
    from astropy.units import UnitBase

#: Absolute bolometric magnitude of 1 Lsun: IAU 2015 Resolution B2.
MBOL_SUN = 4.74
LINEAR, LOG, MAG, PERCENT = "linear", "log", "magnitude", "percent"


@dataclass(frozen=True)
class Quantity:
    """What is looked for: names as :func:`~stelnet.spelling.key` writes them, unit, what no star has; what
    messages call it, if not its name."""

    name: str
    words: str
    option: str
    unit: str
    names: Mapping[str, str]
    log_range: tuple[float, float]
    label: str = ""

    @property
    def is_abundance(self) -> bool:
        """Whether it is a logarithm by itself, which no unit tells from others."""
        return self.unit == "dex"

    @property
    def error_option(self) -> str:
        """The option that names the errors."""
        return self.option.replace("--", "--e-")


def _forms(linear: str, log: str, mag: str = "") -> dict[str, str]:
    forms = {LINEAR: linear, LOG: log, MAG: mag}
    return {name: form for form, names in forms.items() for name in names.split()}


TEFF = Quantity(
    "log_teff",
    "the effective temperature",
    "--teff",
    "K",
    _forms(
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
    _forms(
        "l lum luminosity lumval lumflame lumflamespec lbol lstar llsun lumlsun lbollsun lsun lumsun",
        "logl loglum logluminosity loglbol loglstar loglsun logllsun loglumlsun loglbollsun lgl lglum "
        "log10l log10lum stlum",
        "mbol mbolmag absbolmag absolutebolometricmagnitude absmbol",
    ),
    (-10.0, 10.0),
)
FEH = Quantity(
    "feh",
    "the metallicity",
    "--feh",
    "dex",
    _forms("", "feh fehval fehdex ironabundance stmetfe"),
    (-9.0, 9.0),
    "[Fe/H]",
)
#: Other metallicities, which stand for [Fe/H] where it is not given.
METALLICITY = replace(
    FEH,
    names=_forms("", "mh mhval mhdex mhgspphot mhgspspec metallicity met stmet"),
    label="[Fe/H] (as [M/H])",
)
#: What tables write as the unit of an abundance.
ABUNDANCE_UNITS = ("", "dex", "sun", "solar", "dexsun", "dexsolar", "logsun", "logsolar")
#: A name with a unit in brackets behind it.
BRACKETS = re.compile(r"^(.*\S)\s*[\[(]\s*(\S.*?)\s*[\])]$")


def bare(name: str) -> str:
    """Return a name without a unit in brackets behind it."""
    brackets = BRACKETS.match(name)
    return brackets[1] if brackets and parse_unit(brackets[2]) is not None else name


def offset(unit: "UnitBase", quantity: Quantity) -> float:
    """Return what takes the logarithm of a value in a unit to the quantity's own [dex]."""
    return float(np.log10(unit.to(quantity.unit)))


def is_of(unit: str, quantity: Quantity) -> bool:
    """Return whether a unit is one of the quantity or of its logarithm."""
    parsed = parse_unit(unit)
    parsed = getattr(parsed, "physical_unit", parsed)
    return parsed is not None and parsed.is_equivalent(quantity.unit)
