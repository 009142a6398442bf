"""Catalogues and clusters drawn from the simulated tracks, each in the file format of its real counterpart.

Every table has the columns of the real one and its traps: rows without luminosity or age, bounds given as
errors, error columns computed wrongly, stars listed twice. Columns that nothing uses are left empty.
Stars have names or numbers that no real star has.

What a catalogue reports differs from the truth by noise of the size of its errors and by :data:`OFFSET`,
as if its authors had used other evolutionary models: the difference that transfer learning is to learn.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.table import Table

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.files import atomic_path
from stelnet.io import write_csv
from stelnet.seeds import generator
from stelnet.simulation.archive import write_archive
from stelnet.simulation.isochrones import write_cube
from stelnet.simulation.tracks import SOLAR_LOG_G, SOLAR_LOG_TEFF, Evolution, eep_at, evolution

#: Reported minus true log age and log mass, of each stage [dex].
OFFSET = {"pre": (-0.15, 0.03), "post": (0.15, -0.02)}
#: First of the invented numbers, above all real ones of Hipparcos and of the TESS Input Catalog.
FIRST_HIP, FIRST_TIC = 900_000_001, 900_000_000_001
#: Catalogues report no greater age than this [dex yr], as the models behind them end somewhere.
OLDEST = 9.95
#: Elements of III/281, besides iron.
ELEMENTS = ("Mg", "Si", "Ca", "Ti", "Sc", "V", "Cr", "Mn", "Co", "Ni")
LN10 = np.log(10)

Range = tuple[float, float]
#: Writes the file of a dataset, from a seed.
Simulator = Callable[[Path, int], None]
SIMULATORS: dict[str, Simulator] = {}


def register(dataset: str) -> Callable[[Simulator], Simulator]:
    """Register a function that writes a dataset of resources/datasets.yaml to a path."""

    def keep(function: Simulator) -> Simulator:
        SIMULATORS[dataset] = function
        return function

    return keep


def simulate(dataset: str, path: str | Path, seed: int) -> None:
    """Write the simulated file of a dataset; the same seed makes the same bytes.

    Raises
    ------
    DataError
        The dataset has no simulated counterpart.
    """
    if dataset not in SIMULATORS:
        raise DataError(
            f"{dataset}: no simulated counterpart; there are {', '.join(SIMULATORS)}. "
            "Leave it out of the demo's configuration, or register one in workflow/stelnet/simulation/sky.py."
        )
    SIMULATORS[dataset](Path(path), seed)


def _stars(rng: np.random.Generator, count: int, masses: Range, eeps: Range) -> Evolution:
    """Draw stars evenly in EEP, and with most masses [Msun] in the lower half of their range."""
    low, high = np.log10(masses)
    return evolution(10 ** (low + (high - low) * rng.random(count) ** 2), rng.uniform(*eeps, count))


def _reported(
    stars: Evolution, rng: np.random.Generator, stage: str, teff: float, lum: float, age: float, mass: float
) -> Evolution:
    """Return what a catalogue of a stage says of stars: noise of the given sizes [dex], and the offset."""
    age_offset, mass_offset = OFFSET[stage]
    shift = (0, 0, age_offset, mass_offset)
    errors = (teff, lum, age, mass)
    reported = Evolution(
        *(
            value + by + rng.normal(0, error, len(value))
            for value, by, error in zip(stars, shift, errors, strict=True)
        )
    )
    return reported._replace(log_age=np.minimum(reported.log_age, OLDEST))


def _log_g(stars: Evolution) -> Floats:
    log_g: Floats = SOLAR_LOG_G + stars.log_mass + 4 * (stars.log_teff - SOLAR_LOG_TEFF) - stars.log_lum
    return log_g


def _narrower_side(table: pd.DataFrame, name: str, value: str, lower: str, upper: str) -> None:
    """Add a quantity's error columns as the assembled tables have them: the narrower distance to a bound."""
    table[f"{name}_up_diff"] = (table[upper] - table[value]).abs()
    table[f"{name}_lo_diff"] = (table[value] - table[lower]).abs()
    table[f"{name}_err"] = table[[f"{name}_up_diff", f"{name}_lo_diff"]].min(axis=1)


