"""The simulated tracks as a cube of isochrones of several metallicities, in the format of the package."""

from pathlib import Path

import numpy as np

from stelnet.files import atomic_path
from stelnet.simulation.tracks import LAST, START, evolution

FEH = np.array([-0.5, 0.0, 0.5])
LOG_AGES = np.round(np.arange(5.0, 10.301, 0.1), 4)
#: Initial masses [Msun] between which a point of an isochrone is interpolated.
MASSES = np.geomspace(0.1, 100, 400)
#: Columns of the file, as the package has them.
COLUMNS = ("eep", "age", "initial_mass", "star_mass", "log_Teff", "log_L")


def isochrones(feh: float) -> np.ndarray:
    """Return the points (ages, EEPs, columns) of all isochrones of a metallicity; NaN where there is none.

    At one EEP heavier stars are younger, so that an age tells a mass.
    """
    eep = np.arange(START, LAST + 1)
    ages = evolution(MASSES[:, None], eep, feh).log_age
    points = np.full((len(LOG_AGES), len(eep), len(COLUMNS)), np.nan)
    for i in range(len(eep)):
        # the heaviest stars are born late on their tracks: from where ages do not fall any more
        falling = np.append(True, np.cumprod(np.diff(ages[:, i]) < 0).astype(bool))
        log_mass = np.interp(
            -LOG_AGES, -ages[falling, i], np.log10(MASSES[falling]), left=np.nan, right=np.nan
        )
        star = evolution(10 ** np.nan_to_num(log_mass), eep[i], feh)
        state = np.column_stack([10**log_mass, 10**star.log_mass, star.log_teff, star.log_lum])
        known = np.isfinite(log_mass)
        points[known, i, 0], points[known, i, 1], points[known, i, 2:] = eep[i], LOG_AGES[known], state[known]
    return points


def write_cube(path: str | Path) -> None:
    """Write the isochrones of all metallicities; an attribute says that they are simulated."""
    import h5py

    blocks, lengths = [], []
    for feh in FEH:
        for block in isochrones(feh):
            blocks.append(block[np.isfinite(block[:, 0])])
            lengths.append(len(blocks[-1]))
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(
            columns=list(COLUMNS), grid_name="simulated with simple analytic relations, not MIST's",
            storage="sparse_v1", version="1.2",
        )  # fmt: skip
        file.create_dataset("feh_values", data=FEH)
        file.create_dataset("age_values", data=LOG_AGES)
        file.create_dataset("lengths", data=np.array(lengths, np.int32))
        file.create_dataset("values", data=np.concatenate(blocks).astype(np.float32), compression="gzip")
