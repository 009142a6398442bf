"""What `stelnet plot` draws: stars of a list, what a model says of them, and what lies behind them."""

import difflib
import hashlib
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from stelnet.arrays import Bools, Floats
from stelnet.data.mist import ROW_COLUMNS, read_consolidated, read_tarball
from stelnet.errors import DataError
from stelnet.inference.answer import FLAGS, Flag
from stelnet.inference.inputs import DEFAULT_ERRORS, Inputs
from stelnet.inference.model import Model
from stelnet.inference.observed import AgePrior
from stelnet.io import read_table
from stelnet.plotting.hrd import LAST_EEP
from stelnet.spelling import key
from stelnet.starlists.base import StarList, is_number
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request
from stelnet.starplots.diagram import Background, Star
from stelnet.terms import Stage

#: Names of columns that identify stars, in order of preference, in lower case and without separators.
IDENTIFIERS = ("name", "id", "starid", "star", "sourceid", "objectid", "object", "designation", "mainid")
#: Draws from the posterior of each stage.
DRAWS = 60_000
#: Names that are compared with one that is not there.
COMPARED = 200_000
#: Bytes of a star's name that the name of a file has room for.
LONGEST = 120
#: Stars that are read at a time.
BLOCK = 1 << 17


def _text(stars: StarList, column: str) -> np.ndarray:
    """Return a column as text, shape (n,), empty where it has no value."""
    blocks = [block[column] for block in stars.blocks(BLOCK, [column], typed=False)]
    whole = pa.chunked_array([chunk for block in blocks for chunk in block.chunks], blocks[0].type)
    if pa.types.is_dictionary(whole.type):
        whole = whole.cast(whole.type.value_type)
    trimmed = compute.utf8_trim_whitespace(whole.cast(pa.string()))
    text: np.ndarray = compute.fill_null(trimmed, "").to_numpy()
    return text


def names(stars: StarList) -> tuple[np.ndarray, str]:
    """Return what the stars of a list are called, text of shape (n,), and in words what tells.

    It is one of :data:`IDENTIFIERS`, else the first column of distinct text, else the number of the row.

    Raises
    ------
    DataError
        The list holds no stars.
    """
    keys = {key(column): column for column in reversed(stars.units)}
    named = next((keys[one] for one in IDENTIFIERS if one in keys), None)
    for column in [named] if named else stars.units:
        values = _text(stars, column)
        if not len(values):
            raise DataError(f"{stars.label}: holds no stars.")
        if named:
            return values, f"stars are named by column {column}"
        numbers = all(is_number(value or "nan") for value in values[:100])
        if len(np.unique(values)) == len(values) and not numbers:
            return values, f"stars are named by column {column}, whose values are all different"
    rows = np.arange(1, len(values) + 1).astype(str).astype(object)
    return rows, "no column names the stars: they are told by the numbers of their rows"


