"""Star lists in Parquet files, which are streamed."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stelnet.starlists.base import StarList, rebatched, require_distinct

if TYPE_CHECKING:
    from astropy.table import Table


class ParquetList(StarList):
    """A Parquet file; units are those that astropy, a column's own metadata or this package wrote."""

    kind = "parquet"

    def __init__(self, path: Path, label: str) -> None:
        from pyarrow import parquet

        self._path = path
        self._file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        self.schema: pa.Schema = self._file.schema_arrow
        self.rows = self._file.metadata.num_rows
        require_distinct(self.schema.names, label)
        metadata = self.schema.metadata or {}
        own = json.loads(metadata.get(b"stelnet", b"{}"))
        self.metadata = own or None
        self._header = _yaml_header(metadata.get(b"table_meta_yaml", b""))
        # astropy writes a mask as a column of its own
        parts = self._header.get("meta", {}).get("__serialized_columns__", {}).values()
        self._masks = {
            part["data"]["name"]: part["mask"]["name"] for part in parts if {"data", "mask"} <= part.keys()
        }
        units = dict(own.get("units", {}))
        for field in self.schema:
            units[field.name] = (field.metadata or {}).get(b"unit", b"").decode() or units.get(field.name, "")
        units |= {item["name"]: str(item["unit"]) for item in self._header["datatype"] if item.get("unit")}
        super().__init__(label, {name: units[name] for name in self.schema.names})

    def header(self) -> dict[str, Any]:
        return self._header if self._header["datatype"] else super().header()

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        if names:
            names = [*names, *(self._masks[name] for name in names if name in self._masks)]
        schema = pa.schema([self.schema.field(name) for name in names or self.schema.names])
        for block in rebatched(self._batches(min(size, 1 << 17), schema.names), size, schema):
            # for Parquet again the file stays as it is, for text the values under a mask go
            yield block if typed else self._masked(block)

    def _batches(self, size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        return self._file.iter_batches(size, columns=names)

    def _masked(self, block: pa.Table) -> pa.Table:
        from pyarrow import compute

        for name, mask in self._masks.items():
            if name in block.column_names:
                field = block.schema.field(name)
                values = compute.if_else(block[mask], pa.scalar(None, field.type), block[name])
                block = block.set_column(block.schema.get_field_index(name), field, values)
        return block

    def numbers(self, block: pa.Table, name: str, first_row: int) -> NDArray[np.float64]:
        needed = [name, self._masks[name]] if name in self._masks else [name]
        return super().numbers(self._masked(block.select(needed)), name, first_row)

    def table(self) -> "Table":
        if self._header.get("meta", {}).get("__serialized_columns__"):
            from astropy.table import Table

            return Table.read(self._path, format="parquet")
        table = super().table()
        for item in self._header["datatype"]:
            column = table[item["name"]]
            for attribute in ("unit", "description", "format", "meta"):
                if item.get(attribute):
                    setattr(column, attribute, item[attribute])
        for name, unit in self.units.items():
            table[name].unit = table[name].unit or unit or None
        table.meta.update(self._header.get("meta", {}))
        return table


def _yaml_header(text: bytes) -> dict[str, Any]:
    """Return what astropy wrote about the columns of a file."""
    if not text:
        return {"datatype": []}
    from astropy.table.meta import get_header_from_yaml

    return get_header_from_yaml(text.decode().splitlines())
