"""What callers give as numbers: arrays of any library, masked or with units, as plain float64 in dex.

Each library is asked for only where the caller has it loaded already, so that none is imported here.
"""

import operator
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from stelnet.arrays import Bools, Floats
from stelnet.errors import ConfigError, DataError
from stelnet.units import parse_unit

#: Logarithms -> the unit within, the highest that any star has [dex], the keyword that takes it with a unit.
LOGARITHMS = {"log_teff": ("K", 7.0, "teff"), "log_lum": ("Lsun", 10.0, "lum")}
#: What some tables write for "no value", which no check takes for one.
SENTINELS = [10**digits - 1 for digits in range(2, 10)]


def numbers(name: str, given: object) -> Floats:
    """Return an argument as float64 of its shape, NaN where it is missing; a logarithm is of K or Lsun.

    Missing is what is masked, None, NaN, null or ``pandas.NA``. Arrays of numpy, masked ones among them,
    columns and quantities of astropy, series and arrays of pandas, and arrays of Arrow are understood.

    Parameters
    ----------
    name
        That of the argument: ``log_teff``, ``log_lum``, ``feh``, or one of their errors, ``e_...``.
    given
        What the caller gives.

    Raises
    ------
    DataError
        Something in it is no number, its unit is not that of the argument, or its values are no logarithms.
    """
    values, unit = values_and_unit(name, given)
    if offset := _offset(name, unit):
        values = values + offset
    if name in LOGARITHMS:
        _check_logarithm(name, values)
    return values


def _check_logarithm(name: str, values: Floats) -> None:
    """Raise DataError where values can only be temperatures or luminosities themselves."""
    unit, highest, keyword = LOGARITHMS[name]
    with np.errstate(invalid="ignore"):
        beyond = np.isfinite(values) & (values > highest) & ~np.isin(values, SENTINELS)
    if beyond.any():
        value = values[beyond].flat[0]
        raise DataError(
            f"{name}: {value:g} in row {int(beyond.argmax()) + 1} is no star's log10 in {unit}. Give "
            f"log10 of the values, or the values themselves to stelnet.predict({keyword}=...)."
        )


def whole(name: str, value: object) -> int:
    """Return a whole number that is not negative, of Python or of any other library.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigError(f"{name} {value!r}: must be a whole number.")
    if number < 0:
        raise ConfigError(f"{name} {number}: must not be negative.")
    return number


def common_index(given: Mapping[str, object]) -> Any:
    """Return the index of the pandas series among some arguments, None where there are none.

    Raises
    ------
    DataError
        Two of them differ in it, so that their values belong to different stars.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    series = {name: value for name, value in given.items() if isinstance(value, pandas.Series)}
    names = list(series)
    for name in names[1:]:
        if not series[name].index.equals(series[names[0]].index):
            raise DataError(
                f"{names[0]} and {name} are pandas series of different index: take both from one table, or "
                "give their .to_numpy() if their order is the same."
            )
    return series[names[0]].index if names else None


def values_and_unit(name: str, given: Any) -> tuple[Floats, str]:
    """Return what :func:`numbers` takes as float64 of its shape, NaN where missing, and its unit as text.

    Raises
    ------
    DataError
        Something in it is no number, or the items of a list have no common unit.
    """
    units, masked = sys.modules.get("astropy.units"), sys.modules.get("astropy.utils.masked")
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    missing, unit = None, ""
    if isinstance(given, list | tuple):
        if units and any(isinstance(item, units.Quantity) for item in given):
            given = _quantity(name, given, units)
        else:
            # numpy would turn None, text and logical values into numbers
            given = np.array(given, object)
    if masked and isinstance(given, masked.Masked):
        missing, given = np.asarray(given.mask), given.unmasked
    if units and isinstance(given, units.Quantity):
        unit, given = str(given.unit), given.value
    elif "astropy.table" in sys.modules and isinstance(given, sys.modules["astropy.table"].Column):
        unit = str(given.unit or "")
    if isinstance(given, np.ma.MaskedArray):
        missing, given = np.ma.getmaskarray(given), given.data
    elif pandas and isinstance(given, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray):
        if pandas.api.types.is_numeric_dtype(given.dtype) and not pandas.api.types.is_bool_dtype(given.dtype):
            given = given.to_numpy(dtype=float, na_value=np.nan)
        else:
            given = np.asarray(given, object)
    elif arrow and isinstance(given, arrow.Array | arrow.ChunkedArray):
        kind = given.type
        if arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_decimal(kind):
            # numbers beyond 2^53 are rounded, as numpy does
            given = given.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        else:
            given = np.array(given.to_pylist(), object)
    values = _floats(name, np.asarray(given), missing)
    return values if missing is None else np.where(missing, np.nan, values), unit


def _quantity(name: str, given: Any, units: Any) -> Any:
    """Return a sequence of quantities as one."""
    try:
        return units.Quantity(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: its items have no common unit: {error}")


def _floats(name: str, array: np.ndarray, missing: Bools | None) -> Floats:
    if array.dtype.kind in "iuf":
        return array.astype(float, copy=False)
    items = array.ravel().tolist() if array.dtype.kind != "O" else list(array.ravel())
    hidden = np.zeros(len(items), bool) if missing is None else np.broadcast_to(missing, array.shape).ravel()
    floats = np.full(len(items), np.nan)
    for i, item in enumerate(items):
        if hidden[i] or item is None or item is np.ma.masked or type(item).__name__ in ("NAType", "NaTType"):
            continue
        if isinstance(item, str | bytes | bool | np.bool_ | complex):
            raise DataError(f"{name}: {item!r} in row {i + 1} is no number.")
        try:
            floats[i] = float(item)
        except (TypeError, ValueError):
            raise DataError(f"{name}: {item!r} in row {i + 1} is no number.")
    return floats.reshape(array.shape)


def _offset(name: str, unit: str) -> float:
    """Return what takes values in a unit to those of the argument [dex]."""
    if not unit:
        return 0.0
    from astropy import units as u

    parsed = parse_unit(unit)
    if parsed in (u.dex, u.dimensionless_unscaled) or (
        isinstance(parsed, u.DexUnit) and name not in LOGARITHMS
    ):
        return 0.0
    within, _, keyword = LOGARITHMS.get(name, ("", None, name.replace("log_", "")))
    if isinstance(parsed, u.DexUnit) and parsed.physical_unit.is_equivalent(within):
        return float(np.log10(parsed.physical_unit.to(within)))
    wanted = f"dex({within})" if within else "dex"
    raise DataError(
        f"{name}: its unit is {unit!r}, but must be {wanted}. Give values with other units to "
        f"stelnet.predict({keyword}=...)."
    )
