"""Tables of VizieR (CDS, Strasbourg): fetched, kept as received, checked against what the registry expects.

The server is astroquery's, ``server`` of section ``[vizier]`` in astroquery's configuration file.
"""

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.io import votable
from astropy.table import Column, Table

from stelnet import fits_headers
from stelnet.arrays import Floats
from stelnet.data.acquisition import acquire, verify
from stelnet.data.network import TOLD, download
from stelnet.errors import DataError, DownloadError, one_line
from stelnet.spelling import match_columns
from stelnet.units import same_unit
from stelnet.votable import COLUMNS, BadVotable, inspect

#: Seconds within which the server must begin to answer: it searches a table of 10^9 rows before it does.
TIMEOUT = 300.0
#: Bytes that a cell of its answer may take, and all that is no cell.
CELL, BESIDE = 200, 1_000_000


def fetch_vizier(
    dataset: str,
    file: Mapping[str, Any],
    spec: Mapping[str, Any],
    path: str | Path,
    mirror: str | Path | None,
) -> None:
    """Put a table of VizieR in place as the server sent it, or the mirror's export of it, with its sidecar.

    Parameters
    ----------
    dataset, file, spec
        Key of a dataset of resources/datasets.yaml, its file and its ``vizier`` entry.
    path, mirror
        See :func:`stelnet.data.acquisition.fetch`.

    Raises
    ------
    DownloadError
        The table cannot be had, or the mirror's file is not the registered one.
    DataError
        Columns, units, number of rows or values are not the registered ones. Nothing is left at `path` either
        way.
    """
    from astroquery.vizier import conf  # costs half a second, which readers of a fetched table need not pay

    query = {
        "server": str(conf.server),
        "table": spec["table"],
        "columns": [name for key, column in spec["columns"].items() for name in column.get("ask", [key])],
        "constraints": dict(spec.get("constraints", {})),
    }

    def get(temporary: Path) -> None:
        _ask(query, temporary, BESIDE + CELL * len(query["columns"]) * _rows(spec)[1])

    def check(temporary: Path, via: str) -> str | None:
        content, label = temporary.read_bytes(), f"{dataset}: the answer of {query['server']}"
        if via == "mirror":
            label = f"{dataset}: {file['mirror']} of the mirror"
            if file["sha256"]:
                verify(temporary, file, "it")
        elif b"<VOTABLE" not in content[:2000]:
            raise DownloadError(f"the answer is no VOTable ({len(content)} bytes: {content[:60]!r} ...)")
        try:
            table = parse(content, spec, label)
        except BadVotable as error:
            # what a sound answer holds does not change when asked again; this is none
            raise DownloadError(one_line(error, TOLD)) if via == "network" else error
        if via == "mirror" and file["sha256"]:
            return None
        # servers write the time into each answer: what counts is what is read
        return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()

    acquire(
        dataset, file, path, mirror,
        address=f"https://{query['server']}/viz-bin/votable?-source={spec['table']}",
        download=get, check=check, query=query,
    )  # fmt: skip


def _ask(query: Mapping[str, Any], target: Path, at_most: int) -> None:
    """Write the server's answer to a query to a file."""
    from astroquery.vizier import VizierClass

    client = VizierClass(
        columns=query["columns"],
        column_filters=query["constraints"],
        vizier_server=query["server"],
        row_limit=-1,
    )
    # astroquery writes the query; it would wait for the answer without end
    data = client.query_constraints_async(catalog=query["table"], get_query_payload=True)
    download(client._server_to_url(), target, at_most=at_most, answer_within=TIMEOUT, data=data)


