"""Star lists in Parquet files, which are streamed."""

import base64
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stelnet.errors import DataError
from stelnet.starlists.base import METADATA, About, StarList, Writer, is_numeric, rebatched, require_distinct

if TYPE_CHECKING:
    from astropy.table import Table


class ArrowList(StarList):
    """What has a schema of Arrow; units are those that astropy, a field's own metadata or this package wrote.

    Who reads sets `rows`.
    """

    kind = "parquet"
    rows: int

    def __init__(self, schema: pa.Schema, label: str) -> None:
        self.schema = schema
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
        raise NotImplementedError

    def _masked(self, block: pa.Table) -> pa.Table:
        from pyarrow import compute

        for name, mask in self._masks.items():
            if name in block.column_names:
                field = block.schema.field(name)
                values = compute.if_else(block[mask], pa.scalar(None, field.type), block[name])
                block = block.set_column(block.schema.get_field_index(name), field, values)
        return block

    def _numbers(self, block: pa.Table, name: str, first_row: int) -> NDArray[np.float64]:
        needed = [name, self._masks[name]] if name in self._masks else [name]
        return super()._numbers(self._masked(block.select(needed)), name, first_row)


#: Rows of a list that may be empty as far as its size goes, and most rows in a byte of a larger one.
ROWS, DENSEST = 1_000_000, 100


