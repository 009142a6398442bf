"""MIST isochrones of many metallicities: both readers, the same rows from either.

Isochrones: Dotter 2016 (ApJS 222, 8) and Choi et al. 2016 (ApJ 823, 102), version 1.2, v/vcrit = 0.4. The
official archive has one ``.iso`` text file for each [Fe/H]. A package of the Python index carries the same
grid as one HDF5 file. The grid begins at log age 5: of younger stars it says nothing.

Standard rows have the columns :data:`ROW_COLUMNS`, sorted by [Fe/H], age and EEP: feh [dex], log_age
[dex yr], eep, initial_mass [Msun], log_mass, the current mass [dex Msun], log_teff [dex K] and log_lum
[dex Lsun].
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from stelnet.data.archives import members
from stelnet.errors import DataError

ROW_COLUMNS = ("feh", "log_age", "eep", "initial_mass", "log_mass", "log_teff", "log_lum")
#: What the header of a file must say for it to belong to the grid used here.
GRID = {"MIST version number": 1.2, "[a/Fe]": 0.0, "v/vcrit": 0.4}
#: Column of the official files, and of the package's, -> what it holds; masses in Msun.
OFFICIAL = {
    "EEP": "eep",
    "log10_isochrone_age_yr": "log_age",
    "initial_mass": "initial_mass",
    "star_mass": "mass",
    "log_Teff": "log_teff",
    "log_L": "log_lum",
}
PACKAGE = {
    "eep": "eep",
    "initial_mass": "initial_mass",
    "star_mass": "mass",
    "log_Teff": "log_teff",
    "log_L": "log_lum",
}
#: How the package stores the grid: the points of all isochrones, one after the other.
STORAGE = "sparse_v1"
#: Bounds of what is unpacked [bytes]: a file of MIST's has about 100 MB; the package's numbers have 48 MB.
LONGEST_FILE, LARGEST_ARCHIVE, LARGEST_GRID = 250_000_000, 4_000_000_000, 500_000_000
#: Most lines of a file.
LINES = 1_000_000
AGAIN = "delete it, so that it is fetched again"


def _standard(rows: pd.DataFrame, last_eep: int, where: str | Path) -> tuple[pd.DataFrame, int]:
    """Return standard rows up to `last_eep`, and how many were left out as no numbers."""
    rows = rows.astype(float)
    sound = np.isfinite(rows.to_numpy()).all(axis=1)
    dropped = int((~sound).sum())
    rows = rows[sound & (rows["eep"] <= last_eep)]
    if rows.empty:
        raise DataError(f"{where}: holds no point of an isochrone up to EEP {last_eep}; {AGAIN}.")
    rows = rows.assign(eep=rows["eep"].astype(int), log_mass=np.log10(rows["mass"]))
    rows = rows.sort_values(["feh", "log_age", "eep"], ignore_index=True)[list(ROW_COLUMNS)]
    twice = rows.duplicated(["feh", "log_age", "eep"])
    if twice.any():
        row = rows[twice].iloc[0]
        point = f"[Fe/H] = {row.feh:g}, log age {row.log_age:g}, EEP {row.eep:g}"
        raise DataError(f"{where}: {point} is there twice; {AGAIN}.")
    return rows, dropped


def read_tarball(path: str | Path, last_eep: int) -> tuple[pd.DataFrame, int]:
    """Read the official archive of ``.iso`` files as a stream: one pass, nothing unpacked to disk.

    Returns
    -------
    The standard rows up to `last_eep`; the number of points left out because they are no numbers.

    Raises
    ------
    DataError
        Not an xz-compressed tar file, truncated, too large, without isochrones, or with a faulty file (named
        with its line).
    """
    files = members(path, lambda name: name.endswith(".iso"), LONGEST_FILE, LARGEST_ARCHIVE, str(path))
    parts = [parse_isochrones(body, f"{path}, member {name}") for name, body in files]
    if not parts:
        raise DataError(f"{path}: holds no .iso file.")
    return _standard(pd.concat(parts), last_eep, path)


def parse_isochrones(body: bytes, where: str) -> pd.DataFrame:
    """Parse one ``.iso`` file: all isochrones of a metallicity, columns of :data:`OFFICIAL` and feh.

    Raises
    ------
    DataError
        Another grid, a missing column, another number of rows or isochrones than announced, or a cell that
        is no number; names the line.
    """
    if body.count(b"\n") > LINES:
        raise DataError(f"{where}: has more than {LINES} lines.")
    lines = body.decode("ascii", "replace").splitlines()
    try:
        grid, count = _header(lines)
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{where}: not MIST isochrones of the grid used here: {error}.")
    blocks = list(_blocks(lines, where))
    if len(blocks) != count:
        raise DataError(f"{where}: {len(blocks)} isochrones, but its header says {count}.")
    return pd.concat(blocks).assign(feh=grid["[Fe/H]"])


def _header(lines: list[str]) -> tuple[dict[str, float], int]:
    """Return grid and number of isochrones that the header tells; raise ValueError on another grid."""
    text = [line.lstrip("#") for line in lines[:8]]
    name, _, version = text[0].partition("=")
    values = dict(zip(text[3].split(), text[4].split(), strict=True))
    grid = {key: float(value) for key, value in {name.strip(): version, **values}.items()}
    for key, wanted in GRID.items():
        if grid[key] != wanted:
            raise ValueError(f"{key} is {grid[key]:g}, but the grid used here has {wanted:g}")
    if not np.isfinite(grid["[Fe/H]"]):
        raise ValueError(f"[Fe/H] is {grid['[Fe/H]']:g}")
    return grid, int(text[6].partition("=")[2])


def _refuse_nonsense(rows: pd.DataFrame, where: str | Path, first: int, unit: str) -> None:
    """Raise DataError on a mass or EEP that cannot be one, or an infinity; what is missing may be.

    The message names the `unit`, line or row; `first` is the number of the first one.
    """
    wrong = pd.DataFrame(np.isinf(rows.to_numpy()), columns=rows.columns)
    for name in ("mass", "initial_mass"):
        wrong[name] |= (rows[name] <= 0).to_numpy()
    wrong["eep"] |= ((rows["eep"] < 0) | (rows["eep"].notna() & (rows["eep"] % 1 != 0))).to_numpy()
    if wrong.to_numpy().any():
        row, column = np.argwhere(wrong.to_numpy())[0]
        name, value = str(rows.columns[column]), rows.to_numpy(float)[row, column]
        raise DataError(f"{where}: {unit} {first + row}: {name} is {value:g}; {AGAIN}.")


def _blocks(lines: list[str], where: str) -> Iterator[pd.DataFrame]:
    """Yield the isochrones of a file."""
    at = 8
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        try:
            count, columns = map(int, lines[at].partition("=")[2].split())
            names = lines[at + 2].lstrip("#").split()
            if count < 0:
                raise ValueError
        except (ValueError, IndexError):
            raise DataError(f"{where}: line {at + 1} does not announce an isochrone.")
        missing = [name for name in OFFICIAL if name not in names]
        if missing or len(names) != columns:
            what = (
                f"column {missing[0]} is missing" if missing else f"{len(names)} columns instead of {columns}"
            )
            raise DataError(f"{where}: line {at + 3}: {what}.")
        first = at + 3
        if len(lines) < first + count:
            raise DataError(f"{where}: ends inside the isochrone that line {at + 1} announces.")
        wanted = [names.index(name) for name in OFFICIAL]
        values = np.empty((count, len(wanted)))
        for row, line in enumerate(lines[first : first + count]):
            cells = line.split()
            try:
                values[row] = [float(cells[column]) for column in wanted]
            except (ValueError, IndexError):
                raise DataError(f"{where}: line {first + row + 1} is not a row of {columns} numbers.")
        block = pd.DataFrame(values, columns=list(OFFICIAL.values()))
        _refuse_nonsense(block, where, first + 1, "line")
        yield block
        at = first + count


def read_package(path: str | Path, last_eep: int) -> tuple[pd.DataFrame, int]:
    """Read the package's HDF5 file; returns and raises as :func:`read_tarball` does."""
    import h5py

    try:
        with h5py.File(path) as file:
            storage, version = str(file.attrs["storage"]), str(file.attrs["version"])
            columns = [name if isinstance(name, str) else name.decode() for name in file.attrs["columns"]]
            stored = [file[name] for name in ("feh_values", "age_values", "lengths", "values")]
            if sum(part.nbytes for part in stored) > LARGEST_GRID:
                raise ValueError(f"its numbers take more than {LARGEST_GRID} bytes")
            feh, log_age, lengths, values = (part[:] for part in stored)
            lengths = lengths.astype(int)
            if values.ndim != 2 or values.shape[1] != len(columns) or (lengths < 0).any():
                raise ValueError("its shapes do not agree")
    # damage makes the library raise much
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise DataError(f"{path}: not the HDF5 file of isochrones ({error}); {AGAIN}.")
    wanted = f"{GRID['MIST version number']:g}"
    if (storage, version) != (STORAGE, wanted):
        raise DataError(
            f"{path}: holds MIST {version} as {storage}; MIST {wanted} as {STORAGE} is read here."
        )
    missing = [name for name in PACKAGE if name not in columns]
    if missing:
        raise DataError(f"{path}: column {', '.join(missing)} is missing.")
    if len(lengths) != len(feh) * len(log_age) or lengths.sum() != len(values):
        raise DataError(
            f"{path}: the lengths of its isochrones do not add up to its {len(values)} rows; {AGAIN}."
        )
    rows = pd.DataFrame({name: values[:, columns.index(column)] for column, name in PACKAGE.items()})
    _refuse_nonsense(rows, path, 0, "row")
    rows["feh"] = np.repeat(np.repeat(feh, len(log_age)), lengths)
    rows["log_age"] = np.round(np.repeat(np.tile(log_age, len(feh)), lengths), 4)
    return _standard(rows, last_eep, path)
