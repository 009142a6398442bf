"""Small made-up tables in the workflow's own formats, enough to draw every figure."""

from pathlib import Path

import numpy as np
import pandas as pd

from stelnet.io import write_csv, write_table
from stelnet.terms import STAR_COLUMNS

#: Name -> label, stage and number of stars of the catalogues and of the clusters.
CATALOGUES = {
    "Few": ("Few & bright", "post", 12),
    "Many": ("Many", "post", 400),
    "Young": ("Young", "pre", 90),
    "Infant": ("Infant", "pre", 120),
}
CLUSTERS = {"Old": ("Old cluster", "post", 20), "Fresh": ("Fresh cluster", "pre", 60)}
LABELS = {name: label for name, (label, _, _) in CATALOGUES.items()}
ZAMS_EEP = 202
LITERATURE = {"Old": (8.9, 0.02, 0.01), "Fresh": (7.4, 0.03, 0.02)}


def stars(name: str, stage: str, n: int) -> pd.DataFrame:
    """A standard star table on a plausible sequence; the first star has no error bars, like the Sun."""
    random = np.random.default_rng(len(name))
    table = pd.DataFrame(index=range(n), columns=list(STAR_COLUMNS), dtype=float)
    table["log_mass"] = random.uniform(-0.5, 0.3, n) - 0.3 * (stage == "pre")
    table["log_teff"] = 3.76 + 0.3 * table["log_mass"]
    table["log_lum"] = 4 * table["log_mass"] + random.normal(0, 0.2, n)
    table["log_age"] = random.normal(9 if stage == "post" else 6.3, 0.3, n)
    errors = [name for name in STAR_COLUMNS if name.startswith("e_")]
    table[errors] = 0.05
    table.loc[0, errors] = np.nan
    table["star_id"] = [f"{name} {i}" for i in range(n)]
    table["catalogue"], table["stage"], table["feh_source"] = name, stage, "assumed"
    if name in LITERATURE:
        table["log_age"], table["e_log_age_lo"], table["e_log_age_hi"] = LITERATURE[name]
    return table


def predicted(stage: str, model: str) -> pd.DataFrame:
    """The predictions of a model for every star of a stage, of catalogues and clusters."""
    random = np.random.default_rng(len(model))
    tables = [stars(key, s, n) for key, (_, s, n) in (CATALOGUES | CLUSTERS).items() if s == stage]
    table = pd.concat(tables, ignore_index=True).rename(columns={"catalogue": "sample"})
    for quantity in ("age", "mass"):
        table[f"log_{quantity}_mean"] = table[f"log_{quantity}"] + random.normal(0.1, 0.1, len(table))
        table[f"log_{quantity}_sd"] = 0.05
    return table


def tracks() -> pd.DataFrame:
    """Standard MIST rows of a few masses."""
    mass, eep = np.meshgrid([0.1, 0.5, 0.8, 1.0, 1.5, 2.0, 5.0], [1, 100, ZAMS_EEP, 400, 605, 700])
    table = pd.DataFrame({"initial_mass": mass.ravel(), "eep": eep.ravel()})
    table["log_mass"] = np.log10(table["initial_mass"])
    table["log_teff"] = 3.76 + 0.3 * table["log_mass"] - 1e-4 * abs(table["eep"] - ZAMS_EEP)
    table["log_lum"] = 4 * table["log_mass"] + 3e-3 * abs(table["eep"] - ZAMS_EEP)
    table["log_age"] = 7.6 - 2 * table["log_mass"] + 1e-3 * table["eep"]
    return table


def zams() -> pd.DataFrame:
    """ZAMS ages as a function of initial mass."""
    mass = np.array([0.1, 0.2, 0.5, 1.0, 2.0, 10.0])
    return pd.DataFrame(
        {
            "initial_mass": mass,
            "log_mass": np.log10(mass),
            "log_age_zams": 8 - 2 * np.log10(mass),
            "log_age_end": 11.0,
        }
    )


def pearson() -> pd.DataFrame:
    """A table of coefficients in which each of ours is another number, beside those of another source."""
    keys = pd.MultiIndex.from_product(
        [
            ["published", "corrected"],
            ["pre", "post"],
            ["baseline", "transfer"],
            ["this_work", "paper"],
            ["age", "mass"],
        ],
        names=["variant", "stage", "model", "source", "quantity"],
    )
    return keys.to_frame(index=False).assign(
        r=np.arange(len(keys)) / 1000 + 0.5, n=np.arange(len(keys)) + 100
    )


def write(folder: Path, simulated: bool) -> None:
    """Write all of the above where the workflow has it (variant "published")."""
    metadata = {"simulated": str(simulated).lower()}
    for part, samples in (("catalogues/published", CATALOGUES), ("clusters", CLUSTERS)):
        for name, (_, stage, n) in samples.items():
            write_table(
                stars(name, stage, n), folder / part / f"{name}.parquet", metadata | {"catalogue": name}
            )
    for stage in ("pre", "post"):
        for model in ("baseline", "transfer"):
            table = folder / f"predictions/this_work/{model}/published/{stage}.parquet"
            write_table(predicted(stage, model), table, metadata)
    write_table(tracks(), folder / "mist/tracks.parquet", metadata)
    write_table(zams(), folder / "mist/zams.parquet", metadata)
    write_csv(pearson(), folder / "tables/pearson.csv")