class ParquetList(ArrowList):
    """A Parquet file."""

    def __init__(self, path: Path, label: str) -> None:
        from pyarrow import parquet

        self._path = path
        self._file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        self.rows = self._file.metadata.num_rows
        if self.rows > max(ROWS, DENSEST * path.stat().st_size):
            raise DataError(f"{label}: announces {self.rows} rows, far more than it can hold.")
        super().__init__(self._file.schema_arrow, label)

    def _batches(self, size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self._file.iter_batches(size, columns=names)

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

    header: dict[str, Any] = get_header_from_yaml(text.decode().splitlines())
    return header


class ParquetWriter(Writer):
    """Parquet, with units where astropy, Arrow and this package look for them."""

    kind = "parquet"

    def __init__(self, target: Path, stars: StarList, about: About) -> None:
        super().__init__(target, stars, about)
        # both made for the first block
        self._writer: Any = None
        self._schema: Any = None
        self._longest: dict[str, int] = {}

    def _write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        from pyarrow import compute, parquet

        block = self.extended(block, new)
        if self._writer is None:
            self._schema = block.schema
            text = [field.name for field in block.schema if not is_numeric(field.type)]
            # what is told of the list is written at the end, as the flags are counted only then
            self._writer = parquet.ParquetWriter(
                self.target, block.schema, compression="zstd", compression_level=1, use_dictionary=text,
                write_statistics=list(self.stars.units), store_schema=False,
            )  # fmt: skip
        for field in block.schema:
            if pa.types.is_string(field.type):
                longest = compute.max(compute.utf8_length(block[field.name])).as_py() or 1
                self._longest[field.name] = max(longest, self._longest.get(field.name, 1))
        self._writer.write_table(block.cast(self._schema), row_group_size=max(block.num_rows, 1))

    def _finish(self, metadata: Mapping[str, Any]) -> None:
        units = self.stars.units | {name: unit for name, (unit, _) in self.about.items()}
        units = {name: unit for name, unit in units.items() if unit}
        told = self._told_by_others()
        told |= {f"table::len::{name}".encode(): str(longest) for name, longest in self._longest.items()}
        told[METADATA] = json.dumps({**metadata, "units": units}, sort_keys=True)
        told["table_meta_yaml"] = header_for_astropy(self.stars, self.about, metadata)
        schema = self._schema.with_metadata(told)
        # readers take all metadata from the schema that Arrow keeps in the file
        arrow = {b"ARROW:schema": base64.b64encode(schema.serialize())}
        self._writer.add_key_value_metadata({**schema.metadata, **arrow})

    def _told_by_others(self) -> dict[str | bytes, str | bytes]:
        """Return the metadata of the list; where pandas or Spark list its columns, the new ones are added."""
        there = self.stars.schema.metadata if isinstance(self.stars, ArrowList) else self._schema.metadata
        told: dict[str | bytes, str | bytes] = dict(there or {})
        for name, columns, listed in ((b"pandas", "columns", _for_pandas), (SPARK, "fields", _for_spark)):
            if name in told:
                lists = json.loads(told[name])
                lists[columns] += [listed(self._schema.field(new)) for new in self.about]
                told[name] = json.dumps(lists)
        # what is written anew
        for name in (b"ARROW:schema", b"table_meta_yaml", METADATA.encode()):
            told.pop(name, None)
        return told

    def close(self) -> None:
        if self._writer:
            self._writer.close()


#: Under this name Spark keeps the columns of a table.
SPARK = b"org.apache.spark.sql.parquet.row.metadata"


def _for_pandas(field: pa.Field) -> dict[str, Any]:
    kind = field.type
    types = {pa.string(): ("unicode", "object"), pa.float32(): ("float32", "float32")}
    pandas_type, numpy_type = types.get(kind, ("list[float32]", "object"))
    about = {"name": field.name, "field_name": field.name, "metadata": None}
    return about | {"pandas_type": pandas_type, "numpy_type": numpy_type}


def _for_spark(field: pa.Field) -> dict[str, Any]:
    simple = {pa.string(): "string", pa.float32(): "float"}
    array = {"type": "array", "elementType": "float", "containsNull": True}
    return {"name": field.name, "type": simple.get(field.type, array), "nullable": True, "metadata": {}}


def header_for_astropy(stars: StarList, about: About, metadata: Mapping[str, Any]) -> str:
    """Return what astropy looks for in the metadata of a file: all columns, the new ones too, and `meta`."""
    from astropy.io.misc import yaml

    header = _plain_dicts(stars.header())
    known = {item["name"] for item in header["datatype"]}
    header["datatype"] += [{"name": name} for name in stars.units if name not in known]
    header["datatype"] += [
        {"name": name, "description": description, **({"unit": unit} if unit else {})}
        for name, (unit, description) in about.items()
    ]
    header["meta"] = {**header.get("meta", {}), METADATA: dict(metadata)}
    text: str = yaml.dump(header).strip()
    return text


def _plain_dicts(item: Any) -> Any:
    """Return nested dicts and lists without the ordered kinds, which YAML would not write."""
    if type(item) in (dict, OrderedDict):
        return {key: _plain_dicts(value) for key, value in item.items()}
    return [_plain_dicts(value) for value in item] if isinstance(item, list) else item


def count_rows(path: str | Path) -> int:
    """Return the number of rows of a Parquet file, which its footer tells; DataError where it is none."""
    from pyarrow import parquet

    try:
        return int(parquet.read_metadata(path).num_rows)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.")
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not readable as Parquet ({error}); convert the list to Parquet first.")


class Rows(ParquetList):
    """Some rows of a Parquet file; row groups that hold none of them are not read.

    Parameters
    ----------
    path, label
        As for every star list.
    first, count
        Number of rows before the first one wanted, and how many are wanted; there may be fewer.
    """

    def __init__(self, path: Path, label: str, first: int, count: int) -> None:
        super().__init__(path, label)
        self.first, self.rows = first, max(0, min(count, self.rows - first))

    def _batches(self, size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        footer, groups, row, skip, left = self._file.metadata, [], 0, self.first, self.rows
        for i in range(footer.num_row_groups):
            count = footer.row_group(i).num_rows
            if row + count <= self.first:
                skip -= count
            elif row < self.first + self.rows:
                groups.append(i)
            row += count
        for batch in self._file.iter_batches(size, row_groups=groups, columns=names):
            part = batch.slice(min(skip, batch.num_rows), left)
            skip, left = max(0, skip - batch.num_rows), left - part.num_rows
            if part.num_rows:
                yield part
            if not left:
                return