def _write(table: pd.DataFrame, columns: str, path: Path) -> None:
    """Write the named columns, in their order; those that the table lacks are empty."""
    write_csv(table.reindex(columns=columns.split()), path)


@register("mist_tarball")
def mist_tarball(path: Path, seed: int) -> None:
    """Write the archive of tracks; it is the same whatever the seed."""
    write_archive(path)


@register("mist_cube")
def mist_cube(path: Path, seed: int) -> None:
    """Write the cube of isochrones; it is the same whatever the seed."""
    write_cube(path)


@register("dh")
def david_hillenbrand(path: Path, seed: int) -> None:
    """Write 300 dwarfs: some without luminosity or age, two alike in all but their luminosities."""
    rng = generator(seed, "sky", "dh")
    count = 300
    e_age, e_mass = 0.12, 0.03
    stars = _reported(_stars(rng, count, (1.1, 4), (270, 440)), rng, "post", 0.015, 0.02, e_age, e_mass)
    age, mass = np.round(10 ** (stars.log_age - 6)), np.round(10**stars.log_mass, 2)
    teff, lum = np.round(10**stars.log_teff), 10**stars.log_lum
    table = pd.DataFrame(
        {
            "HIP": FIRST_HIP + np.arange(count),
            "Teff": teff.astype(int),
            "e_Teff": np.round(0.034 * teff).astype(int),
            "log(g)": np.round(_log_g(stars), 2),
            "e_log(g)": 0.14,
            "Ageavg": age,
            "Age68lo": np.floor(age * 10**-e_age),
            "Age68up": np.ceil(age * 10 ** (1.5 * e_age)),
            "Age68t": 68,
            "Mavg": mass,
            "M68lo": np.floor(10 * mass * 10**-e_mass) / 10,
            "M68up": np.ceil(10 * mass * 10**e_mass) / 10,
            "M68t": 68,
            "lum_val": lum,
        }
    )
    twin = list(table.columns.difference(["HIP", "lum_val"]))
    table.loc[11, twin] = table.loc[10, twin]
    without_lum, without_age = np.split(rng.permutation(np.arange(20, count))[:63], [60])
    table.loc[without_lum, "lum_val"] = np.nan
    table.loc[without_age, ["Ageavg", "Age68lo", "Age68up", "Mavg", "M68lo", "M68up"]] = np.nan
    # as quoted there: far below the true scatter
    table["lum_percentile_lower"], table["lum_percentile_upper"] = (
        0.9945 * table.lum_val,
        1.0055 * table.lum_val,
    )
    _narrower_side(table, "age", "Ageavg", "Age68lo", "Age68up")
    _narrower_side(table, "mass", "Mavg", "M68lo", "M68up")
    table["Age"], table["Age_err"] = 1e6 * table.Ageavg, 1e6 * table.age_err
    table["logAge"], table["logAge_err"] = np.log10(table.Age), table.age_err / table.Ageavg / LN10
    table["logMass"], table["logMass_err"] = np.log10(table.Mavg), table.mass_err / table.Mavg / LN10
    table["logTeff"], table["logLum"] = np.log10(table.Teff), np.log10(table.lum_val)
    columns = (
        "HIP Teff e_Teff log(g) e_log(g) vsini r_vsini Ageavg Agemed Agemod Age68lo Age68up Age68t Age95lo "
        "Age95up Age95t Age2D Mavg Mmed Mmod M68lo M68up M68t M95lo M95up M95t M2D source_id "
        "phot_g_mean_mag phot_g_mean_flux phot_g_mean_flux_error phot_bp_mean_mag phot_bp_mean_flux "
        "phot_bp_mean_flux_error phot_rp_mean_mag phot_rp_mean_flux phot_rp_mean_flux_error lum_val "
        "lum_percentile_lower lum_percentile_upper age_up_diff age_lo_diff age_err mass_up_diff "
        "mass_lo_diff mass_err Age Age_err logAge logAge_err logMass logMass_err logTeff logLum"
    )
    _write(table, columns, path)


