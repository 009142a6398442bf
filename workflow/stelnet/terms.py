"""The words of the project, once: stages, quantities, columns of the standard table, units."""

import numpy as np

#: Columns of the standard star table, in order, with their units.
STAR_COLUMNS: dict[str, str] = {
    "star_id": "",
    "catalogue": "",
    "stage": "",
    "log_teff": "dex(K)",
    "e_log_teff": "dex",
    "log_lum": "dex(Lsun)",
    "e_log_lum": "dex",
    "log_age": "dex(yr)",
    "e_log_age_lo": "dex",
    "e_log_age_hi": "dex",
    "log_mass": "dex(Msun)",
    "e_log_mass_lo": "dex",
    "e_log_mass_hi": "dex",
    "feh": "dex",
    "feh_source": "",
    "ra": "deg",
    "dec": "deg",
}
#: Units of every column that the workflow writes to Parquet; columns not named here have none.
UNITS: dict[str, str] = STAR_COLUMNS | {
    "initial_mass": "Msun",
    "log_age_zams": "dex(yr)",
    "log_age_end": "dex(yr)",
    "log_age_mean": "dex(yr)",
    "log_age_sd": "dex",
    "log_mass_mean": "dex(Msun)",
    "log_mass_sd": "dex",
}
STAGES = ("pre", "post")
LOG_AGE_UNIVERSE = np.log10(13.8e9)
