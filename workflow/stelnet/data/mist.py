"""MIST evolutionary tracks: both readers, the two stages with their test splits, the ZAMS and the bounds.

Tracks: Choi et al. 2016 (ApJ 823, 102) and Dotter 2016 (ApJS 222, 8). Along a track, time is measured by the
equivalent evolutionary point (EEP), an integer: 202 is the zero-age main sequence (ZAMS), 808 the last one
used here.

Standard rows have the columns :data:`ROW_COLUMNS`, sorted by mass and EEP: initial_mass [Msun], eep,
log_teff [dex K], log_lum [dex Lsun], log_age [dex yr] and log_mass, the current mass [dex Msun].
"""

import gzip
import io
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stelnet.data.archives import members
from stelnet.errors import DataError

ROW_COLUMNS = ("initial_mass", "eep", "log_teff", "log_lum", "log_age", "log_mass")
#: The columns that networks see, which have bounds.
SCALED_COLUMNS = ("log_teff", "log_lum", "log_age", "log_mass")
#: What the header of a track must say for it to belong to the grid of the paper.
GRID = {"MIST version number": 1.2, "[Fe/H]": 0.0, "[a/Fe]": 0.0, "v/vcrit": 0.4}
HEADER_LINES = 12
TRACK_COLUMNS = ("star_age", "star_mass", "log_L", "log_Teff")
#: The official archive's members; a twin named _INTERP replaces a track that did not run to its end.
MEMBER = re.compile(r"\d+M(?P<twin>_INTERP)?\.track\.eep")
#: The last EEP that is used, where a raw file is checked before any configuration is known.
LAST_EEP = 808
#: Bounds of what is unpacked [bytes]: MIST's longest track has 4.2 MB, its 196 files 0.8 GB, the table 9 MB.
LONGEST_TRACK, LARGEST_ARCHIVE, LARGEST_TABLE = 20_000_000, 2_000_000_000, 200_000_000
#: Column of the consolidated table -> standard column.
TABLE_COLUMNS = {
    "initial_mass": "initial_mass",
    "EEP": "eep",
    "log_Teff": "log_teff",
    "log_L": "log_lum",
    "log_age": "log_age",
    "log_mass": "log_mass",
}


def _header(lines: list[bytes]) -> tuple[float, int, list[str]]:
    """Return initial mass, number of rows and column names; raise ValueError saying what is wrong.

    The names of a header's values stand in the line above them.
    """
    text = [line.decode("ascii").lstrip("#") for line in lines[:HEADER_LINES]]
    if len(text) < HEADER_LINES:
        raise ValueError(f"the header has {len(text)} lines instead of {HEADER_LINES}")
    name, _, version = text[0].partition("=")
    grid = {name.strip(): version, **dict(zip(text[3].split(), text[4].split(), strict=True))}
    for key, wanted in GRID.items():
        if key not in grid:
            raise ValueError(f"the header does not give {key}")
        if float(grid[key]) != wanted:
            raise ValueError(f"{key} is {grid[key].strip()}, but the grid used here has {wanted:g}")
    # the last name, "type", may have no value
    track = dict(zip(text[6].split(), text[7].split(), strict=False))
    mass = float(track["initial_mass"])
    if not 0 < mass < np.inf:
        raise ValueError(f"its initial mass, in line 8, is {mass:g}")
    if int(track["N_pts"]) < 1:
        raise ValueError("it has no row")
    columns = text[11].split()
    missing = [name for name in TRACK_COLUMNS if name not in columns]
    if missing:
        raise ValueError(f"column {', '.join(missing)} is missing")
    return mass, int(track["N_pts"]), columns


def parse_track(body: bytes, last_eep: int, where: str) -> pd.DataFrame:
    """Parse one ``.track.eep`` file into standard rows up to `last_eep`.

    The file has no EEP column: the EEP is the 1-based number of the row. Columns are found by name.

    Parameters
    ----------
    body
        Content of the file.
    where
        Its name, for messages.

    Raises
    ------
    DataError
        Another grid, a missing column, another number of rows than the header says, or a faulty row; names
        the line.
    """
    lines = body.splitlines()
    try:
        mass, count, columns = _header(lines)
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{where}: not a MIST track of the grid used here: {error}.")
    rows = lines[HEADER_LINES : HEADER_LINES + last_eep]
    if len(lines) - HEADER_LINES != count:
        raise DataError(f"{where}: {len(lines) - HEADER_LINES} rows, but its header says {count}.")
    indices = [columns.index(name) for name in TRACK_COLUMNS]
    values = np.empty((len(rows), len(indices)))
    for row, line in enumerate(rows):
        fields = line.split()
        if len(fields) != len(columns):
            raise DataError(
                f"{where}: line {HEADER_LINES + row + 1} has {len(fields)} columns instead of {len(columns)}."
            )
        try:
            values[row] = [float(fields[index]) for index in indices]
        except ValueError as error:
            raise DataError(f"{where}: line {HEADER_LINES + row + 1}: {error}.")
    positive = np.array([True, True, False, False])
    wrong = ~np.isfinite(values) | ((values <= 0) & positive)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"{where}: line {HEADER_LINES + row + 1}: {TRACK_COLUMNS[column]} is {values[row, column]:g}."
        )
    age, current_mass, log_lum, log_teff = values.T
    return pd.DataFrame(
        {
            "initial_mass": mass,
            "eep": np.arange(1, len(rows) + 1),
            "log_teff": log_teff,
            "log_lum": log_lum,
            "log_age": np.log10(age),
            "log_mass": np.log10(current_mass),
        }
    )


