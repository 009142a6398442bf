"""Star lists in ECSV and VOTable files, which astropy holds whole."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import Table

from stelnet.errors import DataError
from stelnet.starlists.base import METADATA, About, StarList, Writer, require_distinct
from stelnet.starlists.conversion import plain, to_arrow
from stelnet.starlists.decoding import LATIN1, Text, one_line_end
from stelnet.votable import inspect, is_well_formed


class AstropyList(StarList):
    """An ECSV file or a table of a VOTable: that of a name, ID or number, or the first."""

    rows: int

    def __init__(self, path: Path, kind: str, label: str, wanted: str = "") -> None:
        self.kind = kind
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = _read_ecsv(path, label) if kind == "ecsv" else _read_votable(path, label, wanted)
            self._table, self.metadata, self.note = read
        self.rows = len(self._table)
        units = {name: str(column.info.unit or "") for name, column in self._table.columns.items()}
        super().__init__(label, units)
        self.ucds = {
            name: str(column.info.meta["ucd"])
            for name, column in self._table.columns.items()
            if (column.info.meta or {}).get("ucd")
        }

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        whole = to_arrow(self._table[list(names)] if names else self._table, self.label)
        for start in range(0, max(self.rows, 1), size):
            yield whole.slice(start, size)

    def table(self) -> Table:
        return self._table.copy(copy_data=False)

    def header(self) -> dict[str, Any]:
        from astropy.table.meta import get_header_from_yaml, get_yaml_from_table

        header: dict[str, Any] = get_header_from_yaml(get_yaml_from_table(plain(self._table[:0])))
        return header


#: The table, what an earlier prediction wrote of itself, and a note for the user.
Read = tuple[Table, dict[str, Any] | None, str]


def _read_ecsv(path: Path, label: str) -> Read:
    with open(path, "rb") as file:
        text = Text(file, label)
        lines = one_line_end(b"".join(text.blocks())).decode().split("\n")
    table = Table.read(lines, format="ascii.ecsv")
    require_distinct(table.colnames, label)
    return table, table.meta.get("stelnet"), LATIN1 if text.latin1 else ""


def _read_votable(path: Path, label: str, wanted: str) -> Read:
    from astropy.io import votable

    with open(path, "rb") as file:
        inspect(file, label)
    tables = list(votable.parse(path, verify="ignore").iter_tables())
    if not tables:
        raise DataError(f"{label}: no table in it.")
    named = {f"{i} {table.name or table.ID or ''}".strip(): table for i, table in enumerate(tables, 1)}
    chosen, note = tables[0], ""
    if wanted:
        fitting = [
            table
            for i, table in enumerate(tables, 1)
            if wanted.lower() in (str(table.name).lower(), str(table.ID).lower(), str(i))
        ]
        if len(fitting) != 1:
            many = "several such tables" if fitting else "no such table"
            raise DataError(f"{label}: --hdu {wanted}: there is {many}; there are {', '.join(named)}.")
        chosen = fitting[0]
    elif len(tables) > 1:
        note = f"the first of its {len(tables)} tables is read ({', '.join(named)}); choose with --hdu"
    require_distinct([field.name for field in chosen.fields], label)
    written = [info.value for info in chosen.infos if info.name == "stelnet"]
    table = chosen.to_table(use_names_over_ids=True)
    return table, json.loads(written[0]) if written else None, note


#: VOTable has fewer types of integers.
WIDER = {"int8": "int16", "uint16": "int32", "uint32": "int64"}


class TableWriter(Writer):
    """FITS, ECSV and VOTable: the new columns are kept to the end, when astropy writes them with the list."""

    streams = False
    target: Path

    def __init__(self, target: Path, stars: StarList, about: About, kind: str) -> None:
        super().__init__(target, stars, about)
        self.kind = kind
        self._new: dict[str, list[np.ndarray]] = {name: [] for name in about}

    def _write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        for name, values in new.items():
            self._new[name].append(values)

    def _finish(self, metadata: Mapping[str, Any]) -> None:
        from astropy.table import Column

        table = self.stars.table()
        for name, (unit, description) in self.about.items():
            values = np.concatenate(self._new.pop(name))
            values = values.astype(str) if values.dtype == object else values
            table.add_column(Column(values, name, unit=unit or None, description=description), copy=False)
        write = {"fits": _write_fits, "ecsv": _write_ecsv, "votable": _write_votable}[self.kind]
        with warnings.catch_warnings():
            # such as: a unit is not of the FITS standard
            warnings.simplefilter("ignore")
            write(table, self.target, dict(metadata))


def _write_fits(table: Table, path: Path, metadata: dict[str, Any]) -> None:
    from astropy.io import fits

    for name, column in table.columns.items():
        if column.dtype.kind == "U" and not "".join(np.ma.filled(column, "").ravel()).isascii():
            raise DataError(f"column {name!r} has letters that FITS does not know; choose another --format.")
    table.meta.pop(METADATA, None)
    # a long value is continued over several cards
    table.meta[METADATA.upper()] = json.dumps(metadata, sort_keys=True)
    table.write(path, format="fits", overwrite=True)
    with fits.open(path, mode="update") as hdus:
        columns = hdus[1].columns
        for column in columns:
            # astropy leaves out what is no unit of the FITS standard, such as any logarithm
            if column.unit is None and column.name in table.colnames and table[column.name].unit:
                columns.change_unit(column.name, str(table[column.name].unit))


def _write_ecsv(table: Table, path: Path, metadata: dict[str, Any]) -> None:
    table.meta.pop(METADATA.upper(), None)
    table.meta[METADATA] = metadata
    table.write(path, format="ascii.ecsv", overwrite=True)


def _write_votable(table: Table, path: Path, metadata: dict[str, Any]) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    for name, column in table.columns.items():
        if column.dtype.name in WIDER:
            table[name] = column.astype(WIDER[column.dtype.name])
        elif column.dtype == object:
            # arrays of any length must be masked ones
            column[:] = [
                np.ma.array(item, mask=False) if isinstance(item, np.ndarray) else item for item in column
            ]
    tree = from_table(table)
    first = tree.get_first_table()
    first.infos.append(Info(name=METADATA, value=json.dumps(metadata, sort_keys=True)))
    tree.to_xml(str(path), tabledata_format="tabledata")
    with open(path, "rb") as file:
        # astropy writes control characters, which no reader takes
        if not is_well_formed(file):
            raise DataError("VOTABLE cannot hold control characters; choose another --format.")
