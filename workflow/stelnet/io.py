"""Reading and writing files: atomic, deterministic, with units and origin in the file's own metadata."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stelnet.errors import DataError
from stelnet.files import atomic_path
from stelnet.terms import UNITS


def write_table(table: pd.DataFrame, path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a Parquet file whose metadata holds the units of its columns and `metadata` (all strings)."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    units = {name: UNITS[name] for name in table.columns if UNITS.get(name)}
    own = json.dumps({**metadata, "units": units}, sort_keys=True)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), b"stelnet": own.encode()})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table of :func:`write_table`; its metadata is in ``table.attrs``.

    Raises
    ------
    DataError
        The file is absent, not Parquet, or not written by this workflow.
    """
    try:
        arrow = pq.read_table(path)
        metadata = json.loads(arrow.schema.metadata[b"stelnet"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a table of this workflow ({error}); delete it and run the workflow again."
        )
    table: pd.DataFrame = arrow.to_pandas()
    table.attrs = metadata
    return table


def arrays(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the columns of a table, for code that does without pandas."""
    return {str(name): values.to_numpy() for name, values in table.items()}


def write_csv(table: pd.DataFrame, path: str | Path, float_format: str | None = None) -> None:
    """Write a CSV file without the index; numbers at full precision unless a format is given."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format=float_format, lineterminator="\n")


def require_one_sky(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Return whether the tables are simulated; raise DataError if simulated and real ones are mixed.

    `tables` maps a name for the message to a table of :func:`read_table`.
    """
    flags = {name: table.attrs["simulated"] for name, table in tables.items()}
    if len(set(flags.values())) > 1:
        raise DataError(f"Simulated and real data must not be mixed; 'simulated' is {flags}.")
    return set(flags.values()) == {"true"}