def row(names: np.ndarray, wanted: str, label: str) -> int:
    """Return the index of a star by its name, exact or but for case and spaces, or by the number of its row.

    Raises
    ------
    DataError
        No such star, with those that are similar, or several.
    """

    def spaceless(name: str) -> str:
        return re.sub(r"[\s_]", "", name).lower()

    found = np.flatnonzero(names == wanted)
    if not len(found):
        alike = spaceless(wanted)
        found = np.array([i for i, name in enumerate(names) if spaceless(name) == alike], int)
    if len(found) == 1:
        return int(found[0])
    if len(found):
        rows = ", ".join(str(row + 1) for row in found[:5]) + (" ..." if len(found) > 5 else "")
        raise DataError(f"{label}: several stars are called {wanted!r}; give the row's number: {rows}.")
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    close = difflib.get_close_matches(wanted, list(names[:COMPARED]), n=5, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"the first is {names[0]}."
    raise DataError(
        f"{label}: no star is called {wanted!r}, nor is it the number of one of its {len(names)} rows; {hint}"
    )


def file_name(names: np.ndarray, row: int) -> str:
    """Return what tells the star in a row, counted from 0, from all others of its list in the name of a file.

    It is the star's name, in which a space is ``_`` and what is neither letter, digit, ``+``, ``-`` nor ``.``
    is escaped as in addresses of the web. Where others have the same name it is ``#`` and the row's number.
    """
    name = str(names[row])
    if not name or np.count_nonzero(names == name) > 1:
        return f"#{row + 1}"

    def escaped(letter: str) -> str:
        if letter in "+-." or unicodedata.category(letter)[0] in "LMN":
            return letter
        return "_" if letter == " " else "".join(f"%{byte:02X}" for byte in letter.encode())

    whole = "".join(map(escaped, name)).encode()
    if len(whole) <= LONGEST:
        return whole.decode()
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{whole[:LONGEST].decode(errors='ignore')}#{digest}"


def _inputs(stars: StarList, columns: Columns, row: int | None = None) -> Inputs:
    """Return the inputs of a prediction, of one row or of all."""
    parts: list[Inputs] = []
    seen = 0
    for block in stars.blocks(BLOCK, columns.names, typed=False):
        if row is None or seen <= row < seen + block.num_rows:
            part = block if row is None else block.slice(row - seen, 1)
            parts.append(columns.inputs(stars, part, seen if row is None else row))
        seen += block.num_rows

    def errors(values: list[Floats | None]) -> Floats | None:
        known = [value for value in values if value is not None]
        return np.concatenate(known) if known else None

    whole = Inputs(
        log_teff=np.concatenate([part["log_teff"] for part in parts]),
        log_lum=np.concatenate([part["log_lum"] for part in parts]),
        e_log_teff=errors([part["e_log_teff"] for part in parts]),
        e_log_lum=errors([part["e_log_lum"] for part in parts]),
    )
    if "feh" in parts[0]:
        whole["feh"] = np.concatenate([part["feh"] for part in parts])
        whole["e_feh"] = errors([part["e_feh"] for part in parts])
    return whole


def _with_defaults(inputs: Inputs) -> dict[str, Floats]:
    """Return inputs with the errors that the model takes where none is given."""
    filled: dict[str, Floats] = {}
    for name, values, errors in (
        ("log_teff", inputs["log_teff"], inputs["e_log_teff"]),
        ("log_lum", inputs["log_lum"], inputs["e_log_lum"]),
    ):
        filled[name] = np.where(np.isfinite(values), values, np.nan)
        errors = np.full(len(values), np.nan) if errors is None else errors
        with np.errstate(invalid="ignore"):
            known = np.isfinite(errors) & (errors >= 0)
            filled[f"e_{name}"] = np.where(known, errors, DEFAULT_ERRORS[name])
    return filled


def star(model: Model, stars: StarList, columns: Columns, row: int, name: str, request: Request) -> Star:
    """Ask the model for the star in a row, counted from 0, and for draws from the posterior of each stage."""
    inputs, stage = _inputs(stars, columns, row), request.stage
    answer = {key: values[0] for key, values in model.predict(**inputs, **request.asked("auto", row)).items()}
    draws = {}
    for one in (stage,) if stage else Stage:
        asked = replace(request, stage=one, samples=DRAWS).asked("auto", row)
        drawn = model.predict(**inputs, **asked)
        both = np.column_stack([drawn["log_age_samples"][0], drawn["log_mass_samples"][0]])
        both = both[np.isfinite(both).all(axis=1)]
        if len(both):
            draws[str(one)] = both
    shown = {key: float(values[0]) for key, values in _with_defaults(inputs).items()}
    return Star(
        name,
        (shown["log_teff"], shown["e_log_teff"]),
        (shown["log_lum"], shown["e_log_lum"]),
        answer,
        draws,
        {flag: FLAGS[flag] for flag in answer["flags"].split(",") if flag},
        model.bandwidth,
        AgePrior.parse(request.age_prior) if "age_information" in answer else None,
    )


def everything(
    model: Model, stars: StarList, columns: Columns, request: Request
) -> tuple[dict[str, np.ndarray], dict[str, Bools]]:
    """Ask the model for all stars; return their inputs and answers, and who has which flag, all (n,)."""
    inputs = _inputs(stars, columns)
    predictions = model.predict(**inputs, **request.asked("auto", 0))
    flags = {name: (predictions.bits & Flag[name.upper()]).astype(bool) for name in FLAGS}
    return {**_with_defaults(inputs), **predictions}, flags


def background(model: Model, tracks: Path | None) -> Background:
    """Return what lies behind stars: what the model knows, and MIST tracks from a file if one is given."""
    log_teff, log_lum, pre = model.domain("pre")
    return Background(
        zams=(model.zams["log_teff"], model.zams["log_lum"]),
        zams_age=(model.curves["log_mass"], model.curves["log_age_zams"]),
        log_teff=log_teff,
        log_lum=log_lum,
        distance=np.minimum(pre, model.domain("post")[2]),
        tracks=None if tracks is None else read_tracks(tracks),
    )


def read_tracks(path: Path) -> pd.DataFrame:
    """Return MIST rows of a table of the workflow, of the consolidated table or of the official archive.

    Raises
    ------
    DataError
        The file is absent, damaged or none of them.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    if path.name.endswith(".csv.gz"):
        return read_consolidated(path, LAST_EEP)
    if path.name.endswith((".tar.xz", ".txz")):
        return read_tarball(path, LAST_EEP)
    if path.suffix != ".parquet":
        raise DataError(f"{path}: MIST tracks are a .parquet, .csv.gz or .tar.xz file.")
    tracks = read_table(path)
    missing = [column for column in ROW_COLUMNS if column not in tracks]
    if missing:
        raise DataError(f"{path}: no MIST tracks: column {', '.join(missing)} is missing.")
    return tracks
