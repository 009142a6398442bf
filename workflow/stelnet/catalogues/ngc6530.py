"""Young stars of NGC 6530 (Henderson & Stassun 2012), ages and masses from the tracks of Siess et al. (2000).

Source `assembled`: the table as used in the paper, in which each of the 290 stars is listed twice. Source
`vizier`: J/ApJ/747/51. It has no temperatures, which follow from luminosity and radius, and no errors.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stelnet.catalogues._common import RawFile, Rows, mass, number

TABLE = {
    "Mass": mass(),
    "Age": number(0.001, 14000, "Myr"),
    "Lbol": number(1e-5, 1e7, "Lsun"),
    "Rad": number(1e-3, 2000, "Rsun"),
}

#: Effective temperature of the Sun [K] with which the assembled table was made.
TEFF_SUN = 5771.0


def read_catalogue(files: Mapping[str, RawFile], *, variant: str, **_: object) -> Rows:
    """Read the catalogue: role `table`."""
    table = files["table"].read(TABLE)
    rows = Rows(table, star_ids(table))
    if variant == "corrected":
        drop_repeated(rows)
    stars = rows.table
    stars["log_teff"] = np.log10(TEFF_SUN * (stars["Lbol"] / stars["Rad"] ** 2) ** 0.25)
    stars["log_lum"] = np.log10(stars["Lbol"])
    stars["log_age"] = np.log10(stars["Age"]) + 6.0
    stars["log_mass"] = np.log10(stars["Mass"])
    return rows


def star_ids(table: pd.DataFrame) -> pd.Series:
    """Name the stars, which have no names: NGC6530-001 in the order of the table.

    Rows equal in all columns are one star; its further listings are NGC6530-001-2 and so on.
    """
    groups = table.groupby(list(TABLE), sort=False)
    star = (groups.ngroup() + 1).map("NGC6530-{:03d}".format)
    listing = groups.cumcount() + 1
    return star.where(listing == 1, star + "-" + listing.astype(str))


def drop_repeated(rows: Rows) -> None:
    """Leave out every listing of a star but its first: with both, training and test samples share stars."""
    row = rows.table.index.to_series()
    first = row.groupby([rows.table[name] for name in TABLE]).transform("first")
    rows.drop(row != first, "the star of row " + first.astype(str) + ", listed again")
