"""Numbers that stand for "no value", such as -9999 and 99.99."""

import numpy as np

from stelnet.arrays import Bools, Floats
from stelnet.starlists.quantities import LINEAR, LOG, MAG

#: How far single precision moves a number.
ROUNDING = 2e-7
#: What integer columns are filled with where there is no value.
FILLS = (32767.0, 2147483647.0)
FILLED = np.array([-2147483648.0, -32768.0])


def _nines(least: int, most: int = 6) -> list[float]:
    """Return all numbers that are written with nines alone, at least and at most so many, at least 9."""
    return sorted({(10**n - 1) / 10**k for n in range(least, most + 1) for k in range(n)})


#: Negative numbers of nines, which are never measurements of what is positive; of logarithms and magnitudes
#: those from -9.99 on.
NINES = np.array(_nines(2))
NINES_OF_LOGS = NINES[NINES > 9.95]
#: Positive ones with so many nines that measurements hardly are such, and those of errors and of logarithms.
MANY_NINES = np.array(sorted({*(nines for nines in _nines(4) if nines > 99), *FILLS}))
NINES_OF_ERRORS = np.array(sorted({*MANY_NINES, 999.0}))
NINES_BEYOND_MAGNITUDES = NINES[NINES > 90]


def _among(values: Floats, known: Floats) -> Bools:
    place = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.minimum(np.abs(values - known[place]), np.abs(values - known[place - 1]))
        among: Bools = (near <= ROUNDING * np.abs(values)) & np.isfinite(values)
    return among


def _marked(values: Floats, positive: Floats, negative: Floats) -> Floats:
    marks = _among(values, positive) | _among(-values, negative) | _among(values, FILLED)
    return np.where(marks, np.nan, values)


def without_sentinels(values: Floats, form: str) -> Floats:
    """Return measurements, NaN for those that stand for "no value".

    Negative numbers of nines (-99, -9.99, -9999) are none, nor are positive ones from 99.99 on that have four
    nines or more, as no measurement to so many digits is likely to; nor magnitudes from 99 and logarithms
    from 9.99 on.

    Parameters
    ----------
    form
        How they are read, see :mod:`stelnet.starlists.quantities`.
    """
    if form == LINEAR:
        return _marked(values, MANY_NINES, NINES)
    return _marked(values, NINES_BEYOND_MAGNITUDES if form == MAG else NINES_OF_LOGS, NINES_OF_LOGS)


def errors_without_sentinels(errors: Floats, form: str) -> Floats:
    """Return errors, NaN for those that stand for "no error": as for measurements, 999 among them.

    Of logarithms and magnitudes any number of nines from 9.9 on is none.
    """
    return _marked(errors, NINES if form in (LOG, MAG) else NINES_OF_ERRORS, NINES)
