"""Gaia FGK benchmark stars and the Sun.

Assembled for the paper from journal tables: temperatures, luminosities and masses of Heiter et al. (2015),
metallicities of Jofré et al. (2014), ranges of age of Sahlholdt et al. (2019), whose midpoint is the age. The
metallicities are checked against the benchmarks' catalogue at VizieR (III/281, Blanco-Cuaresma et al. 2014).
"""

import logging
from collections.abc import Mapping

import numpy as np

from stelnet.catalogues._common import RawFile, Rows, dex, limits_in_dex, mass, number, text
from stelnet.errors import DataError

log = logging.getLogger(__name__)

TABLE = {
    "starid": text(empty=True),
    "Name": text(),
    "M": mass(),
    "M_err": number(0, 300, "Msun"),
    "Lum": number(-5, 7.5, "dex(Lsun)"),
    "Lum_err": number(0, 5, "dex"),
    "Teff": number(2000, 60000, "K"),
    "Teff_err": number(0, 10000, "K"),
    "[Fe/H]": number(-5, 1, "dex"),
    "age_min": number(0.001, 14, "Gyr", empty=True),
    "age_max": number(0.001, 14, "Gyr", empty=True),
    "med_age": number(0.001, 14, "Gyr"),
}
BENCHMARKS = {"StarID1": text(), "StarID2": text(empty=True), "[Fe/H]": number(-5, 1, "dex", empty=True)}

#: Largest difference of the two [Fe/H] of a star [dex]: the twelve stars agree to the last printed digit, the
#: Sun's spectroscopic value in III/281 is 0.03 where the table has 0.
FEH_TOLERANCE = 0.05


def read_catalogue(files: Mapping[str, RawFile], *, variant: str, max_abs_feh: float, **_: object) -> Rows:
    """Read the catalogue: roles `table` and, if given, `metallicities` (III/281) to check it against."""
    table = files["table"].read(TABLE)
    star_id = table["starid"].str.replace(r"^HD\s*", "HD ", regex=True).fillna(table["Name"])
    rows = Rows(table.assign(feh=table["[Fe/H]"], feh_source="measured"), star_id)
    if "metallicities" in files:
        check_metallicities(rows, files["metallicities"])
    drop_metal_rich_and_poor(rows, max_abs_feh)

    stars = rows.table
    stars["log_teff"] = np.log10(stars["Teff"])
    stars["e_log_teff"] = dex(stars["Teff"], stars["Teff_err"])
    stars["log_lum"] = stars["Lum"]
    stars["log_age"] = np.log10(stars["med_age"]) + 9.0
    stars["log_mass"] = np.log10(stars["M"])
    # delta Eri's luminosity and the Sun's luminosity and mass have 0 where the table knows no error
    stars["e_log_lum"] = stars["Lum_err"].where(stars["Lum_err"] > 0)
    m, m_error = stars["M"], stars["M_err"].where(stars["M_err"] > 0)
    if variant == "corrected":
        age_errors = limits_in_dex(stars["med_age"], stars["age_min"], stars["age_max"])
        mass_errors = limits_in_dex(m, m - m_error, m + m_error)
    else:
        age_errors = 2 * (dex(stars["med_age"], (stars["age_max"] - stars["age_min"]) / 2.0),)
        mass_errors = 2 * (dex(m, m_error),)
    stars["e_log_age_lo"], stars["e_log_age_hi"] = age_errors
    stars["e_log_mass_lo"], stars["e_log_mass_hi"] = mass_errors
    return rows


def drop_metal_rich_and_poor(rows: Rows, max_abs_feh: float) -> None:
    """Leave out the stars whose |[Fe/H]| is not below `max_abs_feh` [dex]."""
    feh = rows.table["feh"]
    reason = feh.map(lambda value: f"[Fe/H] = {value:+.2f} is not within {max_abs_feh:g} dex of solar")
    rows.drop(feh.abs() >= max_abs_feh, reason)


def check_metallicities(rows: Rows, file: RawFile) -> None:
    """Compare the stars' [Fe/H] with III/281, by HD number or name; log the stars that are not in it.

    Raises
    ------
    DataError
        The two differ by more than :data:`FEH_TOLERANCE`.
    """
    benchmarks = file.read(BENCHMARKS).dropna(subset="[Fe/H]")
    known = {
        str(name).replace(" ", ""): feh
        for column in ("StarID1", "StarID2")
        for name, feh in zip(benchmarks[column], benchmarks["[Fe/H]"], strict=True)
    }
    reference = rows.table["star_id"].str.replace(" ", "").map(known)
    for star in rows.table.loc[reference.isna(), "star_id"]:
        log.warning("%s: not in %s, its [Fe/H] could not be checked", star, file.path)
    wrong = (rows.table["feh"] - reference).abs() > FEH_TOLERANCE
    for row, star in rows.table.assign(reference=reference)[wrong].iterrows():
        raise DataError(
            f"{star['star_id']} (row {row}): [Fe/H] = {star['feh']:+.2f}, but {star['reference']:+.2f} in "
            f"{file.path}; they may differ by {FEH_TOLERANCE:g} dex. One of the files is not the right one."
        )
