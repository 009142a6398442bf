"""What all star lists have in common: their columns, and their rows in blocks of bounded size."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stelnet.errors import DataError, StelnetError

if TYPE_CHECKING:
    from astropy.table import Table

#: What stands for "no value" in text, whatever the case.
MISSING = ("", "-", "--", "...", "null", "none", "na", "n/a", "#n/a", "<na>", "masked")
NUMERIC = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
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


class StarList:
    """A star list that is open for reading.

    Attributes
    ----------
    label
        How messages call it.
    kind
        Its format.
    rows
        Number of its stars, None if only reading tells.
    units
        Unit of each column as text, empty where it has none; the keys are the columns in order.
    metadata
        What an earlier prediction wrote of itself, or None.
    note
        What the user should know about the reading, or nothing.
    """

    kind: str
    rows: int | None = None
    metadata: dict[str, Any] | None = None
    note: str = ""

    def __init__(self, label: str, units: dict[str, str]) -> None:
        self.label = label
        self.units = units

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
            The column holds something else; the row is named.
        """
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
        elif not any(is_kind(kind) for is_kind in NUMERIC):
            raise DataError(f"{self.label}: column {name!r} holds {kind}, not numbers.")
        return compute.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy()

    def _parsed(self, text: list[str | None], name: str, first_row: int) -> list[float | None]:
        for row, value in enumerate(text, first_row + 1):
            if value is not None and not is_number(value):
                raise DataError(f"{self.label}: row {row}, column {name!r}: {value!r} is not a number.")
        return [None if value is None else float(value) for value in text]

    def table(self) -> "Table":
        """Return the whole list as an astropy table."""
        from stelnet.starlists.conversion import to_astropy

        return to_astropy(pa.concat_tables(self.blocks(1 << 20)), self.label)

    def header(self) -> dict[str, Any]:
        """Return what an astropy table would write about columns and itself at the head of a Parquet file."""
        return {"datatype": [{"name": name, "unit": unit} for name, unit in self.units.items() if unit]}


def require_distinct(names: Sequence[str], label: str) -> None:
    """Raise DataError if two columns have the same name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{label}: several columns are called {', '.join(map(repr, twice))}; rename all but one."
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


def present(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text without spaces around it, and null for what stands for no value."""
    from pyarrow import compute

    text = compute.utf8_trim_whitespace(text)
    gone = compute.is_in(compute.utf8_lower(text), pa.array(MISSING, text.type))
    return compute.if_else(gone, pa.scalar(None, text.type), text)
