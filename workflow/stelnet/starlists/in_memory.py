"""Star lists that a program holds in memory: tables of astropy, pandas and Arrow, returned with the answers.

They stand beside the files of this package, so that columns are found, understood and refused alike. None of
the libraries is imported for a table of another one. pandas stays out of `inference`, which needs no table.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.starlists.base import METADATA, About, StarList, require_distinct, with_columns
from stelnet.starlists.parquet_list import ArrowList, header_for_astropy

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import Table

#: How messages call a list in memory, and one that is made of values.
LABEL, VALUES = "the table", "the values"


class AstropyTable(StarList):
    """A Table or QTable of astropy."""

    kind = "table"
    rows: int

    def __init__(self, table: "Table", label: str = LABEL) -> None:
        self._table, self.rows = table, len(table)
        written = table.meta.get(METADATA) or table.meta.get(METADATA.upper())
        self.metadata = json.loads(written) if isinstance(written, str) else written
        units = {name: str(column.info.unit or "") for name, column in table.columns.items()}
        super().__init__(label, units)
        told = {name: (column.info.meta or {}).get("ucd") for name, column in table.columns.items()}
        self.ucds = {name: str(ucd) for name, ucd in told.items() if ucd}

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        from astropy.table import Table

        from stelnet.starlists.conversion import to_arrow

        for start in range(0, max(self.rows, 1), size):
            rows = slice(start, start + size)
            # a plain table turns quantities into columns, masked ones among them
            columns = {name: self._table[name][rows] for name in names or self.units}
            yield to_arrow(Table(columns, copy=False), self.label)

    def with_answers(self, new: Mapping[str, np.ndarray], about: About, metadata: dict[str, Any]) -> "Table":
        """Return a copy of the table with columns added; those with units are quantities in a QTable."""
        from astropy.table import Column

        table = self._table.copy()
        for name, values in new.items():
            unit, description = about[name]
            values = values.astype(str) if values.dtype == object else values
            table.add_column(Column(values, name, unit=unit or None, description=description), copy=False)
        table.meta.pop(METADATA.upper(), None)
        table.meta[METADATA] = metadata
        return table


class PandasTable(StarList):
    """A DataFrame of pandas, which knows no units but those that brackets in names tell, or `units`."""

    kind = "table"
    rows: int

    def __init__(
        self, table: "pd.DataFrame", units: Mapping[str, str] | None = None, label: str = LABEL
    ) -> None:
        self._table, self.rows = table, len(table)
        self.metadata = table.attrs.get(METADATA)
        # a column that is called by a number or a tuple is none that can be found
        columns: list[object] = list(table.columns)
        names = [name for name in columns if isinstance(name, str)]
        require_distinct(names, label)
        units = units or (self.metadata or {}).get("units", {})
        super().__init__(label, {name: units.get(name, "") for name in names})

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        for start in range(0, max(self.rows, 1), size):
            part = self._table.iloc[start : start + size]
            yield pa.table({name: _array(part[name]) for name in names or self.units})

    def with_answers(
        self, new: Mapping[str, np.ndarray], about: About, metadata: dict[str, Any]
    ) -> "pd.DataFrame":
        """Return a copy of the table with columns added; its index stays, `attrs` hold units and metadata."""
        import pandas as pd

        columns = {name: list(values) if values.ndim > 1 else values for name, values in new.items()}
        table: pd.DataFrame = pd.concat([self._table, pd.DataFrame(columns, self._table.index)], axis=1)
        units = self.units | {name: unit for name, (unit, _) in about.items()}
        units = {name: unit for name, unit in units.items() if unit}
        table.attrs = {**self._table.attrs, METADATA: {**metadata, "units": units}}
        return table


def _array(column: "pd.Series[Any]") -> pa.Array:
    """Return a column of pandas as Arrow takes it; one of unlike objects as text."""
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        gone = column.isna()
        return pa.array([None if hidden else str(item) for item, hidden in zip(column, gone, strict=True)])


class ArrowTable(ArrowList):
    """A table of Arrow."""

    kind = "table"

    def __init__(self, table: pa.Table) -> None:
        self._table, self.rows = table, table.num_rows
        super().__init__(table.schema, LABEL)

    def _batches(self, size: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self._table.select(names).to_batches(size)

    def with_answers(self, new: Mapping[str, np.ndarray], about: About, metadata: dict[str, Any]) -> pa.Table:
        """Return the table with columns added; units and descriptions are metadata of their fields."""
        table = with_columns(self._table, new, about)
        units = self.units | {name: unit for name, (unit, _) in about.items()}
        units = {name: unit for name, unit in units.items() if unit}
        told = dict(table.schema.metadata or {})
        told[METADATA.encode()] = json.dumps({**metadata, "units": units}, sort_keys=True)
        if b"table_meta_yaml" in told:
            # astropy wrote the file that the table is from, and would miss the new columns there
            told[b"table_meta_yaml"] = header_for_astropy(self, about, metadata)
            text = {name: values for name, values in new.items() if values.dtype == object}
            told |= {
                f"table::len::{name}".encode(): str(max(map(len, text[name]), default=1)) for name in text
            }
        return table.replace_schema_metadata(told)


#: A star list in memory.
InMemory = AstropyTable | PandasTable | ArrowTable


def in_memory(table: object) -> InMemory:
    """Return a table of any of the libraries as a star list.

    Raises
    ------
    DataError
        It is none, or two of its columns have the same name.
    """
    astropy, pandas = sys.modules.get("astropy.table"), sys.modules.get("pandas")
    if astropy and isinstance(table, astropy.Table):
        return AstropyTable(table)
    if pandas and isinstance(table, pandas.DataFrame):
        return PandasTable(table)
    if isinstance(table, pa.Table):
        return ArrowTable(table)
    raise DataError(
        f"a {type(table).__name__} is no table: stelnet.predict takes a Table or QTable of astropy, a "
        "DataFrame of pandas, a Table of pyarrow, or values such as teff=5772*u.K, lum=1*u.Lsun. Read a file "
        "with Table.read(FILE), or give it to the command: stelnet predict FILE."
    )


def from_values(
    values: Mapping[str, Floats], units: Mapping[str, str], index: "pd.Index[Any] | None"
) -> AstropyTable | PandasTable:
    """Return a list of columns of shape (n,) with their units: a QTable, or with an index a DataFrame.

    Raises
    ------
    DataError
        The index is not of that length.
    """
    if index is not None:
        import pandas as pd

        lengths = {len(index), *map(len, values.values())}
        if len(lengths) > 1:
            raise DataError(f"pandas series of {len(index)} stars stand beside {max(lengths)} values.")
        return PandasTable(pd.DataFrame(dict(values), index), units, VALUES)
    from astropy import units as u
    from astropy.table import Column, QTable

    columns = [
        Column(column, name, unit=u.Unit(units[name], parse_strict="silent") if units[name] else None)
        for name, column in values.items()
    ]
    return AstropyTable(QTable(columns), VALUES)
