"""What all star lists have in common: their columns, and their rows in blocks of bounded size."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stelnet.errors import DataError, StelnetError
from stelnet.starlists.formats import BadValues
from stelnet.starlists.packing import Unpacked
from stelnet.votable import COLUMNS

if TYPE_CHECKING:
    from astropy.table import Table


#: What stands for "no value" in text, whatever the case, as any run of dashes or of dots does: marks, and
#: words, which stay text in a column without numbers.
MARKS = (
    *("", "null", "none", "nil", "nul", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nat", "(null)", "\\n"),
    *("masked", "indef", "?", "~"),
)
WORDS = ("missing", "blank", "empty", "undef", "undefined", "unknown", "nodata", "no data", "not available")
NO_VALUE = MARKS + WORDS
RUNS = r"^(-+|[\x{2010}-\x{2015}\x{2212}]+|\.+|\x{2026}+)$"
#: Exponents as Fortran writes them.
_FORTRAN = re.compile(r"^([-+]?(?:\d++\.?\d*+|\.\d++))[dD]([-+]?\d+)$")
#: Most characters of a column's name.
LONGEST_NAME = 1000
#: Rows that are looked at to confirm how columns are read.
HEAD = 10_000


@contextmanager
def readable(label: str, kind: str) -> Iterator[None]:
    """Turn whatever third-party readers raise on a broken file, and that is anything, into a DataError."""
    try:
        yield
    except StelnetError:
        raise
    except MemoryError:
        raise DataError(f"{label}: too big for the memory; convert it to Parquet, which is read in pieces.")
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{label}: not readable as {kind.upper()}: {reason}")


@dataclass
class Bad:
    """Cells of a column that are no numbers: how many, the first, its row, and how many rows were seen."""

    count: int
    first: str
    row: int
    seen: int


class StarList:
    """A star list that is open for reading.

    Attributes
    ----------
    label
        How messages call it.
    kind
        Its format.
    rows
        Number of its stars, None if it must be read to be counted.
    units
        Unit of each column as text, empty where it has none; the keys are the columns in order.
    ucds
        What a VOTable says of its columns: UCD of those that have one.
    metadata
        What an earlier prediction wrote of itself, or None.
    note
        What the user should know about the reading, or nothing.
    unnamed
        Those of its columns that have no name in the file.
    bad_values
        What becomes of text among numbers: an error, or a missing value that is counted in `bad`.
    bad
        Column -> what was taken as missing.
    """

    kind: str
    rows: int | None = None
    metadata: dict[str, Any] | None = None
    note: str = ""
    unnamed: frozenset[str] = frozenset()
    bad_values: BadValues = BadValues.ERROR

    def __init__(self, label: str, units: dict[str, str]) -> None:
        self.label = label
        self.units = units
        self.ucds: dict[str, str] = {}
        self.bad: dict[str, Bad] = {}
        self._aside: Unpacked | None = None

    def keep(self, aside: Unpacked) -> None:
        """Hold on to a file put aside to read the list, until it is closed or goes away."""
        self._aside = aside

    def close(self) -> None:
        """Remove what was put aside to read the list."""
        if self._aside:
            self._aside.remove()

    def remarks(self) -> list[str]:
        """Return what the user should know of the rows, once they are read."""
        return [
            f"taken as missing: {bad.count} value{'s' * (bad.count > 1)} of column {name!r} that "
            f"{'are' if bad.count > 1 else 'is'} no number, first {bad.first!r} in row {bad.row}"
            for name, bad in self.bad.items()
        ]

    def blocks(self, size: int, names: Sequence[str] | None = None, typed: bool = True) -> Iterator[pa.Table]:
        """Yield all rows, `size` at a time, at least one block even if it is empty.

        Parameters
        ----------
        names
            The columns wanted, all by default.
        typed
            False for text again: text stays as it is.
        """
        blocks = self._blocks(size, names, typed)
        while True:
            with readable(self.label, self.kind):
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        raise NotImplementedError

    def head(self, names: Sequence[str]) -> pa.Table:
        """Return some columns of the first rows."""
        return next(self.blocks(HEAD, list(dict.fromkeys(names)), typed=False))

    def count(self) -> int:
        """Return the number of stars, if need be by reading them all."""
        if self.rows is None:
            one = list(self.units)[:1]
            self.rows = sum(block.num_rows for block in self.blocks(1 << 17, one, typed=False))
        return self.rows

    def numbers(self, block: pa.Table, name: str, first_row: int) -> NDArray[np.float64]:
        """Return a column of a block as numbers, NaN where it has no value.

        Parameters
        ----------
        first_row
            Number of stars before the block, for the message.

        Raises
        ------
        DataError
            The column holds something else, and `bad_values` is not ``missing``; the row is named.
        """
        with readable(self.label, self.kind):
            return self._numbers(block, name, first_row)

    def _numbers(self, block: pa.Table, name: str, first_row: int) -> NDArray[np.float64]:
        from pyarrow import compute

        column = block[name]
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        column = column.cast(kind)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            text = present(column.cast(pa.string()))
            try:
                column = text.cast(pa.float64())
            except pa.ArrowInvalid:
                # Python reads more ways of writing numbers than Arrow
                column = pa.array(self._parsed(text.to_pylist(), name, first_row), pa.float64())
        elif not is_numeric(kind):
            raise DataError(f"{self.label}: column {name!r} holds {kind}, not numbers.")
        numbers: NDArray[np.float64] = compute.fill_null(
            column.cast(pa.float64(), safe=False), np.nan
        ).to_numpy()
        return numbers

    def _parsed(self, text: list[str | None], name: str, first_row: int) -> list[float | None]:
        text = [None if value is None else _FORTRAN.sub(r"\1E\2", value) for value in text]
        rows = [row for row, value in enumerate(text) if value is not None and not is_number(value)]
        if rows:
            first = str(text[rows[0]])
            if self.bad_values == BadValues.ERROR:
                raise DataError(self._not_a_number(name, first_row + rows[0] + 1, first))
            bad = self.bad.setdefault(name, Bad(0, first, first_row + rows[0] + 1, 0))
            # the first rows are looked at more than once
            bad.count += sum(first_row + row >= bad.seen for row in rows)
            bad.seen = max(bad.seen, first_row + len(text))
        return [None if value is None or not is_number(value) else float(value) for value in text]

    def _not_a_number(self, name: str, row: int, value: str) -> str:
        """Return what to say of a column that holds text among numbers."""
        others = -1
        for block in self.blocks(1 << 17, [name], typed=False):
            cells = present(block[name].cast(pa.string())).drop_null().to_pylist()
            others += sum(not is_number(_FORTRAN.sub(r"\1E\2", cell)) for cell in cells)
        more = f", nor {'are' if others > 1 else 'is'} {others} more of the column" if others > 0 else ""
        return (
            f"{self.label}: row {row}, column {name!r}: {value!r} is not a number{more}; correct the list, "
            "or have such values taken as missing: --bad-values missing."
        )

    def table(self) -> "Table":
        """Return the whole list as an astropy table."""
        from stelnet.starlists.conversion import to_astropy

        return to_astropy(pa.concat_tables(self.blocks(1 << 20)), self.label)

    def header(self) -> dict[str, Any]:
        """Return what an astropy table would write about columns and itself at the head of a Parquet file."""
        return {"datatype": [{"name": name, "unit": unit} for name, unit in self.units.items() if unit]}


def require_distinct(names: Sequence[str], label: str) -> None:
    """Raise DataError if two columns have the same name, or there are absurdly many."""
    require_few(names, label)
    if long := next((name for name in names if len(name) > LONGEST_NAME), None):
        raise DataError(f"{label}: a column has a name of {len(long)} characters: {long[:60]!r} ...")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(
            f"{label}: several columns are called {', '.join(map(repr, twice))}; rename all but one."
        )


def require_few(names: Sequence[str], label: str) -> None:
    """Raise DataError if there are absurdly many columns: what is done for each would take for ever."""
    if len(names) > COLUMNS:
        raise DataError(
            f"{label}: has {len(names)} columns, more than {COLUMNS}; leave out those that are not needed."
        )


def rebatched(batches: Iterator[pa.RecordBatch], size: int, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of exactly `size` rows, but for the last one."""
    held: list[pa.RecordBatch] = []
    rows, yielded = 0, False
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows >= size:
            table = pa.Table.from_batches(held, schema)
            whole = rows // size * size
            for start in range(0, whole, size):
                yield table.slice(start, size)
            held, rows, yielded = table.slice(whole).to_batches(), rows - whole, True
    if rows or not yielded:
        yield pa.Table.from_batches(held, schema)


