"""Analytic stellar evolution, simple but star-like: temperature, luminosity, age and mass by mass and EEP.

On the zero-age main sequence luminosity and radius are those of Tout et al. 1996 (MNRAS 281, 257). Before
it a star contracts for one Kelvin-Helmholtz time, first down the Hayashi line (L ~ t^-2/3 at its
temperature), then at rising temperature (Henyey). After it the star brightens and expands, leaves the
main sequence at the time of Hurley et al. 2000 (MNRAS 315, 543), crosses to the Hayashi line, climbs it,
burns helium and climbs it again. Points are spaced along a track much as MIST spaces them, with the same
primary equivalent evolutionary points (EEPs): even in the logarithm of age between one and the next. The
numbers that are not of these two papers were chosen by eye to resemble MIST; nothing real should be read
off these tracks.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from stelnet.arrays import Floats

SOLAR_LOG_TEFF = np.log10(5772.0)  # IAU 2015 resolution B3
SOLAR_LOG_G = 4.438

#: Primary EEPs of MIST: start, ZAMS, middle and end of the main sequence, tip of the giant branch, start and
#: end of core helium burning, last point used.
START, ZAMS, IAMS, TAMS, TIP, ZAHEB, TAHEB, LAST = PRIMARY_EEPS = (1, 202, 353, 454, 605, 631, 707, 808)
#: Below this mass a track ends with the main sequence [Msun].
LOWEST_GIANT = 0.6

#: Terms of a polynomial: (coefficient, power).
Polynomial = tuple[tuple[float, float], ...]
#: Kelvin-Helmholtz time G M^2 / (R L) of the Sun [log yr].
LOG_SOLAR_KH_TIME = 7.50
#: Contraction leaves the Hayashi line at this fraction of the Kelvin-Helmholtz time [dex].
HAYASHI_END = -0.8

#: Tout et al. 1996, table 1 and 2, Z = 0.02: numerator and denominator as (coefficient, power of M).
ZAMS_LUMINOSITY = (
    ((0.39704170, 5.5), (8.52762600, 11)),
    ((0.00025546, 0), (1, 3), (5.43288900, 5), (5.56357900, 7), (0.78866060, 8), (0.00586685, 9.5)),
)
ZAMS_RADIUS = (
    ((1.71535900, 2.5), (6.59778800, 6.5), (10.08855000, 11), (1.01249500, 19), (0.07490166, 19.5)),
    ((0.01077422, 0), (3.08223400, 2), (17.84778000, 8.5), (1, 18.5), (0.00022582, 19.5)),
)
#: Hurley et al. 2000, equation 4, Z = 0.02: time to the base of the giant branch [Myr].
BASE_OF_GIANT_BRANCH = (
    ((1593.890, 0), (2706.708, 4), (146.6143, 5.5), (1, 7)),
    ((0.04141960, 2), (0.3426349, 7)),
)
#: Share of that time spent on the main sequence (Hurley et al. 2000, equation 5, at this metallicity).
MAIN_SEQUENCE_SHARE = 0.95


class Evolution(NamedTuple):
    """State of stars: log_teff [dex K], log_lum [dex Lsun], log_age [dex yr], current log_mass [dex Msun]."""

    log_teff: Floats
    log_lum: Floats
    log_age: Floats
    log_mass: Floats


def _ratio(mass: Floats, relation: tuple[Polynomial, Polynomial]) -> Floats:
    """Return the logarithm of a ratio of two polynomials in mass."""
    numerator, denominator = (sum(a * mass**power for a, power in terms) for terms in relation)
    ratio: Floats = np.log10(numerator / denominator)
    return ratio


def _smoothstep(x: Floats) -> Floats:
    x = np.clip(x, 0, 1)
    step: Floats = x * x * (3 - 2 * x)
    return step


def _along(eep: Floats, knots: Sequence[float], values: Sequence[Floats | float]) -> Floats:
    """Interpolate linearly in EEP; the values at the knots may differ from star to star."""
    result: Floats = np.asarray(values[0], float)
    for start, end, before, after in zip(knots, knots[1:], values, values[1:], strict=False):
        result = result + (after - before) * np.clip((eep - start) / (end - start), 0, 1)
    return result


def hayashi_log_teff(log_mass: Floats, log_lum: Floats) -> Floats:
    """Return the temperature of fully convective stars [dex K], the coolest at a mass and luminosity."""
    log_teff: Floats = 3.67 + 0.17 * log_mass - 0.05 * np.maximum(log_lum, 0)
    return log_teff


def last_eep(mass: float) -> int:
    """Return the EEP at which the track of a mass [Msun] ends."""
    return LAST if mass >= LOWEST_GIANT else TAMS


def evolution(mass: ArrayLike, eep: ArrayLike) -> Evolution:
    """Return the state of stars of an initial mass at an EEP.

    Parameters
    ----------
    mass
        Initial mass [Msun], 0.1 to 100 (the range of Tout et al.); broadcast against `eep`.
    eep
        1 to 808, whole or not.
    """
    mass, eep = np.broadcast_arrays(np.asarray(mass, float), np.asarray(eep, float))
    m = np.log10(mass)
    zams_lum, zams_radius = _ratio(mass, ZAMS_LUMINOSITY), _ratio(mass, ZAMS_RADIUS)
    zams_teff = SOLAR_LOG_TEFF + zams_lum / 4 - zams_radius / 2

    zams_age = LOG_SOLAR_KH_TIME + 2 * m - zams_radius - zams_lum
    tams_age = 6 + np.log10(MAIN_SEQUENCE_SHARE) + _ratio(mass, BASE_OF_GIANT_BRANCH)
    # massive stars are born further along their contraction
    start_age = zams_age - 4.4 + 1.2 * np.maximum(m, 0)
    # shares of the main sequence's time: long red giants below about 2 Msun, long helium burning above
    giant = 0.01 + 0.14 / (1 + (mass / 2) ** 4)
    helium = 0.13 * mass**3 / (mass**3 + 1.8**3)
    later = np.cumsum([1 + giant, np.full_like(mass, 0.001), helium, np.full_like(mass, 0.01)], axis=0)
    log_age = _along(
        eep,
        PRIMARY_EEPS,
        [start_age, zams_age, tams_age + np.log10(0.6), tams_age, *(tams_age + np.log10(later))],
    )

    contracted = np.minimum(log_age - zams_age, 0)
    # a protostar does not shrink from infinity: its size is that of ten times its first age
    youth = 10 ** (start_age + 1 - zams_age)
    heated = _smoothstep(1 - contracted / HAYASHI_END)
    lowest = np.clip(0.2 + 0.6 * m, -0.2, 0.6)
    fall = 2 / 3 * np.log10((10**HAYASHI_END + youth) / (10**contracted + youth))
    pre_lum = zams_lum - lowest * (1 - heated) + np.maximum(fall, 0)
    pre_hayashi = hayashi_log_teff(m, pre_lum)
    pre_teff = pre_hayashi + (zams_teff - pre_hayashi) * heated

    burnt = np.clip((10**log_age - 10**zams_age) / (10**tams_age - 10**zams_age), 0, 1)
    expansion = 0.25 + 0.2 * np.tanh(m)
    main_lum = zams_lum + 0.5 * (0.4 * burnt + 0.6 * burnt**2)
    main_radius = zams_radius + expansion * (0.2 * burnt + 0.8 * burnt**2)
    main_teff = SOLAR_LOG_TEFF + main_lum / 4 - main_radius / 2

    tams_lum = zams_lum + 0.5
    tams_teff = SOLAR_LOG_TEFF + tams_lum / 4 - (zams_radius + expansion) / 2
    # the helium flash at the tip of the giant branch fades above 2 Msun
    flash = 3.4 - 1.5 / (1 + np.exp((1.9 - mass) / 0.15))
    tip_lum = np.logaddexp(flash * np.log(10), (tams_lum + 0.2) * np.log(10)) / np.log(10)
    clump_lum = np.log10(10**1.6 + 10**tams_lum)
    last_lum = np.log10(10**3.0 + 10 ** (clump_lum + 0.4))
    late = (TAMS, TIP, ZAHEB, TAHEB, LAST)
    late_lum = _along(eep, late, [tams_lum, tip_lum, clump_lum, clump_lum + 0.1, last_lum])
    crossed = TAMS + (TIP - TAMS) * np.clip(0.3 + 0.4 * m, 0.25, 0.95)
    gap = (tams_teff - hayashi_log_teff(m, tams_lum)) * (1 - np.clip((eep - TAMS) / (crossed - TAMS), 0, 1))
    late_teff = hayashi_log_teff(m, late_lum) + gap + _along(eep, late[1:], [0, 0.07, 0.05, 0])

    # winds: of hot stars on the main sequence, of all afterwards
    kept = (1 - 0.3 * mass / 100 * burnt) * (1 - 0.05 * np.clip((eep - TAMS) / (LAST - TAMS), 0, 1))
    before, during = eep <= ZAMS, eep <= TAMS
    return Evolution(
        log_teff=np.where(before, pre_teff, np.where(during, main_teff, late_teff)),
        log_lum=np.where(before, pre_lum, np.where(during, main_lum, late_lum)),
        log_age=log_age,
        log_mass=m + np.log10(kept),
    )


def eep_at(mass: Floats, log_age: float) -> Floats:
    """Return the EEPs, shape (n,), of stars of initial masses, shape (n,) [Msun], at one age [dex yr]."""
    eep = np.arange(START, LAST + 1)
    return np.array([np.interp(log_age, evolution(one, eep).log_age, eep) for one in mass])
