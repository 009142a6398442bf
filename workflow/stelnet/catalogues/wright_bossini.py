"""Members of open clusters (Wright et al. 2011) with the ages of Bossini et al. (2019).

Source `assembled`: role `members`, a file for each cluster and side of the ZAMS, as assembled for the paper.
Source `vizier`: roles `members` (J/ApJ/743/48/catalog) and `ages` (J/A+A/623/A108/tablea); the members on the
wrong side of the ZAMS at the cluster's age are left out. VizieR gives L* with two decimals, which are few for
faint stars; those of 0.00 are left out.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stelnet.catalogues._common import RawFile, Rows, number, text
from stelnet.data.zams import zams_log_age
from stelnet.errors import DataError

_LOG_AGE = number(5, 10.2, "dex(yr)")
ASSEMBLED = {
    "2mass_name": text(empty=True),
    "Star_name": text(empty=True),
    "Cluster_name": text(),
    "RA": number(0, 360, "deg", empty=True),
    "DEC": number(-90, 90, "deg", empty=True),
    "Teff": number(1000, 60000, "K"),
    "Lbol": number(0, 1e7, "Lsun"),
    "Mass": number(0.001, 1000, "Msun"),
    "logA_boss": _LOG_AGE,
    "e_logA_boss": number(0, 10.2, "dex(yr)"),
    "E_logA_boss": number(0, 10.2, "dex(yr)"),
}
WRIGHT = {
    "Name": text(empty=True),
    "Cluster": text(empty=True),
    "Teff": number(1000, 60000, "K", empty=True),
    "L*": number(0, 1e7, "Lsun", empty=True),
    "M*": number(0.001, 1000, "Msun", empty=True),
}
BOSSINI = {
    "Cluster": text(),
    "logA": _LOG_AGE,
    "e_logA": number(0, 10.2, "dex(yr)"),
    "E_logA": number(0, 10.2, "dex(yr)"),
    "[Fe/H]": number(-5, 1, "dex", empty=True),
}


def read_cluster(
    files: Mapping[str, RawFile], *, source: str, stage: str, names: list[str], zams: pd.DataFrame | None
) -> Rows:
    """Read the members of the cluster that the files call one of `names`."""
    read = assembled_members if source == "assembled" else vizier_members
    rows = read(files, names)
    rows.table["Lbol"] = rows.table["Lbol"].where(rows.table["Lbol"] > 0)
    rows.drop_incomplete({"Teff": "temperature", "Lbol": "luminosity above 0", "Mass": "mass"})
    rows.drop_off_grid("Mass")

    stars = rows.table
    stars["log_teff"] = np.log10(stars["Teff"])
    stars["log_lum"] = np.log10(stars["Lbol"])
    stars["log_mass"] = np.log10(stars["Mass"])
    stars["log_age"] = stars["logA"]
    stars["e_log_age_lo"], stars["e_log_age_hi"] = errors_from_bounds(stars)
    if zams is not None:
        drop_other_side(rows, stage, zams)
    return rows


def assembled_members(files: Mapping[str, RawFile], names: list[str]) -> Rows:
    """Return the members with columns Teff, Lbol, Mass, ra, dec and Bossini's logA, e_logA, E_logA."""
    members = files["members"]
    table = of_cluster(members.read(ASSEMBLED), "Cluster_name", names, members.path)
    table = table.rename(columns=lambda name: name.removesuffix("_boss")).rename(
        columns={"RA": "ra", "DEC": "dec"}
    )
    return Rows(table, unique_names(("2MASS J" + table["2mass_name"]).fillna(table["Star_name"]), names[0]))


def vizier_members(files: Mapping[str, RawFile], names: list[str]) -> Rows:
    """Return the members with the same columns, without positions but with the cluster's metallicity."""
    members, ages = files["members"], files["ages"]
    table = of_cluster(members.read(WRIGHT), "Cluster", names, members.path)
    cluster = of_cluster(ages.read(BOSSINI), "Cluster", names, ages.path).iloc[0]
    table = table.rename(columns={"L*": "Lbol", "M*": "Mass"})
    table = table.assign(**cluster[["logA", "e_logA", "E_logA"]].astype(float))
    if pd.notna(cluster["[Fe/H]"]):
        table = table.assign(feh=cluster["[Fe/H]"], feh_source="measured")
    return Rows(table, unique_names(table["Name"], names[0]))


def of_cluster(table: pd.DataFrame, column: str, names: list[str], path: Path) -> pd.DataFrame:
    """Return the rows of the cluster, spaces and case aside; without any, DataError names the clusters."""

    def plain(text: str) -> str:
        return str(text).replace(" ", "").replace("_", "").lower()

    chosen = table[table[column].map(plain).isin(map(plain, names))].copy()
    if chosen.empty:
        known = ", ".join(sorted(table[column].dropna().unique()))
        raise DataError(f"{path}: no row of {' or '.join(names)} in column {column!r}; it has {known}.")
    return chosen


def unique_names(name: pd.Series, cluster: str) -> pd.Series:
    """Return the stars' names; where one has none, or shares it, the cluster's name and the row."""
    row = name.index.to_series().map(lambda number: f"{cluster}-{number:03d}")
    return name.mask(name.duplicated(keep=False)).fillna(row)


def errors_from_bounds(stars: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the errors of logA [dex]: Bossini's e_logA and E_logA are its bounds, upper and lower.

    Raises
    ------
    DataError
        The two do not enclose logA, so that they are something else.
    """
    bounds = stars[["e_logA", "E_logA"]]
    lower, upper = stars["logA"] - bounds.min(axis=1), bounds.max(axis=1) - stars["logA"]
    wrong = (lower < 0) | (upper < 0)
    for row, star in stars[wrong].iterrows():
        raise DataError(
            f"{star['star_id']} (row {row}): e_logA = {star['e_logA']:g} and E_logA = {star['E_logA']:g} "
            f"are not bounds of logA = {star['logA']:g}, as they are in Bossini et al. (2019)."
        )
    return lower.where(lower > 0), upper.where(upper > 0)


def drop_other_side(rows: Rows, stage: str, zams: pd.DataFrame) -> None:
    """Leave out the members that are on the other side of the ZAMS at the cluster's age.

    Parameters
    ----------
    zams
        Table of :func:`stelnet.data.zams.zams_table`.
    """
    stars = rows.table
    arrival = pd.Series(zams_log_age(stars["log_mass"].to_numpy(), zams), stars.index)
    after = stars["log_age"] >= arrival
    side = after.map({True: "after", False: "before"})
    reason = side + " the ZAMS, which a star of its mass reaches at log age " + arrival.map("{:.2f}".format)
    rows.drop(after != (stage == "post"), reason)
