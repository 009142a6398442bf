"""``stelnet.predict``: what the command does, for tables in memory and for values with units.

It belongs to the star lists, as it finds columns where they do; a model alone knows arrays in dex.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, SupportsIndex

import numpy as np

from stelnet.errors import ConfigError, DataError, StelnetError
from stelnet.inference.answer import MethodName
from stelnet.inference.arguments import common_index, values_and_unit, whole
from stelnet.inference.loading import load_named
from stelnet.inference.model import Model
from stelnet.starlists.formats import BadValues
from stelnet.starlists.in_memory import InMemory, from_values, in_memory
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request, predict_at_once
from stelnet.terms import StageName

#: How columns were read, for those who listen.
log = logging.getLogger(__name__)
#: What has a unit of its own, which its errors may share.
OWN_UNITS = ("teff", "lum", "radius")
#: An option of the command in its messages, with the space before its value.
OPTION = re.compile(r"""--([a-z][a-z-]*)(?: (?:(?=['"])|(missing)\b))?""")


def predict(
    table: Any = None,
    *,
    teff: Any = None,
    lum: Any = None,
    e_teff: Any = None,
    e_lum: Any = None,
    feh: Any = None,
    e_feh: Any = None,
    radius: Any = None,
    e_radius: Any = None,
    model: str | Path | Model | None = None,
    stage: StageName | None = None,
    age_prior: str = "field",
    floor: Sequence[float] | None = None,
    samples: SupportsIndex = 0,
    seed: SupportsIndex = 0,
    method: MethodName = "auto",
    grid: str | Path | None = None,
    prefix: str = "",
    bad_values: Literal["error", "missing"] = "error",
) -> Any:
    """Return a table of stars with ages and masses, their uncertainties and flags beside its columns.

    >>> stelnet.predict(Table.read("stars.fits"))
    >>> stelnet.predict(teff=5772 * u.K, e_teff=60 * u.K, lum=1 * u.Lsun)

    Columns of temperature, luminosity, [Fe/H] and their errors are found by name and unit, as the command
    finds them. How they were read is told to the logger ``stelnet`` and in the metadata of the answer.

    Parameters
    ----------
    table
        A Table or QTable of astropy, a DataFrame of pandas or a Table of Arrow, not changed. Without one,
        the stars are the values of the following.
    teff, lum
        With a table: the name of the column, as ``"T"`` or ``"T [kK]"``, where it is not to be searched for.
        Without: values with units, one for a star or one for all; plain numbers are in K and Lsun.
    e_teff, e_lum
        Their errors. With a table: ``"COLUMN"``, ``"LOWER,UPPER"``, or a number in the unit of the column.
        Without: values. In both cases also ``"5%"``.
    feh, e_feh
        [Fe/H] and its error [dex], likewise; a number is that of all stars, ``feh="neighbourhood"`` that of
        the stars near the Sun.
    radius, e_radius
        Likewise the radius, which gives the luminosity of stars without one; plain numbers are in Rsun.
    model
        ``posterior``, ``transfer`` or ``baseline``, a model's file, or what :func:`stelnet.load` returned; by
        default the first of them that is packaged.
    stage, age_prior, floor, method, samples, seed
        As of :meth:`stelnet.inference.model.Model.predict`.
    grid
        As of :func:`stelnet.load`.
    prefix
        Put before the names of the new columns.
    bad_values
        What becomes of text among the numbers of a table: an error, or a missing value.

    Returns
    -------
    table
        A copy of the table, of its kind, with the columns :attr:`Model.columns` behind its own: index,
        units, descriptions and metadata stay. A QTable gets quantities, other tables get units where they
        have a place: fields of Arrow, ``attrs["stelnet"]["units"]`` of pandas. What made the answer is under
        ``stelnet`` in ``meta``, ``attrs`` or the metadata of the schema. Of values it is a QTable, or a
        DataFrame with their index where they are pandas series.

    Raises
    ------
    DataError
        No table, columns that are not found or may be several, units of something else, no numbers.
    ConfigError
        As of :meth:`stelnet.inference.model.Model.predict`.
    """
    given = {"teff": teff, "lum": lum, "e_teff": e_teff, "e_lum": e_lum, "feh": feh, "e_feh": e_feh}
    given |= {"radius": radius, "e_radius": e_radius}
    with _errors_with_keywords():
        stars, named = _values(given) if table is None else (in_memory(table), _names(given))
        if bad_values not in tuple(BadValues):
            raise ConfigError(f"bad_values {bad_values!r}: must be {' or '.join(BadValues)}.")
        stars.bad_values = BadValues(bad_values)
        chosen = model if isinstance(model, Model) else load_named(model, grid)
        columns = Columns.found(stars, **named, metallicities=chosen.metallicities)
        draws, seed = whole("samples", samples), whole("seed", seed)
        request = Request(stage, method, age_prior, floor, draws, seed, prefix=prefix)
        chosen.check(method, age_prior, request.floor)
        new, about, summary = predict_at_once(chosen, stars, columns, request)
    read = {name: _with_keywords(words) for name, words in summary.metadata["columns"].items()}
    for words in read.values():
        log.info(words)
    return stars.with_answers(new, about, summary.metadata | {"columns": read})


def _with_keywords(words: str) -> str:
    """Return words that name keywords where the command's name options: ``lum='L'`` for ``--lum 'L'``."""

    def keyword(option: re.Match[str]) -> str:
        value = f"={option[2]!r}" if option[2] else "=" * option[0].endswith(" ")
        return option[1].replace("-", "_") + value

    return OPTION.sub(keyword, words)


@contextmanager
def _errors_with_keywords() -> Iterator[None]:
    """Let the messages of errors name keywords."""
    try:
        yield
    except StelnetError as error:
        kind = ConfigError if isinstance(error, ConfigError) else DataError
        raise kind(_with_keywords(str(error))) from None


def _names(given: Mapping[str, Any]) -> dict[str, str]:
    """Return what is said of the columns of a table, as the command takes it."""
    named = {}
    for name, value in given.items():
        if value is None or isinstance(value, str):
            named[name] = value or ""
        elif name not in OWN_UNITS and np.ndim(value) == 0 and not hasattr(value, "unit"):
            named[name] = repr(float(values_and_unit(name, value)[0]))
        else:
            what = "a column" if name in OWN_UNITS else "a column or is one number in its unit"
            raise DataError(f"{name}: beside a table it names {what}; make values a column of the table.")
    return named


def _values(given: Mapping[str, Any]) -> tuple[InMemory, dict[str, str]]:
    """Return stars that are given value by value, and what is said of their columns."""
    named = {name: value for name, value in given.items() if isinstance(value, str)}
    parts = {
        name: values_and_unit(name, value)
        for name, value in given.items()
        if value is not None and name not in named
    }
    for name in ("teff", "lum"):
        if name not in parts and not (name == "lum" and "radius" in parts):
            said = f"{named[name]!r} names a column, but of no table" if name in named else "is not given"
            raise DataError(f"{name} {said}; give a table, or values such as teff=5772*u.K, lum=1*u.Lsun.")
    shapes = {name: values.shape for name, (values, _) in parts.items()}
    longest = max(shapes.values(), key=lambda shape: (len(shape), shape))
    for name, shape in shapes.items():
        if len(longest) > 1 or shape not in ((), (1,), longest):
            raise DataError(
                f"{name} has the shape {shape}, the longest is {longest}: give one value for each star, or "
                "one for all."
            )
    arrays = {name: np.resize(values, longest or 1) for name, (values, _) in parts.items()}
    units = {name: unit for name, (_, unit) in parts.items()}
    # a unit that is given with the values leaves nothing to guess from them
    named |= {name: f"{name} [{units[name]}]" if units[name] else name for name in OWN_UNITS if name in parts}
    named |= {name: name for name in parts if name not in named}
    return from_values(arrays, units, common_index(given)), named
