"""MIST evolutionary tracks: both readers, the two stages with their test splits, the ZAMS and the bounds.

Tracks: Choi et al. 2016 (ApJ 823, 102) and Dotter 2016 (ApJS 222, 8). Along a track, time is told by the
equivalent evolutionary point (EEP), an integer: 202 is the zero-age main sequence (ZAMS), 808 the last one
used here.

Standard rows have the columns :data:`ROW_COLUMNS`, sorted by mass and EEP: initial_mass [Msun], eep,
log_teff [dex K], log_lum [dex Lsun], log_age [dex yr] and log_mass, the current mass [dex Msun].
"""

import lzma
import re
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd

from stelnet.errors import DataError
from stelnet.seeds import generator

ROW_COLUMNS = ("initial_mass", "eep", "log_teff", "log_lum", "log_age", "log_mass")
#: The columns that networks see, which have bounds.
SCALED_COLUMNS = ("log_teff", "log_lum", "log_age", "log_mass")

#: What the header of a track must say for it to belong to the grid of the paper.
GRID = {"MIST version number": 1.2, "[Fe/H]": 0.0, "[a/Fe]": 0.0, "v/vcrit": 0.4}
HEADER_LINES = 12
TRACK_COLUMNS = ("star_age", "star_mass", "log_L", "log_Teff")
#: The official archive's members; a twin named _INTERP replaces a track that did not run to its end.
MEMBER = re.compile(r"\d+M(?P<twin>_INTERP)?\.track\.eep")

#: Column of the consolidated table -> standard column.
TABLE_COLUMNS = {
    "initial_mass": "initial_mass",
    "EEP": "eep",
    "log_Teff": "log_teff",
    "log_L": "log_lum",
    "log_age": "log_age",
    "log_mass": "log_mass",
}

#: A track that holds less than this times the share to keep is a sample already and kept whole: the samples
#: of about 20 % in the consolidated table have between 16 and 29 % of their track.
SAMPLED = 1.5


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
            raise ValueError(f"the header does not tell {key}")
        if float(grid[key]) != wanted:
            raise ValueError(f"{key} is {grid[key].strip()}, but the grid used here has {wanted:g}")
    # the last name, "type", may have no value
    track = dict(zip(text[6].split(), text[7].split(), strict=False))
    if int(track["N_pts"]) < 1:
        raise ValueError("it has no row")
    columns = text[11].split()
    missing = [name for name in TRACK_COLUMNS if name not in columns]
    if missing:
        raise ValueError(f"column {', '.join(missing)} is missing")
    return float(track["initial_mass"]), int(track["N_pts"]), columns


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


def read_tarball(path: str | Path, last_eep: int) -> pd.DataFrame:
    """Read the official archive of ``.track.eep`` files as a stream: one pass, nothing unpacked to disk.

    Raises
    ------
    DataError
        Not an xz-compressed tar file, truncated, without tracks, or with a faulty one (named with its line).
    """
    tracks: dict[float, pd.DataFrame] = {}
    try:
        with lzma.open(path) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    match = MEMBER.fullmatch(Path(member.name).name)
                    if not (member.isfile() and match):
                        continue
                    body = archive.extractfile(member).read()
                    rows = parse_track(body, last_eep, f"{path}, member {member.name}")
                    mass = rows.initial_mass.iat[0]
                    if match["twin"] or mass not in tracks:
                        tracks[mass] = rows
            # tar ends before xz does: what is cut off behind it shows only when read
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise DataError(
            f"{path}: not a complete .tar.xz archive ({error}); delete it, so that it is fetched again."
        )
    if not tracks:
        raise DataError(f"{path}: holds no .track.eep file.")
    return _standard(pd.concat(tracks.values()))


def read_consolidated(path: str | Path, last_eep: int) -> pd.DataFrame:
    """Read the consolidated table, a gzipped CSV of exact rows of the same tracks, up to `last_eep`.

    Raises
    ------
    DataError
        Not a gzipped CSV file, a missing column, a cell that is no number or a row given twice (named with
        its line).
    """
    try:
        table = pd.read_csv(path, usecols=lambda name: name in TABLE_COLUMNS, compression="gzip")
    except (OSError, EOFError, ValueError) as error:
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
    twice = rows.duplicated(["initial_mass", "EEP"])
    if twice.any():
        raise DataError(f"{path}: line {twice.argmax() + 2} repeats the EEP of an earlier row of its mass.")
    rows = rows.rename(columns=TABLE_COLUMNS).astype({name: float for name in SCALED_COLUMNS} | {"eep": int})
    return _standard(rows[rows.eep <= last_eep])


def _lottery(rows: pd.DataFrame, seed: int, purpose: str) -> np.ndarray:
    """Draw a uniform number in [0, 1) for each row, which depends on the row's mass and EEP alone.

    So the fate of a row is the same whatever other rows or tracks there are: it does not change when the
    official archive replaces the consolidated table.
    """
    draws = np.empty(len(rows))
    for mass, positions in rows.groupby("initial_mass").indices.items():
        eep = rows.eep.to_numpy()[positions]
        draws[positions] = generator(seed, "mist", purpose, float(mass)).random(eep.max() + 1)[eep]
    return draws


