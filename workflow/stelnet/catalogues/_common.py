"""What the adapters share: raw tables checked when read, rows left out with a reason, errors in dex."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandas.api.types import is_numeric_dtype

from stelnet.data.vizier import read_vizier
from stelnet.errors import DataError
from stelnet.spelling import match_columns

#: Lowest and highest mass of the MIST tracks [Msun]: the networks know no other.
MASS_GRID = (0.1, 300.0)

#: Cells that the catalogues write where they have no value.
EMPTY_CELLS = ["", "-", "--", "nan", "NaN", "null", "N/A", "NA"]


def number(low: float, high: float, unit: str = "", *, empty: bool = False) -> pa.Column:
    """Describe a raw column of numbers from `low` to `high`; `empty`: some cells may be empty."""
    expected = f"a number from {low:g} to {high:g} {unit}".rstrip()
    return pa.Column(float, pa.Check.in_range(low, high), nullable=empty, coerce=True, description=expected)


def mass(*, empty: bool = False) -> pa.Column:
    """Describe a raw column of masses in solar masses, none of them off the MIST tracks' range."""
    return number(*MASS_GRID, "Msun, the range of the MIST tracks", empty=empty)


def text(*allowed: str, empty: bool = False) -> pa.Column:
    """Describe a raw column of text, any or one of the `allowed` words."""
    checks = [pa.Check.isin(allowed)] if allowed else []
    expected = " or ".join(allowed) or "text"
    return pa.Column(str, checks, nullable=empty, coerce=True, description=expected)


def identifier(*, unique: bool = True) -> pa.Column:
    """Describe a raw column of catalogue numbers, by default each listed once."""
    expected = "a positive whole number" + " that no other row has" * unique
    return pa.Column("Int64", pa.Check.gt(0), unique=unique, coerce=True, description=expected)


@dataclass(frozen=True)
class RawFile:
    """A raw table; `vizier` is its ``vizier`` entry in resources/datasets.yaml, None for a CSV file."""

    path: Path
    vizier: Mapping[str, Any] | None = None

    def read(self, columns: Mapping[str, pa.Column]) -> pd.DataFrame:
        """Read the named columns, in any spelling (``[Fe/H]``, ``Fe_H``), and check them.

        Parameters
        ----------
        columns
            Name -> description made by :func:`number`, :func:`mass`, :func:`text` or :func:`identifier`.

        Returns
        -------
        The columns, named as in `columns`, empty cells as NaN; the index is the data row, from 1.

        Raises
        ------
        DataError
            The file is not a table, lacks a column, or a cell is not what its column's description says:
            names the file, the row, the column and what is expected.
        """
        table = read_vizier(self.path, self.vizier) if self.vizier else self._read_csv()
        found = match_columns(table.columns, {name: [name] for name in columns})
        for name in columns:
            if name not in found:
                raise DataError(
                    f"{self.path}: needs one column {name!r} ({columns[name].description}); "
                    f"it has {', '.join(table.columns)}."
                )
        table = table[[found[name] for name in columns]].set_axis(list(columns), axis=1)
        if table.empty:
            raise DataError(
                f"{self.path}: holds no row; delete it and run the workflow again to fetch it anew."
            )
        table.index = pd.RangeIndex(1, len(table) + 1, name="row")
        for name in columns:
            if not is_numeric_dtype(table[name]):
                cells = table[name].astype(str).str.strip()
                table[name] = cells.mask(cells.isin(EMPTY_CELLS) | table[name].isna())
        return checked(table, columns, str(self.path))

    def _read_csv(self) -> pd.DataFrame:
        try:
            return pd.read_csv(self.path, dtype=str, keep_default_na=False)
        except (OSError, ValueError) as error:
            advice = "delete it and run the workflow again to fetch it anew"
            raise DataError(f"{self.path}: not readable as CSV ({error}); {advice}.")


def checked(table: pd.DataFrame, columns: Mapping[str, pa.Column], source: str) -> pd.DataFrame:
    """Return the table in the described types; DataError names the first cell that is wrong."""
    try:
        return pa.DataFrameSchema(dict(columns)).validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.dropna(subset="index").drop_duplicates(["index", "column"])
        case = cases.iloc[0]
        value = "is empty" if pd.isna(case["failure_case"]) else f"holds '{case['failure_case']}'"
        more = f" ({len(cases) - 1} more such cells)" if len(cases) > 1 else ""
        raise DataError(
            f"{source}: row {case['index']}, column {case['column']!r} {value}; "
            f"expected {columns[case['column']].description}{more}."
        )


class Rows:
    """The rows of a raw table that are still used, and those left out, each with its reason.

    Attributes
    ----------
    table
        Rows still used; the index is the data row of the raw file, from 1. The columns of the standard
        star table are added to it by the adapter; `star_id` is there from the beginning.
    """

    def __init__(self, table: pd.DataFrame, star_id: pd.Series) -> None:
        self.table = table.assign(star_id=star_id)
        self._dropped: list[pd.DataFrame] = []

    @property
    def dropped(self) -> pd.DataFrame:
        """Rows left out: columns row, star_id, reason, in the order of the raw file."""
        none = pd.DataFrame({"row": pd.Series(dtype=int), "star_id": "", "reason": ""})
        return pd.concat([none, *self._dropped]).sort_values("row", ignore_index=True)

    def drop(self, out: pd.Series, reason: str | pd.Series) -> None:
        """Leave out the rows where `out` holds, for one reason or for each row's own."""
        if out.any():
            rows = self.table.loc[out, ["star_id"]].assign(reason=reason)
            self._dropped.append(rows.rename_axis("row").reset_index())
            self.table = self.table[~out].copy()

    def drop_incomplete(self, needed: Mapping[str, str]) -> None:
        """Leave out the rows that lack a needed cell; `needed` maps columns to what the reason calls them."""
        empty = self.table[list(needed)].isna()
        lacks = [
            "no " + ", ".join(word for word, lacking in zip(needed.values(), row, strict=True) if lacking)
            for row in empty.to_numpy()
        ]
        self.drop(empty.any(axis=1), pd.Series(lacks, empty.index))

    def drop_off_grid(self, mass: str) -> None:
        """Leave out the stars whose mass (a column in Msun) no MIST track has."""
        low, high = MASS_GRID
        value = self.table[mass]
        reason = value.map(
            f"mass {{:g}} Msun is off the MIST tracks' range of {low:g} to {high:g} Msun".format
        )
        self.drop((value < low) | (value > high), reason)


def dex(value: pd.Series, error: pd.Series) -> pd.Series:
    """Return the error of log10(value), to first order: error / (value ln 10)."""
    relative: pd.Series = error / (value * np.log(10.0))
    return relative


def limits_in_dex(value: pd.Series, low: pd.Series, high: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return how far log10 of the limits lies below and above log10(value), (lower, upper) [dex].

    Both are NaN, unknown, where the limits do not enclose the value or the lower one is not positive.
    """
    known = (low > 0) & (low < value) & (value < high)
    value, low, high = (series.where(known) for series in (value, low, high))
    return cast("pd.Series", np.log10(value / low)), cast("pd.Series", np.log10(high / value))
