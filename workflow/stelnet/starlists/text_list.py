"""Star lists in text that are held whole: MRT, CDS, IPAC, SExtractor, and tables aligned by blanks."""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stelnet.errors import DataError
from stelnet.starlists.base import is_number, require_distinct, require_few
from stelnet.starlists.decoding import LATIN1, Text, one_line_end
from stelnet.starlists.headers import SAMPLE, WHITE, Header, Line, below, is_rule, named, unit_of
from stelnet.starlists.packing import unpacked_stream
from stelnet.starlists.texts import TextualList

_BYTE_BY_BYTE = re.compile(rb"(?im)^byte-by-byte description of")
_IPAC = re.compile(rb"(?:\\[^\r\n]*[\r\n]+)*(?:\|[^\r\n]*\|[ \t]*(?:\r\n|\r|\n)){1,4}(?!\|)(?=[^\r\n])")
_SEXTRACTOR = re.compile(rb"#[ \t]*1[ \t]+[A-Za-z_][^\r\n]*+[\r\n]++#[ \t]*\d+[ \t]+[A-Za-z_]")
#: Layout -> reader of astropy; that of CDS reads the machine-readable tables of AAS too.
READERS = {"cds": "Cds", "ipac": "Ipac", "sextractor": "SExtractor"}
#: Most lines that are held.
LINES = 4_000_000
#: Rows that become one piece of a table.
ROWS = 1 << 16


def layout_of(head: bytes) -> str | None:
    """Return the layout that a text declares in its first bytes, one of :data:`READERS`, or None."""
    if _BYTE_BY_BYTE.search(head):
        return "cds"
    if _SEXTRACTOR.match(head):
        return "sextractor"
    match = _IPAC.match(head)
    # rules are no names
    return "ipac" if match and not is_rule(match[0].decode("utf-8", "replace").split("\n")[0]) else None


@dataclass(frozen=True)
class Cells:
    """A column as text, null where it has no value."""

    name: str
    values: list[str | None]
    unit: str = ""
    description: str = ""


class TextList(TextualList):
    """A text file whose columns have fixed places.

    Parameters
    ----------
    path, label
        As for every star list.
    layout
        One of :data:`READERS`, or ``aligned``.
    """

    kind = "text"
    rows: int

    def __init__(self, path: Path, label: str, layout: str) -> None:
        with unpacked_stream(path) as stream:
            text = Text(stream, label)
            lines = _lines(text, label)
        self._latin1 = text.latin1
        if layout == "aligned":
            columns, self.unnamed = _aligned(lines, label)
        else:
            columns = _described(lines, layout, label)
        require_distinct([column.name for column in columns], label)
        units = {column.name: column.unit for column in columns}
        super().__init__(label, units, {column.name: column.description for column in columns})
        self._table = pa.table([pa.array(column.values, pa.string()) for column in columns], list(units))
        self.rows = self._table.num_rows

    def remarks(self) -> list[str]:
        return [*([LATIN1] if self._latin1 else []), *super().remarks()]

    def _batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        yield from self._table.select(list(names or self.units)).to_batches(ROWS)


def _lines(text: Text, label: str) -> list[str]:
    """Return the lines of a text that are not blank."""
    lines: list[str] = []
    for block in text.blocks():
        lines += [line.rstrip() for line in one_line_end(block).decode().split("\n") if line.strip()]
        if len(lines) > LINES:
            raise DataError(
                f"{label}: more than {LINES} rows in columns of fixed places, which must be held whole; "
                "convert it to CSV or Parquet, which are read in pieces."
            )
    return lines