def _standard(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["initial_mass", "eep"], ignore_index=True)


def read_tarball(path: str | Path, last_eep: int, label: str = "") -> pd.DataFrame:
    """Read the official archive of ``.track.eep`` files as a stream: one pass, nothing unpacked to disk.

    Parameters
    ----------
    label
        Names the archive in messages, by default its path.

    Raises
    ------
    DataError
        Not an xz-compressed tar file, truncated, too large, without tracks, or with a faulty one (named with
        its line).
    """
    label = label or str(path)
    tracks: dict[float, pd.DataFrame] = {}

    def is_track(name: str) -> bool:
        return MEMBER.fullmatch(Path(name).name) is not None

    files = members(path, is_track, LONGEST_TRACK, LARGEST_ARCHIVE, label)
    for name, body in files:
        rows = parse_track(body, last_eep, f"{label}, member {name}")
        mass = rows.initial_mass.to_numpy(float)[0]
        if "_INTERP" in Path(name).name or mass not in tracks:
            tracks[mass] = rows
    if not tracks:
        raise DataError(f"{label}: holds no .track.eep file.")
    return _standard(pd.concat(tracks.values()))


def check_tarball(path: str | Path, expected: Mapping[str, Any], label: str) -> None:
    """Check that the official archive is the whole grid, where no checksum of it is known.

    Parameters
    ----------
    expected
        Entry ``tracks`` of the file in resources/datasets.yaml: the lowest and highest ``number`` of tracks,
        and the lowest and highest of their ``masses`` [Msun].
    label
        Names the archive in messages.

    Raises
    ------
    DataError
        Another grid, another number of tracks or other masses, or as :func:`read_tarball`.
    """
    masses = np.unique(read_tarball(path, LAST_EEP, label)["initial_mass"])
    low, high = expected["number"]
    if not low <= len(masses) <= high:
        raise DataError(f"{label}: holds tracks of {len(masses)} masses, expected are {low} to {high}.")
    found, wanted = [float(masses[0]), float(masses[-1])], list(expected["masses"])
    if found != wanted:
        raise DataError(
            f"{label}: its masses are {found[0]:g} to {found[1]:g} Msun, expected are {wanted[0]:g} to "
            f"{wanted[1]:g}."
        )


def read_consolidated(path: str | Path, last_eep: int) -> pd.DataFrame:
    """Read the consolidated table, a gzipped CSV of exact rows of the same tracks, up to `last_eep`.

    Raises
    ------
    DataError
        Not a gzipped CSV file, too large, a missing column, a cell that is no number, no mass or no EEP, or
        a row given twice (named with its line).
    """
    try:
        with gzip.open(path) as stream:
            content = stream.read(LARGEST_TABLE + 1)
        if len(content) > LARGEST_TABLE:
            raise DataError(f"{path}: unpacks to more than {LARGEST_TABLE} bytes: not the table of tracks.")
        table = pd.read_csv(io.BytesIO(content), usecols=lambda name: name in TABLE_COLUMNS)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"{path}: not a readable gzipped CSV file ({error}); delete it, so that it is fetched again."
        )
    missing = [name for name in TABLE_COLUMNS if name not in table]
    if missing:
        raise DataError(f"{path}: column {', '.join(missing)} is missing.")
    rows = table[list(TABLE_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    wrong = ~np.isfinite(rows.to_numpy(float))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        name = rows.columns[column]
        raise DataError(f"{path}: line {row + 2}: {name} is {table[name].iat[row]}, not a number.")
    for name, right in (
        ("initial_mass", rows["initial_mass"] > 0),
        ("EEP", (rows["EEP"] >= 1) & (rows["EEP"] % 1 == 0)),
    ):
        if not right.all():
            row = int((~right).argmax())
            raise DataError(f"{path}: line {row + 2}: {name} is {rows[name].iat[row]:g}.")
    twice = rows.duplicated(["initial_mass", "EEP"])
    if twice.any():
        raise DataError(f"{path}: line {twice.argmax() + 2} repeats the EEP of an earlier row of its mass.")
    rows = rows.rename(columns=TABLE_COLUMNS).astype({name: float for name in SCALED_COLUMNS} | {"eep": int})
    return _standard(rows[rows.eep <= last_eep])
