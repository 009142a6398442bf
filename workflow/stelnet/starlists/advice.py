"""Why no star of a list can be used, and what to do about it."""

import shlex
from dataclasses import replace

import numpy as np

from stelnet.arrays import Floats
from stelnet.starlists.base import StarList
from stelnet.starlists.error_columns import scale_of
from stelnet.starlists.marks import limited
from stelnet.starlists.quantities import LINEAR, LUM, MAG, RADIUS, TEFF
from stelnet.starlists.readings import Reading, span
from stelnet.starlists.sentinels import without_sentinels
from stelnet.starlists.sources import Source

#: Logarithms in their unit that nearly all stars have; units that columns may have, likely ones first.
USUAL = {TEFF.name: (3.2, 5.3), LUM.name: (-5.0, 7.0), RADIUS.name: (-2.5, 3.5)}
UNITS = {
    TEFF.name: ("K", "dex(K)", "kK"),
    LUM.name: ("Lsun", "dex(Lsun)", "W", "erg/s", "dex(W)", "dex(erg/s)", "mag"),
    RADIUS.name: ("Rsun", "dex(Rsun)", "km", "m"),
}
#: Part of the values that must be usual under a unit for it to be proposed.
MOST = 0.7


def unusable(stars: StarList, sources: list[Source]) -> str:
    """Return in words why no star can be used.

    Parameters
    ----------
    sources
        Where temperature, luminosity and radius come from.
    """
    reasons = [_of(stars, reading) for one in sources for reading in one.readings]
    return f"no star has both a temperature and a luminosity; {'; '.join(reasons)}."


def _of(stars: StarList, reading: Reading) -> str:
    """Return what a column was taken for and what it holds, and another unit if that explains it."""
    head = stars.head([*reading.columns, *([reading.limits] if reading.limits else [])])
    values: Floats = stars.numbers(head, reading.column, 0)
    words = replace(reading, errors=None, note="").describe()
    if reading.limits:
        values = np.where(limited(head[reading.limits]), np.nan, values)
    logs = reading.log(values)
    values = without_sentinels(values, reading.scale.form)
    values = values[np.isfinite(values)]
    if not len(values):
        limits = f" that is not a limit ({reading.limits})" if reading.limits else ""
        return f"{words}: has no value{limits}; name another with {reading.quantity.option}"
    usable = int(np.isfinite(logs).sum())
    if usable:
        return f"{words}: {usable} values, {span(values)}"
    option = _other_unit(reading, values)
    other = f"try {option}" if option else f"name another with {reading.quantity.option}"
    return f"{words}: its values, {span(values)}, cannot be such; {other}"


def _other_unit(reading: Reading, values: Floats) -> str:
    """Return the option with the first unit in which most values are usual; nothing if there is none."""
    low, high = USUAL[reading.quantity.name]
    for unit in UNITS[reading.quantity.name]:
        scale = scale_of(unit, reading.quantity, MAG if unit == "mag" else LINEAR)
        assert scale is not None, "it is a unit of the quantity"
        logs = scale.log(values)
        if np.mean((logs > low) & (logs < high)) >= MOST:
            return f"{reading.quantity.option} {shlex.quote(f'{reading.column} [{unit}]')}"
    return ""