def _benchmarks(seed: int) -> pd.DataFrame:
    """Return 36 stars; of the first 14, one is metal-poor, one lacks an error, the last is the real Sun."""
    rng = generator(seed, "sky", "benchmarks")
    count = 35
    stars = _reported(_stars(rng, count, (1.05, 2.5), (320, 480)), rng, "post", 0.003, 0.01, 0.08, 0.02)
    age = 10 ** (stars.log_age - 9)
    mass, feh = 10**stars.log_mass, rng.normal(0, 0.15, count).clip(-0.4, 0.4)
    feh[12] = -0.62
    numbers = np.arange(1, count + 1)
    table = pd.DataFrame(
        {
            "starid": [f"SIM{number:05d}" for number in numbers],
            "Name": [f"SIM {number}" for number in numbers],
            "M": np.round(mass, 2),
            "M_err": np.round(0.05 * mass, 2),
            "Lum": np.round(stars.log_lum, 3),
            "Lum_err": 0.01,
            "Teff": np.round(10**stars.log_teff).astype(int),
            "Teff_err": 45,
            "[Fe/H]": np.round(feh, 2),
            "age_min": np.round(0.8 * age, 2),
            "age_max": np.round(1.2 * age, 2),
        }
    )
    table.loc[2, "Lum_err"] = 0
    sun = dict(Name="Sun", M=1.0, M_err=0.0, Lum=0.0, Lum_err=0.0, Teff=5771, Teff_err=1) | {"[Fe/H]": 0.0}
    return pd.concat([table[:13], pd.DataFrame([sun]), table[13:]], ignore_index=True)


@register("fgk")
def fgk_benchmarks(path: Path, seed: int) -> None:
    """Write 14 benchmarks: luminosities are logarithms, ages are ranges, the Sun has no error of age."""
    table = _benchmarks(seed)[:14].copy()
    table["med_age"] = ((table.age_min + table.age_max) / 2).fillna(4.57)
    table["age_err"] = (table.age_max - table.age_min) / 2
    table["logAge"], table["logAge_err"] = np.log10(table.med_age) + 9, table.age_err / table.med_age / LN10
    table["logMass"], table["logMass_err"] = np.log10(table.M), table.M_err / table.M / LN10
    table["logTeff"], table["logLum"] = np.log10(table.Teff), table.Lum
    columns = (
        "starid Name M M_err Lum Lum_err Teff Teff_err [Fe/H] age_min age_max med_age age_err logAge "
        "logAge_err logMass logMass_err logTeff logLum"
    )
    _write(table, columns, path)


@register("gbs")
def gaia_benchmark_metallicities(path: Path, seed: int) -> None:
    """Write all benchmarks' metallicities as a FITS export of III/281 with rewritten column names."""
    stars = _benchmarks(seed)
    count = len(stars)
    sun = stars["Name"] == "Sun"
    table = Table(meta={"EXTNAME": "III_281_gbs"})
    for name in ("_RAJ2000", "_DEJ2000"):
        table[name] = np.zeros(count)
    for name in ("P2", "P3", "P4", "P5"):
        table[name] = np.full(count, name)
    table["StarID1"] = stars["Name"].to_numpy("U9")
    table["StarID2"] = stars.starid.fillna("").to_numpy("U8")
    table["StarID3"] = np.where(sun, "", [f"HIP9{row:05d}" for row in range(count)])
    table["StarID4"] = np.zeros(count, int)
    table["RAJ2000"], table["DEJ2000"] = table["_RAJ2000"], table["_DEJ2000"]
    table["SpType"] = np.where(sun, "", "G2V").astype("U15")
    table["Teff"], table["e_Teff"] = stars.Teff.to_numpy(np.int16), stars.Teff_err.to_numpy(np.int16)
    numbers = ["logg", "e_logg", "__Fe_H_", "e__Fe_H_"]
    numbers += [f"{error}logeps_{element}_" for element in ELEMENTS for error in ("", "e_")]
    numbers += [f"{error}__{element}_H_" for element in ELEMENTS for error in ("", "e")]
    for name in numbers:
        table[name] = np.full(count, np.nan, np.float32)
    table["__Fe_H_"], table["e__Fe_H_"] = stars["[Fe/H]"].to_numpy(np.float32), np.float32(0.05)
    table["SimbadName"] = stars["Name"].to_numpy("U9")
    table["Teff"].unit = table["e_Teff"].unit = "K"
    with atomic_path(path) as temporary:
        table.write(temporary, format="fits", overwrite=True)


