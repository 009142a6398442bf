"""Simulation-based calibration: stars drawn from the prior, and where their truths rank in their posteriors.

Talts et al. (2018, arXiv:1804.06788). Choosing stars by what was measured of them does not spoil it: they are
thinned out where the H-R diagram is crowded, so that giants and young stars count as much as red dwarfs.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.stats import kstest, kstwobign, norm, truncnorm

from stelnet.arrays import Bools, Floats, Ints
from stelnet.evaluation.heldout import Method, Stars
from stelnet.evaluation.metrics import interval, mean, resampled
from stelnet.inference.exact.cube import Cube
from stelnet.inference.observed import FLOOR, JOINT, NEIGHBOURHOOD, AgePrior, Observed
from stelnet.seeds import derived_seed, generator
from stelnet.terms import LOG_AGE_UNIVERSE

#: Priors of age, and whether [Fe/H] is measured.
CASES = [(prior, feh) for prior in ("field", "log") for feh in ("measured", "unknown")]
#: Isochrones that stars are drawn from, and stars of each before thinning out.
ISOCHRONES, EACH = 4000, 100
#: Cells of the H-R diagram [dex K], [dex Lsun] of which each gives at most so many stars.
CELL, MOST = (0.05, 0.25), 25
#: Errors [dex] are drawn evenly in their logarithm between these: log Teff, log L, [Fe/H].
ERRORS = {"log_teff": (0.002, 0.06), "log_lum": (0.005, 0.3), "feh": (0.02, 0.3)}
#: Metallicities [dex] of the stars.
FEH = (-2.0, 0.5)
#: Last EEP of the pre-main sequence.
ZAMS_EEP = 202
#: Draws of each posterior, and bins of rank histograms.
DRAWS, BINS = 511, 16
CALIBRATION_COLUMNS = ("method", "prior", "feh", "quantity", "metric", "value", "lo", "hi", "n")


@dataclass(frozen=True)
class Simulated:
    """Stars with their truths.

    Attributes
    ----------
    truth
        Shape (3, n): log age, log mass, [Fe/H].
    pre
        Whether a star (n,) is before the ZAMS.
    observed
        What is measured of them.
    """

    truth: Floats
    pre: Bools
    observed: Observed


def kroupa(mass: Floats) -> Floats:
    """Return stars formed by unit of initial mass [1/Msun], not normalised (Kroupa 2001, MNRAS 322, 231)."""
    low, middle = mass < 0.08, mass < 0.5
    slope = np.select([low, middle], [0.3, 1.3], 2.3)
    # continuous at the breaks
    scale = np.select([low, middle], [0.08**-1.0 * 0.5**-1.0, 0.5**-1.0], 1.0)
    found: Floats = scale * mass**-slope
    return found


#: Stars formed of 0.1 to 300 solar masses, in the units of :func:`kroupa`.
WHOLE = quad(kroupa, 0.1, 300, points=[0.5], limit=200)[0]


def simulate(cube: Cube, prior: str, feh: str, seed: int, count: int) -> Simulated:
    """Return stars of a case of :data:`CASES`, at most `count`, drawn from the prior, with errors."""
    rng = generator(seed, "calibration", prior, feh)
    metals = _metallicities(rng, feh, (max(FEH[0], cube.feh[0]), min(FEH[1], cube.feh[-1])))
    ages = _ages(rng, AgePrior.parse(prior), float(cube.log_age[0]))
    parts = [_along(cube, metal, age, rng) for metal, age in zip(metals, ages, strict=True)]
    age, mass, metal, teff, lum, pre = (np.concatenate(column) for column in zip(*parts, strict=True))
    error = {
        name: 10 ** rng.uniform(np.log10(limits[0]), np.log10(limits[1]), len(age))
        for name, limits in ERRORS.items()
    }
    # what is measured scatters by the whole error, floor included
    total = {name: np.hypot(values, getattr(FLOOR, name)) for name, values in error.items()}
    seen = {
        name: value + total[name] * rng.standard_normal(len(age))
        for name, value in (("log_teff", teff), ("log_lum", lum), ("feh", metal))
    }
    rows = _thinned(rng, seen["log_teff"], seen["log_lum"], count)
    told = (seen["feh"][rows], error["feh"][rows]) if feh == "measured" else (None, None)
    observed = Observed.of(
        seen["log_teff"][rows], seen["log_lum"][rows], error["log_teff"][rows], error["log_lum"][rows], *told
    )
    return Simulated(np.stack([age, mass, metal])[:, rows], pre[rows], observed)


def _metallicities(rng: np.random.Generator, feh: str, limits: tuple[float, float]) -> Floats:
    if feh == "measured":
        return rng.uniform(*limits, ISOCHRONES)
    centre, sd = NEIGHBOURHOOD
    ends = [(limit - centre) / sd for limit in limits]
    found: Floats = truncnorm.rvs(*ends, centre, sd, ISOCHRONES, random_state=rng)
    return found


def _ages(rng: np.random.Generator, prior: AgePrior, first: float) -> Floats:
    """Return log ages: evenly in age^(1 - gamma), of which gamma is 0 or 1."""
    if prior.gamma == 1:
        return rng.uniform(first, LOG_AGE_UNIVERSE, ISOCHRONES)
    return np.log10(rng.uniform(10**first, 10**LOG_AGE_UNIVERSE, ISOCHRONES))


def _along(
    cube: Cube, feh: float, log_age: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats, Floats, Bools]:
    """Return log age, log mass, [Fe/H], log Teff, log L and stage of stars of one isochrone.

    The number of stars is in proportion to the mass that the isochrone still holds, as the prior is.
    """
    i = int(np.clip(np.searchsorted(cube.log_age, log_age) - 1, 0, len(cube.log_age) - 2))
    u = (log_age - cube.log_age[i]) / (cube.log_age[i + 1] - cube.log_age[i])
    j = int(np.clip(np.searchsorted(cube.feh, feh) - 1, 0, len(cube.feh) - 2))
    v = (feh - cube.feh[j]) / (cube.feh[j + 1] - cube.feh[j])
    block = cube.state[j : j + 2, i : i + 2].astype(float)
    states = np.tensordot([1 - v, v], np.tensordot([1 - u, u], block, (0, 1)), (0, 0))
    mass = 10 ** states[:, 0]
    number = kroupa((mass[1:] + mass[:-1]) / 2) * np.abs(np.diff(mass))
    number = np.where(np.isfinite(number), number, 0)
    total = number.sum()
    count = rng.poisson(EACH * total / WHOLE) if total else 0
    at = rng.choice(len(number), count, p=number / total) if count else np.empty(0, int)
    w = rng.random(count)[:, None]
    _, log_mass, teff, lum = ((1 - w) * states[at] + w * states[at + 1]).T
    # EEPs count from 1
    return np.full(count, log_age), log_mass, np.full(count, feh), teff, lum, at + 1 < ZAMS_EEP


def _thinned(rng: np.random.Generator, log_teff: Floats, log_lum: Floats, count: int) -> Ints:
    """Return rows, at most :data:`MOST` of a cell of the H-R diagram and at most `count`."""
    order = rng.permutation(len(log_teff))
    cell = pd.DataFrame({"x": np.floor(log_teff / CELL[0]), "y": np.floor(log_lum / CELL[1])}).iloc[order]
    return order[(cell.groupby(["x", "y"]).cumcount() < MOST).to_numpy()][:count]


def ranks(method: Method, stars: Simulated, prior: str, seed: int) -> Floats:
    """Return where the truths rank among draws from the posteriors, (3, n), evenly in (0, 1) if all is well.

    NaN for stars without a posterior.
    """
    drawn, _ = method.draws(stars.observed, AgePrior.parse(prior), DRAWS, derived_seed(seed, "ranks", prior))
    below = (drawn < stars.truth[:, :, None].astype(np.float32)).sum(axis=2)
    rng = generator(seed, "ranks", prior, "ties")
    found = (below + rng.random(below.shape)) / (DRAWS + 1)
    return np.where(np.isfinite(drawn).all(axis=2), found, np.nan)


def calibration(rank: Floats, method: str, prior: str, feh: str) -> pd.DataFrame:
    """Return what ranks (3, n) say: columns :data:`CALIBRATION_COLUMNS`.

    ``ks``: Kolmogorov-Smirnov distance from even ranks, of which `hi` is the 1 % level; ``coverage68``,
    ``coverage95``: of central intervals, with binomial 95 % intervals.
    """
    rows = []
    for quantity, values in zip(JOINT, rank, strict=True):
        values = values[np.isfinite(values)]
        n = len(values)
        name = quantity.removeprefix("log_")
        level = kstwobign.isf(0.01) / np.sqrt(n)
        rows.append((method, prior, feh, name, "ks", kstest(values, "uniform").statistic, np.nan, level, n))
        for metric, half in (("coverage68", 0.34), ("coverage95", 0.475)):
            share = float((np.abs(values - 0.5) < half).mean())
            error = norm.isf(0.025) * np.sqrt(share * (1 - share) / n)
            rows.append((method, prior, feh, name, metric, share, share - error, share + error, n))
    return pd.DataFrame(rows, columns=list(CALIBRATION_COLUMNS))


def agreement(exact: Method, network: Method, stars: Stars, seed: int) -> pd.DataFrame:
    """Compare posteriors of real stars: field prior, stage open, [Fe/H] as their labels assume.

    Returns
    -------
    Columns star_id, catalogue, log_teff, log_lum; of each quantity ``{quantity}_exact`` and
    ``{quantity}_network`` (medians), ``{quantity}_w1``: the Wasserstein distance of draws beyond that of two
    sets of draws from the exact posterior; p_pre_exact, p_pre_network.
    """
    rows, prior = np.flatnonzero(stars.known), AgePrior()
    observed = stars.observed(rows, "labels")
    drawn = {
        name: np.sort(method.draws(observed, prior, DRAWS, derived_seed(seed, "agreement", name))[0], axis=2)
        for name, method in (("exact", exact), ("again", exact), ("network", network))
    }
    pairs = stars.table.iloc[rows][["star_id", "catalogue", "log_teff", "log_lum"]].reset_index(drop=True)
    for i, quantity in enumerate(JOINT):
        first, again, other = (drawn[name][i].astype(float) for name in ("exact", "again", "network"))
        pairs[f"{quantity}_exact"], pairs[f"{quantity}_network"] = np.median(first, 1), np.median(other, 1)
        distance = (np.abs(first - other) + np.abs(again - other)).mean(axis=1) / 2
        pairs[f"{quantity}_w1"] = distance - np.abs(first - again).mean(axis=1)
    for name, method in (("exact", exact), ("network", network)):
        pairs[f"p_pre_{name}"] = method.answer(observed, prior).p_pre
    return pairs


def agreement_rows(pairs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return means over the stars of :func:`agreement`: ``w1`` [dex] and ``p_pre_error``."""
    values = {name.removeprefix("log_"): ("w1", pairs[f"{name}_w1"]) for name in JOINT}
    values["stage"] = "p_pre_error", (pairs["p_pre_network"] - pairs["p_pre_exact"]).abs()
    rows = []
    for quantity, (metric, column) in values.items():
        known = column.dropna().to_numpy(float)
        found = interval(mean(resampled(np.arange(len(known)), seed, quantity), known))
        rows.append(("posterior", "field", "labels", quantity, metric, *found, len(known)))
    return pd.DataFrame(rows, columns=list(CALIBRATION_COLUMNS))
