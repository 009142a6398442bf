"""Star lists in CSV files, which are streamed."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from stelnet.errors import DataError
from stelnet.starlists.base import About, StarList, Writer, is_number, present, rebatched, require_distinct

#: Bytes of a file that are parsed at a time.
BLOCK = 4 << 20


class CsvList(StarList):
    """A CSV file, or one with tabs or semicolons; lines before the header that start with # are skipped."""

    kind = "csv"

    def __init__(self, path: Path, label: str) -> None:
        self._path = path
        self._bad_row: arrow_csv.InvalidRow | None = None
        with self._stream() as stream:
            names, self._skipped, self._delimiter = _header(stream, label)
        require_distinct(names, label)
        super().__init__(label, dict.fromkeys(names, ""))
        self._types: dict[str, pa.DataType] = {}

    def _stream(self) -> pa.NativeFile:
        return pa.input_stream(str(self._path), compression="gzip" if self._path.suffix == ".gz" else None)

    def _batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        """Yield columns as the text that they are."""

        def remember(row: arrow_csv.InvalidRow) -> str:
            self._bad_row = row
            return "error"

        with self._stream() as stream:
            try:
                yield from arrow_csv.open_csv(
                    stream,
                    arrow_csv.ReadOptions(
                        use_threads=False,
                        block_size=BLOCK,
                        skip_rows=self._skipped,
                        column_names=list(self.units),
                    ),
                    arrow_csv.ParseOptions(
                        delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=remember
                    ),
                    arrow_csv.ConvertOptions(
                        column_types=dict.fromkeys(self.units, pa.string()), include_columns=names
                    ),
                )
            except pa.ArrowInvalid as error:
                raise DataError(self._explained(str(error)))

    def _explained(self, error: str) -> str:
        if "invalid UTF8" in error:
            return f"{self.label}: not UTF-8 text; convert it: iconv -f LATIN1 -t UTF-8 FILE."
        if row := self._bad_row:
            return (
                f"{self.label}: row {row.number - self._skipped} has {row.actual_columns} values "
                f"and the header {row.expected_columns} names: {row.text!r}."
            )
        return f"{self.label}: not readable as CSV: {error.splitlines()[0]}"

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        names = list(names or self.units)
        text = pa.schema([(name, pa.string()) for name in names])
        if typed and not self._types:
            self._types = _types_of(self._batches(None), list(self.units))
        for block in rebatched(self._batches(names), size, text):
            if typed:
                columns = [_typed(block[name], self._types[name]) for name in names]
                block = pa.table(columns, names)
            yield block


def _header(stream: pa.NativeFile, label: str) -> tuple[list[str], int, str]:
    """Return the names of the columns, the number of lines up to and with them, and what separates them."""
    lines = stream.read(BLOCK).split(b"\n")
    skipped = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(b"#")), None)
    if skipped is None:
        raise DataError(f"{label}: empty, not even a header.")
    try:
        header = lines[skipped].decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        raise DataError(f"{label}: its header is not UTF-8 text; convert it: iconv -f LATIN1 -t UTF-8 FILE.")
    if "\0" in header:
        raise DataError(f"{label}: not a text file.")
    delimiter = max(",\t;|", key=header.count)
    names = _split(header, delimiter)
    if all(map(is_number, names)):
        # a header may be a comment itself
        comment = lines[skipped - 1].decode("utf-8", "replace").strip("# \r") if skipped else ""
        if comment and len(above := _split(comment, delimiter)) == len(names):
            return above, skipped, delimiter
        raise DataError(f"{label}: no header: its first line holds numbers, not names of columns.")
    if "" in names:
        raise DataError(f"{label}: column {names.index('') + 1} has no name in the header.")
    return names, skipped + 1, delimiter


def _split(header: str, delimiter: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]


#: Types that a column of text may turn out to have, each with a pattern of what its values must look like:
#: leading zeros and more digits than a number holds are names of things, and stay text.
CANDIDATES = {
    pa.int64(): r"^[+-]?(0|[1-9][0-9]*)$",
    pa.float64(): r"^[+-]?([1-9][0-9]{0,14}|0)?([.][0-9]*)?([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$",
    pa.bool_(): r"^(?i:true|false)$",
}


def _types_of(batches: Iterator[pa.RecordBatch], names: Sequence[str]) -> dict[str, pa.DataType]:
    """Return the narrowest type that holds all values of each column."""
    possible = {name: dict(CANDIDATES) for name in names}
    seen = dict.fromkeys(names, False)
    for batch in batches:
        for name, candidates in possible.items():
            if not candidates:
                continue
            values = present(batch[name]).drop_null()
            seen[name] |= len(values) > 0
            for kind, pattern in list(candidates.items()):
                if not _fits(values, kind, pattern):
                    del candidates[kind]
    return {
        name: next(iter(candidates), pa.string()) if seen[name] else pa.float64()
        for name, candidates in possible.items()
    }


def _fits(values: pa.Array, kind: pa.DataType, pattern: str) -> bool:
    from pyarrow import compute

    if not compute.all(compute.match_substring_regex(values, pattern), min_count=0).as_py():
        return False
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        # an integer too big
        return False
    return True


def _typed(text: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    from pyarrow import compute

    if kind != pa.string():
        return present(text).cast(kind)
    return compute.if_else(compute.equal(text, ""), pa.scalar(None, kind), text)


NOT_IN_CSV = (
    *(pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    *(pa.types.is_duration, pa.types.is_interval),
)


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

    def write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
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
