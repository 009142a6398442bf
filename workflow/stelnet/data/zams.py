"""The zero-age main sequence (ZAMS) as a function of mass."""

import numpy as np
import pandas as pd

from stelnet.arrays import Floats
from stelnet.errors import DataError


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
        return float(np.interp(eep, track.eep, track[column], left=np.nan, right=np.nan))

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


def zams_log_age(log_mass: Floats, zams: pd.DataFrame) -> Floats:
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
    arrival: Floats = np.interp(log_mass, zams.log_mass, zams.log_age_zams)
    return arrival
