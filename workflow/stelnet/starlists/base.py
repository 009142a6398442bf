"""What all star lists have in common: their columns, and their rows in blocks of bounded size."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stelnet.errors import DataError, StelnetError

if TYPE_CHECKING:
    from astropy.table import Table


#: What stands for "no value" in text, whatever the case.
NO_VALUE = ("", "-", "--", "...", "null", "none", "na", "n/a", "#n/a", "<na>", "masked")
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
        Number of its stars, None if it must be read to be counted.
    units
        Unit of each column as text, empty where it has none; the keys are the columns in order.
    ucds
        What a VOTable says of its columns: UCD of those that have one.
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
        self.ucds: dict[str, str] = {}

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
        elif not is_numeric(kind):
            raise DataError(f"{self.label}: column {name!r} holds {kind}, not numbers.")
        numbers: NDArray[np.float64] = compute.fill_null(
            column.cast(pa.float64(), safe=False), np.nan
        ).to_numpy()
        return numbers

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


def is_numeric(kind: pa.DataType) -> bool:
    """Return whether a type of Arrow holds numbers, or nothing at all."""
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return any(is_kind(kind) for is_kind in kinds)


def present(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text without spaces around it, and null for what stands for no value."""
    from pyarrow import compute

    text = compute.utf8_trim_whitespace(text)
    gone = compute.is_in(compute.utf8_lower(text), pa.array(NO_VALUE, text.type))
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

    #: Whether blocks need all columns of the list, whether text may stay text, and whether NaN is left out.
    streams, text, leaves_out = True, False, False

    def __init__(self, target: Path | IO[bytes], stars: StarList, about: About) -> None:
        self.target, self.stars, self.about = target, stars, about

    def write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        """Add rows; `new` holds the arrays of the new columns."""
        raise NotImplementedError

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Write what remains, the metadata among it."""
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