@register("gr")
def godoy_rivera(path: Path, seed: int) -> None:
    """Write 123 subgiants, three without a fit; the derived errors take the quoted ones for bounds."""
    rng = generator(seed, "sky", "gr")
    count = 123
    stars = _reported(_stars(rng, count, (1.2, 1.9), (450, 485)), rng, "post", 0.0025, 0.02, 0.1, 0.04)
    teff, lum, mass = 10**stars.log_teff, 10**stars.log_lum, 10**stars.log_mass
    age = 10 ** (stars.log_age - 9)
    radius = np.sqrt(lum) * (teff / 5772) ** -2
    table = pd.DataFrame({"TIC": FIRST_TIC + np.arange(count), "Flagfit": "yes"})
    for name, value, digits, upper, lower in (
        ("Luminosity", lum, 2, 0.05, 0.045),
        ("Teff", teff, 0, 0.006, 0.0055),
        ("Radius", radius, 3, 0.02, 0.019),
        ("logg", _log_g(stars), 3, 0.012, 0.013),
        ("Mass", mass, 2, 0.09, 0.1),
        ("Age", age, 2, 0.3, 0.22),
    ):
        table[name] = np.round(value, digits)
        for side, share in ("E", upper), ("e", lower):
            table[f"{side}_{name}"] = np.round(share * rng.uniform(0.6, 1.4, count) * value, digits)
    for prefix in ("", "e_", "E_"):
        table[f"{prefix}Ageyr"] = 1e9 * table[f"{prefix}Age"]
    _narrower_side(table, "age", "Ageyr", "e_Ageyr", "E_Ageyr")
    _narrower_side(table, "mass", "Mass", "e_Mass", "E_Mass")
    table["logAge"], table["logAge_err"] = np.log10(table.Ageyr), table.age_err / table.Ageyr / LN10
    table["logMass"] = np.log10(table.Mass)
    table["logMass_err"] = table.mass_err / table.Mass * np.log10(1 / LN10)
    table["logLum"], table["logTeff"] = np.log10(table.Luminosity), np.log10(table.Teff)
    unfitted = rng.choice(count, 3, replace=False)
    table.loc[unfitted, "Flagfit"] = "no"
    table.loc[unfitted, table.columns.difference(["TIC", "Flagfit"])] = np.nan
    columns = (
        "TIC Flagfit Luminosity E_Luminosity e_Luminosity Teff E_Teff e_Teff Radius E_Radius e_Radius logg "
        "E_logg e_logg Mass E_Mass e_Mass Age E_Age e_Age Ageyr e_Ageyr E_Ageyr age_up_diff age_lo_diff "
        "age_err mass_up_diff mass_lo_diff mass_err logAge logAge_err logMass logMass_err logLum logTeff"
    )
    _write(table, columns, path)


@register("onc")
def onc(path: Path, seed: int) -> None:
    """Write 200 young stars, 150 of them complete, of which two have implausible ages."""
    rng = generator(seed, "sky", "onc")
    count = 200
    stars = _reported(_stars(rng, count, (0.15, 3), (105, 175)), rng, "pre", 0.012, 0.05, 0.15, 0.04)
    table = pd.DataFrame(
        {
            "Name": [f"SIM{number:04d}" for number in range(1, count + 1)],
            "logTeff": np.round(stars.log_teff, 3),
            "logLum": np.round(stars.log_lum, 2),
            "Mass": np.round(10**stars.log_mass, 2),
            "logAge": np.round(stars.log_age, 2),
        }
    )
    known, unsized, cold, nameless = np.split(rng.permutation(count), [150, 155, 165])
    table.loc[known[:2], "logAge"] = 2.8, 3.7
    table.loc[unsized, "logAge"] = np.nan
    table.loc[cold, ["logLum", "Mass", "logAge"]] = np.nan
    table.loc[nameless, ["logTeff", "logLum", "Mass", "logAge"]] = np.nan
    table["logMass"] = np.log10(table.Mass)
    _write(table, "Name logTeff logLum Mass logAge logMass", path)


