"""Subgiants of Godoy-Rivera et al. (2021): spectral energy distributions and MIST models.

The table gives every quantity with an upper (E_) and a lower (e_) error.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stelnet.catalogues._common import RawFile, Rows, dex, identifier, limits_in_dex, mass, number, text

TABLE = {
    "TIC": identifier(),
    "Flagfit": text("yes", "no"),
    "Luminosity": number(1e-5, 1e7, "Lsun", empty=True),
    "E_Luminosity": number(0, 1e7, "Lsun", empty=True),
    "e_Luminosity": number(0, 1e7, "Lsun", empty=True),
    "Teff": number(2000, 60000, "K", empty=True),
    "E_Teff": number(0, 10000, "K", empty=True),
    "e_Teff": number(0, 10000, "K", empty=True),
    "Mass": mass(empty=True),
    "E_Mass": number(0, 300, "Msun", empty=True),
    "e_Mass": number(0, 300, "Msun", empty=True),
    "Age": number(0.001, 14, "Gyr", empty=True),
    "E_Age": number(0, 14, "Gyr", empty=True),
    "e_Age": number(0, 14, "Gyr", empty=True),
}
#: Errors that were derived when the table was assembled for the paper.
DERIVED = {name: number(-10, 10, "dex", empty=True) for name in ("logAge_err", "logMass_err")}


def read_catalogue(files: Mapping[str, RawFile], *, variant: str, **_: object) -> Rows:
    """Read the catalogue: role `table`."""
    table = files["table"].read(TABLE | (DERIVED if variant == "published" else {}))
    rows = Rows(table, "TIC " + table["TIC"].astype(str))
    rows.drop(table["Flagfit"] != "yes", "no fit of the star (Flagfit is not 'yes')")
    rows.drop_incomplete({"Teff": "temperature", "Luminosity": "luminosity", "Age": "age", "Mass": "mass"})

    stars = rows.table
    stars["log_teff"] = np.log10(stars["Teff"])
    stars["e_log_teff"] = dex(stars["Teff"], (stars["E_Teff"] + stars["e_Teff"]) / 2.0)
    stars["log_lum"] = np.log10(stars["Luminosity"])
    stars["e_log_lum"] = dex(stars["Luminosity"], (stars["E_Luminosity"] + stars["e_Luminosity"]) / 2.0)
    stars["log_age"] = np.log10(stars["Age"]) + 9.0
    stars["log_mass"] = np.log10(stars["Mass"])
    errors = corrected_errors if variant == "corrected" else published_errors
    stars["e_log_age_lo"], stars["e_log_age_hi"] = errors(stars, "Age")
    stars["e_log_mass_lo"], stars["e_log_mass_hi"] = errors(stars, "Mass")
    return rows


def published_errors(stars: pd.DataFrame, quantity: str) -> tuple[pd.Series, pd.Series]:
    """Return the errors that the paper used, equal on both sides: those derived in the assembled table.

    They took the errors E_ and e_ for limits, so that the "error" of a mass of 1.28 with 0.23 either way is
    1.05 Msun (and that of one age is 0); those of the masses were also multiplied by ln(log10 e) = -0.834.
    """
    error = stars[f"log{quantity}_err"].abs()
    return error, error


def corrected_errors(stars: pd.DataFrame, quantity: str) -> tuple[pd.Series, pd.Series]:
    """Return the errors in dex from the table's own upper (E_) and lower (e_) errors."""
    value = stars[quantity]
    return limits_in_dex(value, value - stars[f"e_{quantity}"], value + stars[f"E_{quantity}"])