def is_number(text: str) -> bool:
    """Return whether a text is a number, NaN and infinity included."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_numeric(kind: pa.DataType) -> bool:
    """Return whether a type of Arrow holds numbers, or nothing at all."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_kind(kind) for is_kind in kinds)


def present(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text without spaces around it, and null for what stands for no value."""
    from pyarrow import compute

    text = compute.utf8_trim_whitespace(text)
    gone = compute.is_in(compute.utf8_lower(text), pa.array(NO_VALUE, text.type))
    gone = compute.or_(gone, compute.match_substring_regex(text, RUNS))
    return compute.if_else(gone, pa.scalar(None, text.type), text)


#: Name -> unit and description of columns.
About = Mapping[str, tuple[str, str]]
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

    #: The format.
    kind: str
    #: Whether blocks need all columns of the list, whether text may stay text, and whether NaN is left out.
    streams, text, leaves_out = True, False, False

    def __init__(self, target: Path | IO[bytes], stars: StarList, about: About) -> None:
        self.target, self.stars, self.about = target, stars, about

    def write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        """Add rows; `new` holds the arrays of the new columns.

        Raises
        ------
        DataError
            The format, or who writes it, cannot hold something of the list.
        """
        with self._writable():
            self._write(block, new)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Write what remains, the metadata among it; raise DataError as :meth:`write` does."""
        with self._writable():
            self._finish(metadata)

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """Turn whatever third-party writers raise on what they cannot write into a DataError."""
        try:
            yield
        except (StelnetError, OSError):
            raise
        except Exception as error:
            reason = str(error).strip() or type(error).__name__
            raise DataError(f"{self.kind.upper()} cannot hold this list: {reason}; choose another --format.")

    def _write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        raise NotImplementedError

    def _finish(self, metadata: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file, finished or not."""

    def extended(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> pa.Table:
        """Return a block with the new columns."""
        return with_columns(block, new, self.about, self.leaves_out)


def with_columns(
    table: pa.Table, new: Mapping[str, np.ndarray], about: About, leaves_out: bool = False
) -> pa.Table:
    """Return a table with columns added; NaN becomes null where `leaves_out`."""
    for name, values in new.items():
        unit, description = about[name]
        kind = pa.string() if values.dtype == object else None
        array = pa.array(values.ravel(), kind, from_pandas=leaves_out)
        if values.ndim > 1:
            array = pa.FixedSizeListArray.from_arrays(array, values.shape[1])
        told = {"unit": unit, "description": description} if unit else {"description": description}
        table = table.append_column(pa.field(name, array.type, metadata=told), array)
    return table