@register("ngc6530")
def ngc6530(path: Path, seed: int) -> None:
    """Write 60 young stars, all listed twice; temperatures follow from luminosities and radii."""
    rng = generator(seed, "sky", "ngc6530")
    stars = _reported(_stars(rng, 60, (0.3, 2), (100, 165)), rng, "pre", 0.012, 0.05, 0.15, 0.04)
    lum = np.round(10**stars.log_lum, 2)
    table = pd.DataFrame(
        {
            "Mass": np.round(10**stars.log_mass, 2),
            "Age": np.round(10 ** (stars.log_age - 6), 2),
            "Lbol": lum,
            "Rad": np.round(np.sqrt(lum) * (10**stars.log_teff / 5771) ** -2, 2),
        }
    )
    table["logAge"] = np.log10(table.Age) + 6
    table["T/Tsun"] = (table.Lbol / table.Rad**2) ** 0.25
    table["Teff"] = 5771 * table["T/Tsun"]
    table["logMass"], table["logTeff"], table["logLum"] = (
        np.log10(table[name]) for name in ("Mass", "Teff", "Lbol")
    )
    table = pd.concat([table, table])
    _write(table, "Mass Age Lbol Rad logAge T/Tsun Teff logMass logTeff logLum", path)


def _cluster(path: Path, seed: int, name: str, stage: str, count: int, masses: Range, log_age: float) -> None:
    """Write a cluster's members in the columns of Wright et al. 2011, its age in those of Bossini et al.

    As there, luminosities exceed R^2 Teff^4, missing values are dashes, and the columns named as errors of
    the age are its bounds: e_ the upper one, E_ the lower one.
    """
    rng = generator(seed, "sky", name)
    mass = rng.uniform(*masses, count)
    stars = _reported(evolution(mass, eep_at(mass, log_age)), rng, stage, 0.005, 0.03, 0, 0.01)
    names = [f"SIM-{name}-{number:02d}" for number in range(1, count + 1)]
    teff, lum = np.round(10**stars.log_teff), 10**stars.log_lum
    upper, lower = log_age + 0.02, log_age - 0.015
    table = pd.DataFrame(
        {
            "RA": np.round(rng.uniform(0, 1, count), 6),
            "DEC": np.round(rng.uniform(0, 1, count), 6),
            "Star_name": names,
            "Cluster_name": name,
            "Age_Myr": round(10 ** (log_age - 6)),
            "Mass": np.round(10**stars.log_mass, 3),
            "Radius": np.round(np.sqrt(lum / rng.uniform(1.11, 1.35, count)) * (teff / 5772) ** -2, 4),
            "Teff": teff.astype(int),
            "Lbol": lum,
            "logTeff": np.log10(teff),
            "logLum": stars.log_lum,
            "logMass": stars.log_mass,
            "logAge_wright": log_age,
            "logA_boss": log_age,
            "e_logA_boss": upper,
            "E_logA_boss": lower,
            "age_up_diff": upper - log_age,
            "age_lo_diff": log_age - lower,
            "logA_err": log_age - lower,
            "logAge": log_age,
        }
    )
    columns = (
        "RA DEC Star_name Cluster_name Age_Myr DistancePC V B-V V-I J H Ks 2mass_quality V-Ks spectral_type "
        "ref binarity L_X L_X_err L_x_upper_lim Lx_ref P_rot P_rot_err P_rot_upper_lim P_rot_ref "
        "data_origin Mass Radius Teff d(r) Lbol log(Lx/Lbol) HD HIP Gliese var_name 2mass_name logTeff "
        "logLum logMass logAge_wright logA_boss e_logA_boss E_logA_boss age_up_diff age_lo_diff logA_err "
        "logAge"
    )
    write_csv(table.reindex(columns=columns.split(), fill_value="-"), path)


@register("praesepe")
def praesepe(path: Path, seed: int) -> None:
    """Write a cluster of 20 main-sequence stars."""
    _cluster(path, seed, "Praesepe", "post", 20, (0.5, 1.6), 8.85)


@register("ngc2547")
def ngc2547(path: Path, seed: int) -> None:
    """Write a young cluster of 60 stars before the main sequence."""
    _cluster(path, seed, "NGC2547", "pre", 60, (0.2, 0.9), 7.45)
