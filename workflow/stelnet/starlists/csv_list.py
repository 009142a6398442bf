"""Star lists in CSV and its kin, which are streamed."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from stelnet.errors import DataError
from stelnet.starlists.base import About, StarList, Writer, require_distinct
from stelnet.starlists.decoding import LATIN1, Text, whole_rows, without_padding, without_white_space
from stelnet.starlists.headers import WHITE, Header
from stelnet.starlists.packing import unpacked_stream
from stelnet.starlists.texts import TextualList

#: What may close a table that a database has printed.
_CLOSING = re.compile(r"\s*\(?\d+ rows?\b.*")
#: Where VizieR begins a further table, behind the stars.
_FURTHER = re.compile(rb"(?m)^#(RESOURCE|Table)\b")


class CsvList(TextualList):
    """A text file whose columns are set apart by commas, tabs, semicolons, bars or white space.

    Parameters
    ----------
    path, label
        As for every star list.
    header
        What stands above its stars.
    """

    def __init__(self, path: Path, label: str, header: Header) -> None:
        self._path, self._header = path, header
        self.kind = "text" if header.separator == WHITE else "csv"
        self.unnamed = header.unnamed
        self._latin1 = self._more = False
        require_distinct(header.names, label)
        units = {name: header.units.get(name, "") for name in header.names}
        super().__init__(label, units, header.descriptions)
        self.ucds = header.ucds

    def remarks(self) -> list[str]:
        more = ["the first of its tables is read"] if self._more else []
        return [*more, *([LATIN1] if self._latin1 else []), *super().remarks()]

    def _batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        row = 0
        with unpacked_stream(self._path) as stream:
            stars = self._stars(Text(stream, self.label))
            for lines in whole_rows(stars, self._header.separator):
                table = self._parsed_lines(lines, names or list(self.units), row)
                row += table.num_rows
                yield from table.to_batches()

    def _parsed_lines(self, lines: bytes, names: Sequence[str], row: int) -> pa.Table:
        white = self._header.separator == WHITE
        bad: list[arrow_csv.InvalidRow] = []

        def remember(one: arrow_csv.InvalidRow) -> str:
            if one.text.startswith("#") or _CLOSING.fullmatch(one.text):
                return "skip"
            bad.append(one)
            return "error"

        try:
            return arrow_csv.read_csv(
                pa.py_buffer(lines),
                arrow_csv.ReadOptions(
                    use_threads=False, block_size=len(lines) + 1, column_names=list(self.units)
                ),
                arrow_csv.ParseOptions(
                    delimiter="\t" if white else self._header.separator,
                    newlines_in_values=not white,
                    invalid_row_handler=remember,
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self.units, pa.string()), include_columns=names
                ),
            )
        except pa.ArrowInvalid as error:
            reason = f"not readable as {self.kind.upper()}: {str(error).splitlines()[0]}"
            if bad:
                reason = f"row {row + bad[0].number} has {bad[0].actual_columns} values "
                reason += f"and the header {bad[0].expected_columns} names: {bad[0].text!r}."
            raise DataError(f"{self.label}: {reason}")

    def _stars(self, text: Text) -> Iterator[bytes]:
        """Yield the lines of the stars as Arrow reads them, and remember what is to be said of them."""
        skipped = self._header.size
        for block in text.blocks():
            self._latin1 |= text.latin1
            block, skipped = block[skipped:], max(0, skipped - len(block))
            if self._header.descriptions and (further := _FURTHER.search(block)):
                self._more = True
                yield self._plain(block[: further.start()])
                return
            yield self._plain(block)

    def _plain(self, block: bytes) -> bytes:
        """Return lines without what is there for the eye alone."""
        if self._header.separator == WHITE:
            return without_white_space(block)
        return without_padding(block, self._header.separator) if self._header.padded else block


NOT_IN_CSV = (
    *(pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
    *(pa.types.is_duration, pa.types.is_interval),
)


class CsvWriter(Writer):
    """CSV, in which text of the list stays as it was; it holds no units and no metadata."""

    kind = "csv"
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
        names = ["" if name in stars.unnamed else name for name in stars.units]
        csv.writer(header, lineterminator="\n").writerow([*names, *about])
        self._stream.write(header.getvalue().encode())

    def _write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
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

    def _finish(self, metadata: Mapping[str, Any]) -> None:
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