def _thinned(rows: pd.DataFrame, zams_eep: int, fraction: float, seed: int) -> pd.DataFrame:
    """Keep an even share of every track, so that each counts alike; a sample of a track is kept whole."""
    tracks = rows.groupby("initial_mass")
    span = tracks.eep.transform("max") - zams_eep
    sampled = tracks.eep.transform("size") < SAMPLED * fraction * span
    rank = pd.Series(_lottery(rows, seed, "thin"), rows.index).groupby(rows.initial_mass).rank(method="first")
    return rows[sampled | (rank <= (fraction * span).round())]


def split_stages(
    tracks: pd.DataFrame,
    *,
    zams_eep: int,
    post_fraction: float,
    test_fraction: float,
    test_track_every: int,
    seed: int,
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, list[float]]]]:
    """Split standard rows at the ZAMS and mark the rows that are held out of training.

    Parameters
    ----------
    tracks
        Standard rows, cut at the last EEP that is used.
    zams_eep
        Last EEP of the stage ``pre``; later ones belong to ``post``.
    post_fraction
        Share of the post-ZAMS points of every track that is kept.
    test_fraction, test_track_every
        Share of the rows in the row-wise test; the track-wise test is every n-th mass, without the two at
        each end of the grid, where a network would have to extrapolate.

    Returns
    -------
    stages
        Stage -> standard rows with the boolean columns test_rows and test_tracks.
    bounds
        Stage -> column of :data:`SCALED_COLUMNS` -> [min, max] over all rows of the stage, before thinning.

    Raises
    ------
    DataError
        A stage has no row.
    """
    before = tracks.eep <= zams_eep
    whole = {"pre": tracks[before], "post": tracks[~before]}
    for stage, rows in whole.items():
        if rows.empty:
            raise DataError(f"The MIST tracks have no point in stage {stage} (split at EEP {zams_eep}).")
    bounds = {
        stage: {name: [float(rows[name].min()), float(rows[name].max())] for name in SCALED_COLUMNS}
        for stage, rows in whole.items()
    }
    stages = {"pre": whole["pre"], "post": _thinned(whole["post"], zams_eep, post_fraction, seed)}
    held_out = np.unique(tracks.initial_mass)[2:-2:test_track_every]
    for stage, rows in stages.items():
        stages[stage] = rows.assign(
            test_rows=_lottery(rows, seed, "test_rows") < test_fraction,
            test_tracks=rows.initial_mass.isin(held_out),
        ).reset_index(drop=True)
    return stages, bounds


def zams_table(tracks: pd.DataFrame, *, zams_eep: int, end_eep: int) -> pd.DataFrame:
    """Return the ages at the ZAMS and at `end_eep` as functions of mass.

    An EEP that is not among a track's rows is interpolated linearly in EEP between its neighbours.

    Returns
    -------
    DataFrame
        initial_mass [Msun], log_mass at the ZAMS [dex Msun], log_age_zams and log_age_end [dex yr], one row a
        track, sorted by mass; log_age_end is NaN where the track does not reach `end_eep`.

    Raises
    ------
    DataError
        A track does not reach the ZAMS.
    """

    def at(track: pd.DataFrame, eep: int, column: str) -> float:
        return np.interp(eep, track.eep, track[column], left=np.nan, right=np.nan)

    zams = pd.DataFrame(
        [
            {
                "initial_mass": mass,
                "log_mass": at(track, zams_eep, "log_mass"),
                "log_age_zams": at(track, zams_eep, "log_age"),
                "log_age_end": at(track, end_eep, "log_age"),
            }
            for mass, track in tracks.groupby("initial_mass")
        ]
    )
    short = zams.initial_mass[zams.log_age_zams.isna()]
    if len(short):
        raise DataError(f"The MIST track of {short.iat[0]:g} Msun does not reach the ZAMS (EEP {zams_eep}).")
    return zams


def zams_log_age(log_mass: np.ndarray, zams: pd.DataFrame) -> np.ndarray:
    """Return the age at which stars of given masses reach the ZAMS, by linear interpolation in log mass.

    Parameters
    ----------
    log_mass
        Shape (n,) [dex Msun]; an unknown mass (NaN) has an unknown ZAMS age (NaN).
    zams
        Table of :func:`zams_table`.

    Returns
    -------
    ndarray
        Shape (n,) [dex yr].

    Raises
    ------
    DataError
        A mass lies outside the grid, where there is nothing to interpolate; leave such stars out before.
    """
    log_mass = np.asarray(log_mass, float)
    low, high = zams.log_mass.min(), zams.log_mass.max()
    outside = (log_mass < low) | (log_mass > high)
    if outside.any():
        raise DataError(
            f"Mass {10 ** log_mass[outside][0]:.4g} Msun lies outside the MIST grid, which runs from "
            f"{10**low:.4g} to {10**high:.4g} Msun; leave the star out."
        )
    return np.interp(log_mass, zams.log_mass, zams.log_age_zams)
