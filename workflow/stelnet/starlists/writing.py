"""Writing star lists with new columns: whole or not at all, with units, descriptions and metadata.

CSV and Parquet are written block by block, FITS, ECSV and VOTable at the end, by astropy; FITS made of FITS
is a copy with new columns (``fits_writing``).
"""

import base64
import csv
import io
import json
import shutil
import sys
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stelnet.errors import DataError
from stelnet.io import atomic_path
from stelnet.starlists.base import NUMERIC, StarList
from stelnet.starlists.formats import EXTENSIONS

if TYPE_CHECKING:
    from astropy.table import Table

#: Name -> unit and description of columns.
About = Mapping[str, tuple[str, str]]
NOT_IN_CSV = (
    *(pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    *(pa.types.is_duration, pa.types.is_interval),
)
#: VOTable has fewer types of integers.
WIDER = {"int8": "int16", "uint16": "int32", "uint32": "int64"}
#: Under this name every format but CSV keeps what a prediction writes of itself.
METADATA = "stelnet"


class Writer:
    """Writes a star list with columns added to it.

    Parameters
    ----------
    target
        Path of the file, or a binary stream for CSV.
    stars
        The list that is continued.
    about
        The new columns.
    """

    #: Whether blocks need all columns of the list, whether text may stay text, and whether NaN is left out.
    streams, text, leaves_out = True, False, False

    def __init__(self, target: Path | IO[bytes], stars: StarList, about: About) -> None:
        self.target, self.stars, self.about = target, stars, about

    def write(self, block: pa.Table, new: Mapping[str, NDArray]) -> None:
        """Add rows; `new` holds the arrays of the new columns."""
        raise NotImplementedError

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Write what remains, the metadata among it."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file, finished or not."""

    def extended(self, block: pa.Table, new: Mapping[str, NDArray]) -> pa.Table:
        """Return a block with the new columns."""
        for name, values in new.items():
            unit, description = self.about[name]
            kind = pa.string() if values.dtype == object else None
            array = pa.array(values.ravel(), kind, from_pandas=self.leaves_out)
            if values.ndim > 1:
                array = pa.FixedSizeListArray.from_arrays(array, values.shape[1])
            about = {"unit": unit, "description": description} if unit else {"description": description}
            block = block.append_column(pa.field(name, array.type, metadata=about), array)
        return block


class CsvWriter(Writer):
    """CSV, in which text of the list stays as it was; it holds no units and no metadata."""

    text = leaves_out = True

    def __init__(self, target: Path | IO[bytes], stars: StarList, about: About) -> None:
        super().__init__(target, stars, about)
        compressed = isinstance(target, Path) and target.suffix == ".gz"
        self._stream = (
            pa.output_stream(str(target), compression="gzip" if compressed else None)
            if isinstance(target, Path)
            else target
        )
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow([*stars.units, *about])
        self._stream.write(header.getvalue().encode())

    def write(self, block: pa.Table, new: Mapping[str, NDArray]) -> None:
        from pyarrow import csv as arrow_csv

        block = self.extended(block, new)
        for field in block.schema:
            if any(is_kind(field.type) for is_kind in NOT_IN_CSV):
                raise DataError(
                    f"column {field.name!r} holds {field.type}, which CSV cannot: choose another --format."
                )
        plain = pa.table([_plain(column) for column in block.columns], block.schema.names)
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="none")
        text = pa.BufferOutputStream()
        try:
            arrow_csv.write_csv(plain, text, options)
            self._stream.write(text.getvalue())
        except pa.ArrowInvalid:
            # some value needs quotes
            self._stream.write(_quoted(plain))

    def finish(self, metadata: Mapping[str, Any]) -> None:
        self._stream.flush()

    def close(self) -> None:
        if isinstance(self.target, Path):
            self._stream.close()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _quoted(block: pa.Table) -> pa.Buffer:
    """Return rows as CSV, quoted where they must be; Arrow itself would quote all text or none."""
    from pyarrow import compute

    columns = []
    for column in block.combine_chunks().columns:
        text = column.cast(pa.string()).combine_chunks()
        special = compute.fill_null(compute.match_substring_regex(text, '[",\r\n]'), False)
        inner = compute.replace_substring(text, '"', '""')
        columns.append(compute.if_else(special, compute.binary_join_element_wise('"', inner, '"', ""), text))
    rows = compute.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
    lines = compute.binary_join_element_wise(rows, "\n", "")
    lines = lines.combine_chunks() if isinstance(lines, pa.ChunkedArray) else lines
    return lines.buffers()[2]


