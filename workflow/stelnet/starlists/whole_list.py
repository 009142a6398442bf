"""Star lists in ECSV and VOTable files, which astropy holds whole."""

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from astropy.table import Table

from stelnet.errors import DataError
from stelnet.starlists.base import StarList, require_distinct
from stelnet.starlists.conversion import plain, to_arrow


class AstropyList(StarList):
    """An ECSV file or the first table of a VOTable."""

    def __init__(self, path: Path, kind: str, label: str) -> None:
        self.kind = kind
        reader = {"ecsv": _read_ecsv, "votable": _read_votable}[kind]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._table, self.metadata, self.note = reader(path, label)
        self.rows = len(self._table)
        units = {name: str(column.info.unit or "") for name, column in self._table.columns.items()}
        super().__init__(label, units)

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        whole = to_arrow(self._table[list(names)] if names else self._table, self.label)
        for start in range(0, max(self.rows, 1), size):
            yield whole.slice(start, size)

    def table(self) -> Table:
        return self._table.copy(copy_data=False)

    def header(self) -> dict[str, Any]:
        from astropy.table.meta import get_header_from_yaml, get_yaml_from_table

        return get_header_from_yaml(get_yaml_from_table(plain(self._table[:0])))


#: The table, what an earlier prediction wrote of itself, and a note for the user.
Read = tuple[Table, dict[str, Any] | None, str]


def _read_ecsv(path: Path, label: str) -> Read:
    table = Table.read(path, format="ascii.ecsv")
    return table, table.meta.get("stelnet"), ""


def _read_votable(path: Path, label: str) -> Read:
    from astropy.io import votable

    tables = list(votable.parse(path, verify="ignore").iter_tables())
    if not tables:
        raise DataError(f"{label}: no table in it.")
    require_distinct([field.name for field in tables[0].fields], label)
    written = [info.value for info in tables[0].infos if info.name == "stelnet"]
    table = tables[0].to_table(use_names_over_ids=True)
    return table, json.loads(written[0]) if written else None, _note(tables)


def _note(tables: list[Any]) -> str:
    return f"the first of its {len(tables)} tables is read" if len(tables) > 1 else ""
