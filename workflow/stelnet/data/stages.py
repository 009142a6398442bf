"""The two stages of the MIST tracks, before and after the ZAMS, with their test splits and bounds."""

import numpy as np
import pandas as pd

from stelnet.arrays import Floats
from stelnet.data.mist import SCALED_COLUMNS
from stelnet.errors import DataError
from stelnet.seeds import generator

#: A track that holds less than this times the share to keep is a sample already and kept whole: the samples
#: of about 20 % in the consolidated table have between 16 and 29 % of their track.
SAMPLED = 1.5


def _lottery(rows: pd.DataFrame, seed: int, purpose: str) -> Floats:
    """Draw a uniform number in [0, 1) for each row, which depends on the row's mass and EEP alone.

    So the fate of a row is the same whatever other rows or tracks there are: it does not change when the
    official archive replaces the consolidated table.
    """
    draws, masses = np.empty(len(rows)), rows.initial_mass.to_numpy()
    for positions in rows.groupby("initial_mass").indices.values():
        mass, eep = float(masses[positions[0]]), rows.eep.to_numpy()[positions]
        draws[positions] = generator(seed, "mist", purpose, str(mass)).random(eep.max() + 1)[eep]
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
