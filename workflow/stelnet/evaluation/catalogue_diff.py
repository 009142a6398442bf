"""How the two versions of a catalogue differ: the one assembled for the paper, and VizieR's."""

import re
from collections.abc import Hashable
from typing import cast

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

#: Columns of catalogue_diff.csv; docs/catalogues.md says what each of them holds.
COLUMNS = (
    *("catalogue", "quantity", "stars_assembled", "stars_vizier", "only_assembled", "only_vizier"),
    *("compared", "median_difference", "worst_difference", "worst_star"),
)
#: Quantities that are compared: all numbers of a standard star table that an adapter takes from a raw one.
QUANTITIES = (
    *("log_teff", "e_log_teff", "log_lum", "e_log_lum"),
    *("log_age", "e_log_age_lo", "e_log_age_hi", "log_mass", "e_log_mass_lo", "e_log_mass_hi"),
)


def differences(catalogue: str, assembled: pd.DataFrame, vizier: pd.DataFrame) -> pd.DataFrame:
    """Compare two standard star tables of a catalogue, star by star.

    Parameters
    ----------
    catalogue
        Its key.
    assembled, vizier
        Columns :data:`stelnet.terms.STAR_COLUMNS`; stars are the same where their `star_id` is. Where that is
        but the catalogue's key and a number, those are the same that are each other's nearest in the four
        quantities.

    Returns
    -------
    One row a quantity, columns :data:`COLUMNS`: the number of stars of each table and of those that only it
    has; of the stars with the quantity in both, `compared` of them, the median and the largest absolute
    difference [dex] and the star that has it, empty where none is compared.
    """
    one, other = (table.set_index("star_id") for table in (assembled, vizier))
    if other.index.str.fullmatch(rf"{re.escape(catalogue)}-[\d-]+").all():
        other = other.rename(index=_nearest(one, other))
    common = one.index.intersection(other.index)
    counts = {
        "catalogue": catalogue,
        "stars_assembled": len(one),
        "stars_vizier": len(other),
        "only_assembled": len(one) - len(common),
        "only_vizier": len(other) - len(common),
    }
    rows = []
    for quantity in QUANTITIES:
        apart = cast("pd.Series", (other.loc[common, quantity] - one.loc[common, quantity]).abs()).dropna()
        found = {
            "median_difference": float(apart.median()) if len(apart) else np.nan,
            "worst_difference": float(apart.max()) if len(apart) else np.nan,
            "worst_star": apart.idxmax() if len(apart) else "",
        }
        rows.append({**counts, "quantity": quantity, "compared": len(apart), **found})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _nearest(one: pd.DataFrame, other: pd.DataFrame) -> dict[Hashable, str]:
    """Return name of each star of `other` -> that of its counterpart, or a name that no star of `one` has."""
    values = ["log_teff", "log_lum", "log_age", "log_mass"]
    points, others = one[values].to_numpy(), other[values].to_numpy()
    there, back = KDTree(points).query(others)[1], KDTree(others).query(points)[1]
    return {
        name: str(one.index[there[row]]) if back[there[row]] == row else f"{name} alone"
        for row, name in enumerate(other.index)
    }
