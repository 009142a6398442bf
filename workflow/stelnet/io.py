"""Reading and writing files: atomic, deterministic, with units and origin in the file's own metadata."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stelnet.errors import DataError

#: Columns of the standard star table, in order, with their units.
STAR_COLUMNS: dict[str, str] = {
    "star_id": "",
    "catalogue": "",
    "stage": "",
    "log_teff": "dex(K)",
    "e_log_teff": "dex",
    "log_lum": "dex(Lsun)",
    "e_log_lum": "dex",
    "log_age": "dex(yr)",
    "e_log_age_lo": "dex",
    "e_log_age_hi": "dex",
    "log_mass": "dex(Msun)",
    "e_log_mass_lo": "dex",
    "e_log_mass_hi": "dex",
    "feh": "dex",
    "feh_source": "",
    "ra": "deg",
    "dec": "deg",
}

#: Units of every column that the workflow writes to Parquet; columns not named here have none.
UNITS: dict[str, str] = STAR_COLUMNS | {
    "initial_mass": "Msun",
    "log_age_zams": "dex(yr)",
    "log_age_end": "dex(yr)",
    "log_age_mean": "dex(yr)",
    "log_age_sd": "dex",
    "log_mass_mean": "dex(Msun)",
    "log_mass_sd": "dex",
}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results follow the user's umask
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    table = arrow.to_pandas()
    table.attrs = metadata
    return table


def write_csv(table: pd.DataFrame, path: str | Path, float_format: str | None = None) -> None:
    """Write a CSV file without the index; numbers at full precision unless a format is given."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format=float_format, lineterminator="\n")


def write_text(text: str, path: str | Path) -> None:
    """Write a UTF-8 text file."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(value: Any, path: str | Path) -> None:
    """Write indented JSON with sorted keys; NaN is refused, as JSON has none."""
    write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    """Read a JSON file; raise DataError when it is absent or malformed."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}).")


def sha256_file(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_one_sky(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Return whether the tables are simulated; raise DataError if simulated and real ones are mixed.

    `tables` maps a name for the message to a table of :func:`read_table`.
    """
    flags = {name: table.attrs["simulated"] for name, table in tables.items()}
    if len(set(flags.values())) > 1:
        raise DataError(f"Simulated and real data must not be mixed; 'simulated' is {flags}.")
    return set(flags.values()) == {"true"}