def _described(lines: list[str], layout: str, label: str) -> list[Cells]:
    """Return the columns of a table that says where each of them stands, as astropy reads it."""
    from astropy.io import ascii

    class Texts(ascii.TableOutputter):  # type: ignore[misc]
        """Values as the text that they are."""

        def _convert_vals(self, cols: list[Any]) -> None:
            for column in cols:
                column.data = np.array(column.str_vals, dtype=object)

    reader = ascii.get_reader(getattr(ascii, READERS[layout]), outputter_cls=Texts)
    with warnings.catch_warnings():
        # such as: a unit is not one of CDS
        warnings.simplefilter("ignore")
        table = reader.read(lines)
    if layout == "cds" and not len(table):
        raise DataError(
            f"{label}: describes a table but holds no star; its rows may be in a file of their own."
        )
    columns = []
    for made in reader.cols:
        column = table[made.name]
        null = getattr(made, "null", None) or ""
        gone = np.ma.getmaskarray(column) | _equal(np.asarray(column), null)
        values = [None if no else str(value) for value, no in zip(np.asarray(column), gone, strict=True)]
        unit = unit_of(str(getattr(made, "unit", None) or ""))
        columns.append(Cells(made.name, values, unit, getattr(made, "description", None) or ""))
    return columns


def _equal(values: np.ndarray, null: str) -> np.ndarray:
    """Return which values are a number that stands for none, however it is written."""
    if not is_number(null):
        return np.zeros(len(values), bool)
    return np.array([is_number(value) and float(value) == float(null) for value in values], bool)


def _aligned(lines: list[str], label: str) -> tuple[list[Cells], frozenset[str]]:
    """Return the columns of a table that are set apart by blanks, and those without a name.

    Raises
    ------
    DataError
        Names and values do not stand below each other.
    """
    texts = [line.expandtabs() for line in lines if not line.startswith("#")]
    comments = [line.expandtabs() for line in lines if line.startswith("#")]
    rule = next((line for line in texts if is_rule(line) and len(line.split()) > 1), None)
    texts = [line for line in texts if not is_rule(line)]
    if comments and any(map(is_number, texts[0].split())):
        texts.insert(0, comments[-1].replace("#", " ", 1))
    require_few(texts[0].split(), label)
    places = _runs([rule]) if rule else _places(texts)
    if places is None:
        raise DataError(f"{label}: names and values of its columns do not stand below each other.")
    cells = []
    for row, line in enumerate(texts):
        ends = [start for start, _ in places[1:]] + [max(len(line), places[-1][0])]
        cells.append([line[start:end].strip() for (start, _), end in zip(places, ends, strict=True)])
        if any(line[end:start].strip() for (_, end), (start, _) in pairwise(places)):
            raise DataError(f"{label}: row {row}: {line!r} does not stand below the names of the columns.")
    rows = [Line(line, i + 1) for i, line in enumerate(texts[1:SAMPLE])]
    header = named(below(Header(cells[0], WHITE, 0), rows, cells[1:SAMPLE]))
    stars = cells[1 + header.size :]
    columns = [
        Cells(name, [row[i] for row in stars], header.units.get(name, ""))
        for i, name in enumerate(header.names)
    ]
    return columns, header.unnamed


def _runs(lines: list[str]) -> list[tuple[int, int]]:
    """Return where columns of text begin and end that are blank in none of the lines."""
    width = max(map(len, lines))
    filled = np.zeros(width + 2, bool)
    for line in lines:
        filled[1 : len(line) + 1] |= np.array([letter != " " for letter in line], bool)
    steps = np.diff(filled.astype(int))
    starts, ends = np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist()
    return list(zip(starts, ends, strict=True))


def _places(texts: list[str]) -> list[tuple[int, int]] | None:
    """Return where each column begins and ends, None if names and values do not stand below each other.

    What has no name above it belongs to the column before it, as the words of a star's name do; at the
    beginning of a line, it is a column without a name.
    """
    names = [match.start() for match in re.finditer(r"\S+", texts[0])]
    places: list[tuple[int, int]] = []
    for start, end in _runs(texts):
        above = sum(start <= name < end for name in names)
        if above > 1:
            return None
        if above or not places:
            places.append((start, end))
        else:
            places[-1] = (places[-1][0], end)
    return places
