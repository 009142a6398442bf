"""What a prediction consists of: names, units and meaning of its columns, and its flags."""

from enum import IntFlag, StrEnum, auto
from typing import Literal

import numpy as np

from stelnet.terms import QUANTITIES, STAGES, UNITS


class Method(StrEnum):
    """How the networks, or the grid that they have learnt from, are evaluated."""

    AUTO = "auto"
    NETWORK = "network"
    EXACT_GRID = "exact-grid"
    EXACT = "exact"
    TABLE = "table"


#: A method, or its name.
MethodName = Method | Literal["auto", "network", "exact-grid", "exact", "table"]
#: Column of a quantity -> (unit, what it is).
LOGS = {f"log_{name}": (UNITS[f"log_{name}"], f"log10 of the {words}") for name, words in QUANTITIES.items()}
#: Suffix -> (probability, quantile of the standard normal distribution).
QUANTILES = {
    "median": (0.5, 0.0),
    "p16": (0.16, -0.99445788),
    "p84": (0.84, 0.99445788),
    "p2_5": (0.025, -1.95996398),
    "p97_5": (0.975, 1.95996398),
}

FEH = {"feh": ("dex", "[Fe/H]")}
_FLAGS = {"flags": ("", "names of the flags raised, separated by commas")}
_P_PRE = {"p_pre": ("", "probability that the star is before the ZAMS")}


def _quantiles(name: str, unit: str, text: str) -> dict[str, tuple[str, str]]:
    what = {
        suffix: "median" if suffix == "median" else f"{100 * level:g}th percentile"
        for suffix, (level, _) in QUANTILES.items()
    }
    return {
        f"{name}_{suffix}": (unit, f"{words} of the posterior of {text}") for suffix, words in what.items()
    }


def _samples(quantities: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {
        f"{name}_samples": (unit, f"draws from the posterior of {text}")
        for name, (unit, text) in quantities.items()
    }


#: Column -> (unit, description), in the order of the output: what the ensembles of networks answer.
COLUMNS: dict[str, tuple[str, str]] = {}
for _name, (_unit, _text) in LOGS.items():
    COLUMNS |= _quantiles(_name, _unit, _text)
    for _stage, _when in STAGES.items():
        COLUMNS[f"{_name}_{_stage}_mean"] = _unit, f"mean of {_text} if the star is {_when}"
        COLUMNS[f"{_name}_{_stage}_sd"] = "dex", f"standard deviation of {_text} if the star is {_when}"
COLUMNS |= _P_PRE | _FLAGS
#: The same of the joint posterior of age, mass and [Fe/H].
POSTERIOR_COLUMNS: dict[str, tuple[str, str]] = {}
for _name, (_unit, _text) in (LOGS | FEH).items():
    POSTERIOR_COLUMNS |= _quantiles(_name, _unit, _text)
POSTERIOR_COLUMNS |= _P_PRE
for _percent in (68, 95):
    for _end, _which in (("lo", "lowest"), ("hi", "highest")):
        POSTERIOR_COLUMNS[f"log_age_data_{_end}{_percent}"] = (
            "dex(yr)",
            f"{_which} log10 of the age that the data allow at {_percent} %, whatever the prior",
        )
POSTERIOR_COLUMNS["age_information"] = "", "what the data add to the prior of the age [nats]"
POSTERIOR_COLUMNS |= _FLAGS
#: Columns of posterior draws, arrays of (draws,) a star, which come on request.
SAMPLES = _samples(LOGS)
POSTERIOR_SAMPLES = _samples(LOGS | FEH)


class Flag(IntFlag):
    """What is to be known of an answer, or why there is none; a bit each in ``Predictions.bits``."""

    MISSING_TEFF = auto()
    MISSING_LUM = auto()
    INVALID_TEFF = auto()
    INVALID_LUM = auto()
    INVALID_ERROR = auto()
    DEFAULT_ERROR = auto()
    OUTSIDE_TRACKS = auto()
    FAR_OUTSIDE = auto()
    PARTLY_OUTSIDE = auto()
    MIST_ONLY = auto()
    WRONG_STAGE = auto()
    TWO_MODES = auto()
    COARSE_TABLE = auto()
    OLDER_THAN_UNIVERSE = auto()
    AGE_FROM_PRIOR = auto()
    FEH_ASSUMED = auto()
    OUTSIDE_FEH = auto()
    ERROR_LIMITED = auto()


#: Name of a flag -> what it means, in the order of the bits.
FLAGS = {
    "missing_teff": "no effective temperature: no answer",
    "missing_lum": "no luminosity: no answer",
    "invalid_teff": "the effective temperature is not positive and finite: no answer",
    "invalid_lum": "the luminosity is not positive and finite: no answer",
    "invalid_error": "an error is negative or infinite: the default one is used",
    "default_error": "an error is missing: the default one is used",
    "outside_tracks": "the star and its errors are off the MIST tracks: the answer is extrapolated",
    "far_outside": "far from the MIST tracks: no answer",
    "partly_outside": "more than half of the errors' weight is off the MIST tracks",
    "mist_only": "no star like it was seen in transfer learning: the networks know it from MIST alone",
    "wrong_stage": "on the MIST tracks of the other stage only, not of the one asked for",
    "two_modes": "both stages are plausible and disagree: give the stage where it is known",
    "coarse_table": "interpolated across a fold of the networks' answers: ask for the exact method",
    "older_than_universe": "the median age exceeds that of the Universe, as MIST's tracks of light stars do",
    "age_from_prior": "the data say next to nothing of the age: its posterior is the prior",
    "feh_assumed": "no [Fe/H] is given: that of the solar neighbourhood is assumed",
    "outside_feh": "[Fe/H] is outside the range of the model: the nearest one inside is taken",
    "error_limited": "an error is outside the range of the model: the nearest one inside is taken",
}
#: Numbers that hold all flags.
BITS = np.uint32
