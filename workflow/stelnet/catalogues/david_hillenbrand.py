"""BAF stars of David & Hillenbrand (2015), ages and masses from PARSEC isochrones at solar metallicity.

Source `assembled`: their table 5 with Gaia DR2 luminosities, as assembled by Garraffo et al. (2021) and used
in the paper, whose text names the TESS Input Catalogue instead. Source `vizier`: J/ApJ/804/146/table5 with
the luminosities of the TESS Input Catalogue 8.2 (IV/39/tic82, Stassun et al. 2019) by HIP number.
Ages and masses are the means (Ageavg, Mavg) of their posterior distributions, as in the paper.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd

from stelnet.catalogues._common import RawFile, Rows, dex, identifier, limits_in_dex, mass, number

TABLE = {
    "HIP": identifier(),
    "Teff": number(2000, 60000, "K"),
    "e_Teff": number(0, 10000, "K"),
    "log(g)": number(-1, 9, "dex(cm/s2)"),
    "Ageavg": number(0.1, 14000, "Myr", empty=True),
    "Age68lo": number(0, 14000, "Myr", empty=True),
    "Age68up": number(0, 14000, "Myr", empty=True),
    "Age68t": number(0, 100, "%", empty=True),
    "Mavg": mass(empty=True),
    "M68lo": number(0, 300, "Msun", empty=True),
    "M68up": number(0, 300, "Msun", empty=True),
    "M68t": number(0, 100, "%", empty=True),
}
GAIA = {
    name: number(1e-5, 1e7, "Lsun", empty=True)
    for name in ("lum_val", "lum_percentile_lower", "lum_percentile_upper")
}
TIC = {
    "HIP": identifier(unique=False),
    "Lum": number(1e-5, 1e7, "Lsun", empty=True),
    "s_Lum": number(0, 1e7, "Lsun", empty=True),
}

#: HIP numbers of the FGK benchmarks with ages (catalogue III/281, adapter fgk_benchmarks).
BENCHMARKS = {
    2021: "beta Hyi",
    16537: "epsilon Eri",
    17378: "delta Eri",
    32851: "HD 49933",
    37279: "Procyon",
    37826: "beta Gem",
    56343: "xi Hya",
    57757: "beta Vir",
    67927: "eta Boo",
    71681: "alpha Cen B",
    71683: "alpha Cen A",
    79672: "18 Sco",
}

#: Quoted "68 %" limits that hold less of the probability than this [%] are no 1-sigma limits.
MIN_CONTENT = 60


def read_catalogue(files: Mapping[str, RawFile], *, source: str, variant: str, **_: object) -> Rows:
    """Read the catalogue: role `table`, and `luminosities` (TESS Input Catalogue) of the source vizier."""
    table = files["table"].read(TABLE | (GAIA if source == "assembled" else {}))
    rows = Rows(table, "HIP " + table["HIP"].astype(str))
    if source == "assembled":
        add_gaia_luminosities(rows.table)
    else:
        add_tic_luminosities(rows.table, files["luminosities"].read(TIC))
    if variant == "corrected":
        drop_shared_parameters(rows)
        drop_benchmarks(rows)
    rows.drop_incomplete({"log_lum": "luminosity", "Ageavg": "age", "Mavg": "mass"})

    stars = rows.table
    stars["log_teff"] = np.log10(stars["Teff"])
    stars["e_log_teff"] = dex(stars["Teff"], stars["e_Teff"])
    stars["log_age"] = np.log10(stars["Ageavg"]) + 6.0
    stars["log_mass"] = np.log10(stars["Mavg"])
    add_errors = corrected_errors if variant == "corrected" else published_errors
    add_errors(stars)
    return rows


def add_gaia_luminosities(stars: pd.DataFrame) -> None:
    """Add log_lum and, from half the width of Gaia's percentiles, e_log_lum."""
    stars["log_lum"] = np.log10(stars["lum_val"])
    stars["e_log_lum"] = np.log10(stars["lum_percentile_upper"] / stars["lum_percentile_lower"]) / 2.0


def add_tic_luminosities(stars: pd.DataFrame, tic: pd.DataFrame) -> None:
    """Add log_lum and e_log_lum by HIP number; a number with the luminosities of several stars has none."""
    tic = tic.dropna(subset="Lum").drop_duplicates("HIP", keep=False).set_index("HIP")
    lum, error = (stars["HIP"].map(tic[name]) for name in ("Lum", "s_Lum"))
    stars["log_lum"] = np.log10(lum)
    stars["e_log_lum"] = dex(lum, error.where(error > 0))


def published_errors(stars: pd.DataFrame) -> None:
    """Add the errors that the paper used, equal on both sides and to first order in dex.

    Those of the ages are the narrower side of the 68 % limits, those of the masses the upper side, which is
    zero where the limit, rounded to 0.1 Msun, equals the value.
    """
    age, value = stars["Ageavg"], stars["Mavg"]
    narrower = cast("pd.Series", np.minimum((age - stars["Age68lo"]).abs(), (stars["Age68up"] - age).abs()))
    stars["e_log_age_lo"] = stars["e_log_age_hi"] = dex(age, narrower)
    stars["e_log_mass_lo"] = stars["e_log_mass_hi"] = dex(value, (stars["M68up"] - value).abs())


def corrected_errors(stars: pd.DataFrame) -> None:
    """Add the distances of either 68 % limit from the value (the mean), in dex.

    They are unknown where the limits do not enclose the value (a skewed distribution, or limits rounded to
    0.1 Msun) or hold less than :data:`MIN_CONTENT` % of the probability: the table has as little as 1 %.
    """
    for quantity, value, limit in (("age", "Ageavg", "Age68"), ("mass", "Mavg", "M68")):
        sound = stars[f"{limit}t"] >= MIN_CONTENT
        lower, upper = (stars[limit + end].where(sound) for end in ("lo", "up"))
        errors = limits_in_dex(stars[value], lower, upper)
        stars[f"e_log_{quantity}_lo"], stars[f"e_log_{quantity}_hi"] = errors


def drop_shared_parameters(rows: Rows) -> None:
    """Leave out stars that share all their parameters with another: they describe at most one of them.

    HIP 1196 and 1197, whose luminosities are 17.4 and 4.19 Lsun, have one set between them. Neither
    luminosity fits its temperature, gravity and mass, so that neither star can be shown to be the right one.
    """
    shared = ["Teff", "log(g)", "Ageavg", "Age68lo", "Age68up", "Mavg", "M68lo", "M68up"]
    groups = rows.table.dropna(subset=shared).groupby(shared)["star_id"]
    partners = groups.transform(lambda ids: ", ".join(ids)).where(groups.transform("size") > 1)
    partners = partners.reindex(rows.table.index)
    rows.drop(partners.notna(), "several stars share its temperature, gravity, age and mass: " + partners)


def drop_benchmarks(rows: Rows) -> None:
    """Leave out FGK benchmarks (HD 49933 alone is one), so that no star is in two catalogues."""
    name = rows.table["HIP"].map(BENCHMARKS)
    rows.drop(name.notna(), "an FGK benchmark: " + name)