def _rows(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Return the least and the largest number of rows that a table may have."""
    low, high = spec["rows"] if isinstance(spec["rows"], list) else (spec["rows"], spec["rows"])
    return low, high


def read_vizier(path: str | Path, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Read a table of VizieR: its VOTable, or an export of it as FITS or CSV.

    Parameters
    ----------
    spec
        The ``vizier`` entry of a dataset of resources/datasets.yaml.

    Returns
    -------
    The columns that `spec` names, under the names that it gives them. Those with a unit are float64 in that
    unit, NaN where empty; of the others, numbers stay whole and text is stripped.

    Raises
    ------
    DataError
        Columns, units, number of rows or values are not as in `spec`: names them, and what was found.
    """
    return parse(Path(path).read_bytes(), spec, str(path))


def parse(content: bytes, spec: Mapping[str, Any], source: str) -> pd.DataFrame:
    """Return the table in a file's bytes; see :func:`read_vizier`. `source` names the file in messages."""
    tables, tells_units = _load(content, source)
    table, found = _choose(tables, spec, source)
    low, high = _rows(spec)
    if not low <= len(table) <= high:
        expected = low if low == high else f"{low} to {high}"
        raise _unexpected(source, spec, f"{len(table)} rows, expected are {expected}")
    result: dict[str, pd.Series | Floats] = {}
    for key, column in spec["columns"].items():
        cells = table[found[key]]
        if "unit" not in column:
            result[key] = labels = _labels(cells)
            if labels.isna().all():
                raise _unexpected(source, spec, f"column {found[key]} is empty")
            continue
        units = [column["unit"]] if isinstance(column["unit"], str) else column["unit"]
        if tells_units and not any(same_unit(cells.unit, unit) for unit in units):
            wanted = " or ".join(unit or "none" for unit in units)
            what = f"the unit of column {found[key]} is {cells.unit or 'none'}, expected is {wanted}"
            raise _unexpected(source, spec, what)
        try:
            result[key] = numbers = _numbers(cells)
        except ValueError as error:
            raise _unexpected(source, spec, f"column {found[key]} holds more than numbers ({error})")
        if fault := _fault(numbers, column):
            raise _unexpected(source, spec, f"column {found[key]}{fault}")
    return pd.DataFrame(result)


def _fault(numbers: Floats, column: Mapping[str, Any]) -> str:
    """Return what is wrong with the values of a column, or nothing."""
    empty = np.isnan(numbers)
    if empty.all() or (column.get("complete") and empty.any()):
        return f" has an empty cell in row {int(empty.argmax()) + 1}"
    low, high = column.get("range", (-np.inf, np.inf))
    outside = np.isinf(numbers) | (numbers < low) | (numbers > high)
    if outside.any():
        row = int(outside.argmax())
        return f", row {row + 1}, is {numbers[row]:g}, expected are values from {low:g} to {high:g}"
    return ""


def _unexpected(source: str, spec: Mapping[str, Any], what: str) -> DataError:
    return DataError(
        f"{source}: {one_line(what, TOLD)}; see table {spec['table']} in resources/datasets.yaml."
    )


def _load(content: bytes, source: str) -> tuple[list[Table], bool]:
    """Return the tables in a file's bytes, and whether they tell their units: VOTables must, exports may."""
    try:
        with warnings.catch_warnings():
            # units that no standard knows are dealt with where they are compared
            warnings.simplefilter("ignore", u.UnitsWarning)
            # what is no number, or too long for its column: astropy would take a part of it, or nothing
            warnings.simplefilter("ignore", votable.exceptions.VOWarning)
            for problem in (votable.exceptions.W30, votable.exceptions.W46, votable.exceptions.W51):
                warnings.simplefilter("error", problem)
            if b"<VOTABLE" in content[:2000]:
                _refuse_failure(content, source)
                document = votable.parse(io.BytesIO(content), verify="warn")
                return [table.to_table(use_names_over_ids=True) for table in document.iter_tables()], True
            if content.startswith(b"SIMPLE"):
                fits_headers.inspect(io.BytesIO(content), source)
                table = Table.read(io.BytesIO(content), format="fits")
                table.convert_bytestring_to_unicode()
            else:
                # pandas takes long over very many columns
                if (commas := content.partition(b"\n")[0].count(b",")) > COLUMNS:
                    raise ValueError(f"it has {commas + 1} columns")
                frame = pd.read_csv(io.BytesIO(content), skipinitialspace=True)
                table = Table.from_pandas(frame)
    except DataError:
        raise
    # the libraries raise whatever comes when a file is malformed
    except Exception as error:
        reason = one_line(error, TOLD) or type(error).__name__
        raise DataError(f"{source}: not readable as a VOTable, FITS or CSV file ({reason}).")
    return [table], any(table[name].unit for name in table.colnames)


def _refuse_failure(content: bytes, source: str) -> None:
    """Raise BadVotable where the server says in its answer that it failed, or that it sends a part only."""
    for info in inspect(io.BytesIO(content), source):
        failed = info.name.upper() == "QUERY_STATUS" and info.value.upper() in ("ERROR", "OVERFLOW")
        if failed or info.name.lower() in ("error", "errors"):
            what = one_line(f"{info.value} {info.text}", TOLD)
            raise BadVotable(f"{source}: the server says that it has not sent the whole table: {what}.")


def _choose(tables: list[Table], spec: Mapping[str, Any], source: str) -> tuple[Table, dict[str, str]]:
    """Return the one table that has all columns, and key -> its column; a catalogue may have other tables."""
    spellings = {
        key: [key, *column.get("ask", []), *column.get("spellings", [])]
        for key, column in spec["columns"].items()
    }
    matches = [(table, match_columns(table.colnames, spellings)) for table in tables]
    whole = [match for match in matches if len(match[1]) == len(spellings)]
    if len(whole) == 1:
        return whole[0]
    if whole or not matches:
        raise _unexpected(source, spec, f"{len(whole)} tables with the columns {', '.join(spellings)}")
    table, found = max(matches, key=lambda match: len(match[1]))
    missing = ", ".join(key for key in spellings if key not in found)
    raise _unexpected(source, spec, f"no column {missing}; there are {', '.join(table.colnames)}")


def _numbers(cells: Column) -> Floats:
    """Return a column as float64 with NaN for empty cells, shape (n_rows,)."""
    empty = np.ma.getmaskarray(np.ma.asarray(cells))
    # by way of text, as VizieR's 4-byte floats stand for decimals: 0.35, not 0.3499999940395355
    return np.where(empty, "nan", np.asarray(cells).astype(str)).astype(float)


def _labels(cells: Column) -> pd.Series:
    """Return a column of identifiers: whole numbers, or stripped text; missing where empty."""
    labels: pd.Series = Table({"label": cells}).to_pandas()["label"]
    if cells.dtype.kind in "iu":
        return labels
    if cells.dtype.kind == "f" and (labels.dropna() % 1 == 0).all() and (labels.dropna().abs() < 2**53).all():
        # CSV has no other integers where a cell is empty
        return labels.astype("Int64")
    if cells.dtype.kind not in "OSU":
        labels = labels.astype("string")
    labels = labels.str.strip()
    return labels.mask(labels == "")
