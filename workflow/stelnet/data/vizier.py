"""Tables of VizieR (CDS, Strasbourg): fetched, kept as received, checked against what the registry expects.

The server is astroquery's, ``server`` of section ``[vizier]`` in astroquery's configuration file.
"""

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

from stelnet.arrays import Floats
from stelnet.data.acquisition import acquire, verify
from stelnet.errors import DataError, DownloadError
from stelnet.spelling import match_columns
from stelnet.units import same_unit

#: Seconds that the server may stay silent: it searches a table of 10^9 rows before it answers.
TIMEOUT = 300


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
        Columns, units or number of rows are not the registered ones. Nothing is left at `path` either way.
    """
    from astroquery.vizier import conf  # costs half a second, which readers of a fetched table need not pay

    query = {
        "server": str(conf.server),
        "table": spec["table"],
        "columns": [name for key, column in spec["columns"].items() for name in column.get("ask", [key])],
        "constraints": dict(spec.get("constraints", {})),
    }

    def download(temporary: Path) -> None:
        content = _ask(query)
        parse(content, spec, f"{dataset}: the answer of {query['server']}")
        temporary.write_bytes(content)

    def check_copy(temporary: Path) -> None:
        if file["sha256"]:
            verify(temporary, file, "it")
        parse(temporary.read_bytes(), spec, f"{dataset}: {file['mirror']} of the mirror")

    acquire(
        dataset, file, path, mirror,
        address=f"https://{query['server']}/viz-bin/votable?-source={spec['table']}",
        download=download, check_copy=check_copy, query=query,
    )  # fmt: skip


def _ask(query: Mapping[str, Any]) -> bytes:
    """Return the server's answer to a query, a whole VOTable; DownloadError for anything else."""
    from astroquery.vizier import VizierClass

    client = VizierClass(
        columns=query["columns"],
        column_filters=query["constraints"],
        vizier_server=query["server"],
        row_limit=-1,
        timeout=TIMEOUT,
    )
    response = client.query_constraints_async(catalog=query["table"], cache=False)
    response.raise_for_status()
    content: bytes = response.content
    if b"<VOTABLE" not in content[:2000] or not content.rstrip().endswith(b"</VOTABLE>"):
        raise DownloadError(
            f"the answer is no VOTable, or not all of it ({len(content)} bytes: {content[:60]!r} ...)"
        )
    return content


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
        Columns, units or number of rows are not as in `spec`: names them, and what was found.
    """
    return parse(Path(path).read_bytes(), spec, str(path))


def parse(content: bytes, spec: Mapping[str, Any], source: str) -> pd.DataFrame:
    """Return the table in a file's bytes; see :func:`read_vizier`. `source` names the file in messages."""
    tables, tells_units = _load(content, source)
    table, found = _choose(tables, spec, source)
    low, high = spec["rows"] if isinstance(spec["rows"], list) else (spec["rows"], spec["rows"])
    if not low <= len(table) <= high:
        expected = low if low == high else f"{low} to {high}"
        raise _unexpected(source, spec, f"{len(table)} rows, expected are {expected}")
    result: dict[str, pd.Series | Floats] = {}
    for key, column in spec["columns"].items():
        cells = table[found[key]]
        if "unit" not in column:
            result[key] = _labels(cells)
            continue
        expected = [column["unit"]] if isinstance(column["unit"], str) else column["unit"]
        if tells_units and not any(same_unit(cells.unit, unit) for unit in expected):
            wanted = " or ".join(unit or "none" for unit in expected)
            what = f"the unit of column {found[key]} is {cells.unit or 'none'}, expected is {wanted}"
            raise _unexpected(source, spec, what)
        try:
            result[key] = _numbers(cells)
        except ValueError as error:
            raise _unexpected(source, spec, f"column {found[key]} holds more than numbers ({error})")
    return pd.DataFrame(result)


def _unexpected(source: str, spec: Mapping[str, Any], what: str) -> DataError:
    return DataError(f"{source}: {what}; see table {spec['table']} in resources/datasets.yaml.")


def _load(content: bytes, source: str) -> tuple[list[Table], bool]:
    """Return the tables in a file's bytes, and whether they tell their units: VOTables must, exports may."""
    try:
        with warnings.catch_warnings():
            # units that no standard knows are dealt with where they are compared
            warnings.simplefilter("ignore", u.UnitsWarning)
            if b"<VOTABLE" in content[:2000]:
                document = votable.parse(io.BytesIO(content), verify="ignore")
                return [table.to_table(use_names_over_ids=True) for table in document.iter_tables()], True
            if content.startswith(b"SIMPLE"):
                table = Table.read(io.BytesIO(content), format="fits")
                table.convert_bytestring_to_unicode()
            else:
                table = Table.from_pandas(pd.read_csv(io.BytesIO(content), skipinitialspace=True))
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise DataError(f"{source}: not readable as a VOTable, FITS or CSV file ({error}).")
    return [table], any(table[name].unit for name in table.colnames)


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
    labels = labels.str.strip()
    return labels.mask(labels == "")
