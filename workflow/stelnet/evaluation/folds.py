"""Who may learn from whom: stars in groups that no fold divides, and the protocols of the scores."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stelnet.arrays import Bools, Ints
from stelnet.seeds import generator

#: Number of folds.
FOLDS = 5
#: Protocols: taught by the scored stars too, as in the paper; by other stars of all catalogues; by other
#: catalogues; by no star at all, or scored on stars of no catalogue.
IN_SAMPLE, FIVE_FOLD, OTHER_CATALOGUES, UNSEEN = "in_sample", "5_fold", "leave_catalogue_out", "unseen"
PROTOCOLS = (IN_SAMPLE, FIVE_FOLD, OTHER_CATALOGUES, UNSEEN)

#: Name in one catalogue -> name in another: the FGK benchmarks in the Hipparcos catalogue (SIMBAD).
ALIASES = {
    "HIP 2021": "HD 2151",
    "HIP 16537": "HD 22049",
    "HIP 17378": "HD 23249",
    "HIP 32851": "HD 49933",
    "HIP 37279": "HD 61421",
    "HIP 37826": "HD 62509",
    "HIP 56343": "HD 100407",
    "HIP 57757": "HD 102870",
    "HIP 67927": "HD 121370",
    "HIP 71681": "HD 128621",
    "HIP 71683": "HD 128620",
    "HIP 79672": "HD 146233",
}
#: Stars of two tables nearer than this are one [deg].
SAME_PLACE = 1 / 3600
#: Rows of one catalogue that are equal in all of these are one star.
SAME_VALUES = ["catalogue", "log_teff", "log_lum", "log_age", "log_mass"]


def star_groups(stars: pd.DataFrame) -> Ints:
    """Return the number of the star (n,) that each row is of.

    Rows are one star where they share a name or an alias (:data:`ALIASES`), all values within a catalogue, or
    the place on the sky.

    Parameters
    ----------
    stars
        Rows of standard star tables of any catalogues.
    """
    name = stars["star_id"].replace(ALIASES)
    edges: list[tuple[Ints, Ints]] = []
    links = [name.groupby(name).ngroup(), stars.groupby(SAME_VALUES, sort=False).ngroup()]
    n = len(stars)
    for link in links:
        # each row to the first of its kind
        _, first, kind = np.unique(link.to_numpy(), return_index=True, return_inverse=True)
        edges.append((np.arange(n), first[kind]))
    edges.append(_neighbours(stars))
    here, there = np.concatenate([e[0] for e in edges]), np.concatenate([e[1] for e in edges])
    graph = coo_array((np.ones(len(here)), (here, there)), shape=(n, n))
    found: Ints = connected_components(graph, directed=False)[1]
    return found


def _neighbours(stars: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return pairs of rows at one place on the sky."""
    from scipy.spatial import cKDTree

    placed = np.flatnonzero(stars[["ra", "dec"]].notna().all(axis=1))
    if not len(placed):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ra, dec = np.radians(stars[["ra", "dec"]].to_numpy(float)[placed]).T
    vector = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    pairs = cKDTree(vector).query_pairs(np.radians(SAME_PLACE), output_type="ndarray")
    return placed[pairs[:, 0]], placed[pairs[:, 1]]


def star_folds(groups: Ints, seed: int, *names: str | int, folds: int = FOLDS) -> Ints:
    """Return the fold (n,) of each row: all rows of a group in one, folds of about equal numbers of groups.

    Parameters
    ----------
    groups
        Number of each row's group.
    seed, names
        Base seed and name of the random stream.
    """
    numbers, which = np.unique(groups, return_inverse=True)
    order = generator(seed, *names, "folds").permutation(len(numbers))
    found: Ints = np.take(order % folds, which)
    return found


def splits(stars: pd.DataFrame, seed: int, *names: str | int) -> Iterator[tuple[str, Bools, Bools]]:
    """Yield protocol, rows to learn from and rows to score, for each split of the stars of a stage.

    A star that is in the scored catalogue as well as in another is not learnt from.
    """
    groups = star_groups(stars)
    everything = np.ones(len(stars), bool)
    yield IN_SAMPLE, everything, everything
    fold = star_folds(groups, seed, *names)
    for number in np.unique(fold):
        yield FIVE_FOLD, fold != number, fold == number
    catalogue = stars["catalogue"].to_numpy()
    for name in pd.unique(catalogue):
        scored = catalogue == name
        learnt = ~np.isin(groups, groups[scored])
        if learnt.any():
            yield OTHER_CATALOGUES, learnt, scored


def by_catalogue(stars: pd.DataFrame, rows: Bools) -> Mapping[str, pd.DataFrame]:
    """Return catalogue -> its stars among some rows, catalogues without any left out."""
    return {str(name): table for name, table in stars[rows].groupby("catalogue", sort=False)}
