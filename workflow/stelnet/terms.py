"""The words of the project, once: stages, quantities, columns of the standard table, units."""

import math
from enum import StrEnum
from typing import Literal


class Stage(StrEnum):
    """Stages of evolution; the zero-age main sequence (ZAMS) parts them."""

    PRE = "pre"
    POST = "post"


#: A stage, or its name.
StageName = Stage | Literal["pre", "post"]
#: Name of a stage -> what it is.
STAGES: dict[str, str] = {Stage.PRE.value: "before the ZAMS", Stage.POST.value: "after the ZAMS"}
#: Quantities that are predicted, and what they are; their columns hold log10.
QUANTITIES: dict[str, str] = {"age": "age", "mass": "current mass"}
#: What readers see where there is no value.
MISSING = "–"
#: log10 of the age of the Universe, 13.8 Gyr [dex yr].
LOG_AGE_UNIVERSE = math.log10(13.8e9)
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
