"""The quantities that a star list must hold, their names and units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from stelnet.spelling import key
from stelnet.units import parse_unit

if TYPE_CHECKING:
    from astropy.units import UnitBase

#: Absolute bolometric magnitude of 1 Lsun: IAU 2015 Resolution B2.
MBOL_SUN = 4.74
#: Nominal effective temperature of the Sun [K]: IAU 2015 Resolution B3.
TEFF_SUN = 5772.0
LINEAR, LOG, MAG, PERCENT = "linear", "log", "magnitude", "percent"
#: Units of radii of planets, which no star's is given in, and from which on units are of distances [m].
PLANETS, DISTANCE = ("jupiterRad", "earthRad"), 1e12


@dataclass(frozen=True)
class Homonym:
    """A name that may mean something else.

    Attributes
    ----------
    meaning
        What else it may mean.
    company
        Names, as :func:`~stelnet.spelling.key` writes them, beside which it does.
    proven
        Forms of the name that are believed without a unit or errors; None for all.
    by_errors
        Whether columns of errors tell the meanings apart.
    """

    meaning: str
    company: tuple[str, ...] = ()
    proven: tuple[str, ...] | None = None
    by_errors: bool = True


@dataclass(frozen=True)
class Quantity:
    """What is looked for.

    Attributes
    ----------
    name, words, label
        How the model calls it, how messages do, and how the reading does if not by its name.
    option, unit
        The option that names its column, and its unit.
    names
        Names of columns, as :func:`~stelnet.spelling.key` writes them -> form.
    log_range
        What no star is beyond, as log10 in its unit; a metallicity as it is.
    parts
        What names of likely columns contain.
    ucds
        How its UCDs (IVOA 1.4) begin; those of the old kind with points for underscores.
    homonyms
        Names among `names` that may mean something else.
    """

    name: str
    words: str
    option: str
    unit: str
    names: Mapping[str, str]
    log_range: tuple[float, float]
    label: str = ""
    parts: tuple[str, ...] = ()
    ucds: tuple[str, ...] = ()
    homonyms: Mapping[str, Homonym] = field(default_factory=dict)

    @property
    def is_abundance(self) -> bool:
        """Whether it is a logarithm by itself, which no unit tells from others."""
        return self.unit == "dex"

    @property
    def error_option(self) -> str:
        """The option that names the errors."""
        return self.option.replace("--", "--e-")

    def notation(self, form: str) -> str:
        """Return the unit that says of a column that it has a form."""
        if self.is_abundance:
            return self.unit
        return {LINEAR: self.unit, LOG: f"dex({self.unit})", MAG: "mag"}[form]


def _forms(linear: str, log: str, mag: str = "") -> dict[str, str]:
    forms = {LINEAR: linear, LOG: log, MAG: mag}
    return {name: form for form, names in forms.items() for name in names.split()}


TEFF = Quantity(
    "log_teff",
    "the effective temperature",
    "--teff",
    "K",
    _forms(
        "teff teffk teffval teffgspphot teffgspspec teffesphs teffespels stteff steff temperature temp "
        "effectivetemperature teffective tefftemperature tstar efftemp",
        "logteff logteffk logte logt logtemperature logtemp lgteff lgte log10teff log10t logtstar",
    ),
    (2.3, 6.5),
    parts=("teff", "tef", "temp", "logt", "tstar"),
    ucds=("phys.temp",),
)
LUM = Quantity(
    "log_lum",
    "the luminosity",
    "--lum",
    "Lsun",
    _forms(
        "l lum luminosity lumval lumflame lumflamespec lbol lstar llsun lumlsun lbollsun lsun lumsun slum",
        "logl loglum logluminosity loglbol loglstar loglsun logllsun loglumlsun loglbollsun lgl lglum "
        "log10l log10lum stlum",
        "mbol mbolmag absbolmag absolutebolometricmagnitude absmbol",
    ),
    (-8.0, 8.0),
    parts=("lum", "lbol", "logl", "lsun", "lstar", "mbol"),
    ucds=("phys.luminosity", "phys.magabs.bol", "phot.mag.bol"),
    homonyms={
        "l": Homonym("a galactic longitude or a magnitude", ("b", "glat", "j", "h", "k", "ks"), ("L",)),
    },
)
RADIUS = Quantity(
    "log_radius",
    "the radius",
    "--radius",
    "Rsun",
    _forms(
        "radius rad r rstar strad srad starradius stellarradius radiusval radiusgspphot radiusflame "
        "rsun rrsun",
        "logr logradius logrstar logrrsun logrsun lgr log10r log10radius",
    ),
    (-4.0, 4.0),
    parts=("rad", "rstar", "rsun"),
    ucds=("phys.size.radius",),
    homonyms={
        "r": Homonym("a magnitude or a distance", ("b", "v", "g", "i", "z"), ()),
        "rad": Homonym("a right ascension", ("decd", "decdeg")),
        "radius": Homonym(
            "that of a planet",
            ("starradius", "strad", "stellarradius", "orbitalperiod", "semimajoraxis", "plrade", "plradj"),
            by_errors=False,
        ),
    },
)
FEH = Quantity(
    "feh",
    "the metallicity",
    "--feh",
    "dex",
    _forms("", "feh fehval fehdex ironabundance stmetfe"),
    (-9.0, 9.0),
    "[Fe/H]",
    parts=("feh", "metal"),
    ucds=("phys.abund",),
)
#: Other metallicities, which stand for [Fe/H] where it is not given.
METALLICITY = replace(
    FEH,
    names=_forms("", "mh mhval mhdex mhgspphot mhgspspec metallicity met stmet smet starmetallicity"),
    label="[Fe/H] (as [M/H])",
    homonyms={"mh": Homonym("an absolute magnitude", ("mj", "mk", "mks"))},
)
#: What tables write as the unit of an abundance.
ABUNDANCE_UNITS = ("", "dex", "sun", "solar", "dexsun", "dexsolar", "logsun", "logsolar")


def unit_of(text: str, quantity: Quantity) -> "UnitBase | None":
    """Return the unit that a text stands for in a column of a quantity; None if in none."""
    from astropy import units as u

    # where the Sun is the unit, it is that of the quantity
    if quantity is RADIUS and key(text) in ("sun", "solar"):
        return u.Unit(quantity.unit)
    parsed = parse_unit(text)
    physical = getattr(parsed, "physical_unit", None)
    # VizieR writes [-] where a logarithm has no unit
    return u.dex if physical is not None and str(physical) in ("", "---") else parsed


def offset(unit: "UnitBase", quantity: Quantity) -> float:
    """Return what takes the logarithm of a value in a unit to the quantity's own [dex]."""
    return float(np.log10(unit.to(quantity.unit)))


def is_of(unit: str, quantity: Quantity) -> bool:
    """Return whether a unit is one of the quantity or of its logarithm."""
    parsed = unit_of(unit, quantity)
    parsed = getattr(parsed, "physical_unit", parsed)
    if parsed is None or not parsed.is_equivalent(quantity.unit):
        return False
    return quantity is not RADIUS or (str(parsed) not in PLANETS and parsed.to("m") < DISTANCE)
