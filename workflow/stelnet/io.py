"""Reading and writing files: atomic, deterministic, with units and origin in the file's own metadata.

Every page of a table has a checksum, and its metadata a digest of what the pages do not hold: a file that was
damaged is refused, not read as other numbers.
"""

import hashlib
import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stelnet.errors import DataError
from stelnet.files import atomic_path
from stelnet.terms import UNITS

#: Key of our metadata in a table.
OWN = b"stelnet"


def _digest(arrow: pa.Table, own: Mapping[Any, object]) -> str:
    """Return the SHA-256 digest of all that a table says beside the values of its columns."""
    fields = [[field.name, str(field.type)] for field in arrow.schema]
    others = sorted((key.hex(), value.hex()) for key, value in _others(arrow).items())
    text = json.dumps([fields, arrow.num_rows, others, own], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _others(arrow: pa.Table) -> dict[bytes, bytes]:
    """Return the metadata of libraries."""
    return {key: value for key, value in (arrow.schema.metadata or {}).items() if key != OWN}


def write_table(table: pd.DataFrame, path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a Parquet file whose metadata holds the units of its columns and `metadata` (all strings)."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    own = {**metadata, "units": {name: UNITS[name] for name in table.columns if UNITS.get(name)}}
    text = json.dumps({**own, "digest": _digest(arrow, own)}, sort_keys=True)
    arrow = arrow.replace_schema_metadata({**_others(arrow), OWN: text.encode()})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd", write_page_checksum=True)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table of :func:`write_table`; its metadata is in ``table.attrs``.

    Raises
    ------
    DataError
        The file is absent, not Parquet, not written by this workflow, or damaged since.
    """
    try:
        arrow = pq.read_table(path, page_checksum_verification=True)
        metadata: dict[Hashable | None, Any] = json.loads(arrow.schema.metadata[OWN])
        # tables of earlier runs have none
        told = metadata.pop("digest", None)
        if told is not None and told != _digest(arrow, metadata):
            raise ValueError("its digest is another")
        table: pd.DataFrame = arrow.to_pandas()
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise DataError(
            f"{path}: not a table of this workflow, or damaged ({why}); delete it and run the workflow again."
        )
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