class ParquetWriter(Writer):
    """Parquet, with units where astropy, Arrow and this package look for them."""

    def __init__(self, target: Path, stars: StarList, about: About) -> None:
        super().__init__(target, stars, about)
        self._writer = None
        self._schema: pa.Schema | None = None
        self._longest: dict[str, int] = {}

    def write(self, block: pa.Table, new: Mapping[str, NDArray]) -> None:
        from pyarrow import compute, parquet

        block = self.extended(block, new)
        if self._writer is None:
            self._schema = block.schema
            text = [field.name for field in block.schema if not _is_number(field.type)]
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

    def finish(self, metadata: Mapping[str, Any]) -> None:
        from astropy.io.misc import yaml

        header = _plain_dicts(self.stars.header())
        known = {item["name"] for item in header["datatype"]}
        header["datatype"] += [{"name": name} for name in self.stars.units if name not in known]
        header["datatype"] += [
            {"name": name, "description": description, **({"unit": unit} if unit else {})}
            for name, (unit, description) in self.about.items()
        ]
        header["meta"] = {**header.get("meta", {}), METADATA: dict(metadata)}
        units = self.stars.units | {name: unit for name, (unit, _) in self.about.items()}
        units = {name: unit for name, unit in units.items() if unit}
        told: dict[str | bytes, str | bytes] = dict(self._schema.metadata or {})
        told |= {f"table::len::{name}": str(longest) for name, longest in self._longest.items()}
        told[METADATA] = json.dumps({**metadata, "units": units}, sort_keys=True)
        told["table_meta_yaml"] = yaml.dump(header).strip()
        schema = self._schema.with_metadata(told)
        # readers take all metadata from the schema that Arrow keeps in the file
        arrow = {b"ARROW:schema": base64.b64encode(schema.serialize())}
        self._writer.add_key_value_metadata({**schema.metadata, **arrow})

    def close(self) -> None:
        if self._writer:
            self._writer.close()


def _is_number(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in NUMERIC)


def _plain_dicts(item: Any) -> Any:
    """Return nested dicts and lists without the ordered kinds, which YAML would not write."""
    if type(item) in (dict, OrderedDict):
        return {key: _plain_dicts(value) for key, value in item.items()}
    return [_plain_dicts(value) for value in item] if isinstance(item, list) else item


class TableWriter(Writer):
    """FITS, ECSV and VOTable: the new columns are kept to the end, when astropy writes them with the list."""

    streams = False

    def __init__(self, target: Path, stars: StarList, about: About, kind: str) -> None:
        super().__init__(target, stars, about)
        self._kind = kind
        self._new: dict[str, list[NDArray]] = {name: [] for name in about}

    def write(self, block: pa.Table, new: Mapping[str, NDArray]) -> None:
        for name, values in new.items():
            self._new[name].append(values)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        from astropy.table import Column

        table = self.stars.table()
        for name, (unit, description) in self.about.items():
            values = np.concatenate(self._new.pop(name))
            values = values.astype(str) if values.dtype == object else values
            table.add_column(Column(values, name, unit=unit or None, description=description), copy=False)
        write = {"fits": _write_fits, "ecsv": _write_ecsv, "votable": _write_votable}[self._kind]
        with warnings.catch_warnings():
            # such as: a unit is not of the FITS standard
            warnings.simplefilter("ignore")
            try:
                write(table, self.target, dict(metadata))
            except (OSError, DataError):
                raise
            except Exception as error:
                reason = str(error).strip().splitlines()[0]
                raise DataError(
                    f"{self._kind.upper()} cannot hold this list: {reason}; choose another --format."
                )


def _write_fits(table: "Table", path: Path, metadata: dict[str, Any]) -> None:
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


def _write_ecsv(table: "Table", path: Path, metadata: dict[str, Any]) -> None:
    table.meta.pop(METADATA.upper(), None)
    table.meta[METADATA] = metadata
    table.write(path, format="ascii.ecsv", overwrite=True)


def _write_votable(table: "Table", path: Path, metadata: dict[str, Any]) -> None:
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


@contextmanager
def open_writer(target: Path | None, kind: str, stars: StarList, about: About) -> Iterator[Writer]:
    """Yield a writer; its file appears when the block ends without an error, and else not at all.

    Parameters
    ----------
    target
        Path of the file, None for standard output: CSV flows there, others follow when they are complete.
    kind
        The format.
    stars
        The list that is continued.
    about
        The new columns.
    """
    if target:
        with atomic_path(target) as temporary:
            yield from _closing(_writer(temporary, kind, stars, about))
    elif kind == "csv":
        yield from _closing(_writer(sys.stdout.buffer, kind, stars, about))
    else:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder, f"stars{EXTENSIONS[kind][0]}")
            yield from _closing(_writer(whole, kind, stars, about))
            with open(whole, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _writer(target: Path | IO[bytes], kind: str, stars: StarList, about: About) -> Writer:
    if kind == "csv":
        return CsvWriter(target, stars, about)
    if kind == "parquet":
        return ParquetWriter(target, stars, about)
    if kind == stars.kind == "fits" and stars.copyable and target.suffix != ".gz":
        from stelnet.starlists.fits_writing import FitsWriter

        return FitsWriter(target, stars, about)
    return TableWriter(target, stars, about, kind)


def _closing(writer: Writer) -> Iterator[Writer]:
    try:
        yield writer
    finally:
        writer.close()
