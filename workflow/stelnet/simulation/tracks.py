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

#: Terms of a polynomial: (coefficients by powers of the metallicity, power).
Polynomial = tuple[tuple[tuple[float, ...], float], ...]
#: Kelvin-Helmholtz time G M^2 / (R L) of the Sun [log yr].
LOG_SOLAR_KH_TIME = 7.50
#: Contraction leaves the Hayashi line at this fraction of the Kelvin-Helmholtz time [dex].
HAYASHI_END = -0.8

#: Tout et al. 1996, tables 1 and 2: numerator and denominator as (coefficient, power of M), a coefficient by
#: powers of log10(Z / 0.02).
ZAMS_LUMINOSITY = (
    (
        ((0.39704170, -0.32913574, 0.34776688, 0.37470851, 0.09011915), 5.5),
        ((8.52762600, -24.41225973, 56.43597107, 37.06152575, 5.45624060), 11),
    ),
    (
        ((0.00025546, -0.00123461, -0.00023246, 0.00045519, 0.00016176), 0),
        ((1,), 3),
        ((5.43288900, -8.62157806, 13.44202049, 14.51584135, 3.39793084), 5),
        ((5.56357900, -10.32345224, 19.44322980, 18.97361347, 4.16903097), 7),
        ((0.78866060, -2.90870942, 6.54713531, 4.05606657, 0.53287322), 8),
        ((0.00586685, -0.01704237, 0.03872348, 0.02570041, 0.00383376), 9.5),
    ),
)
ZAMS_RADIUS = (
    (
        ((1.71535900, 0.62246212, -0.92557761, -1.16996966, -0.30631491), 2.5),
        ((6.59778800, -0.42450044, -12.13339427, -10.73509484, -2.51487077), 6.5),
        ((10.08855000, -7.11727086, -31.67119479, -24.24848322, -5.33608972), 11),
        ((1.01249500, 0.32699690, -0.00923418, -0.03876858, -0.00412750), 19),
        ((0.07490166, 0.02410413, 0.07233664, 0.03040467, 0.00197741), 19.5),
    ),
    (
        ((0.01077422,), 0),
        ((3.08223400, 0.94472050, -2.15200882, -2.49219496, -0.63848738), 2),
        ((17.84778000, -7.45345690, -48.96066856, -40.05386135, -9.09331816), 8.5),
        ((1,), 18.5),
        ((0.00022582, -0.00186899, 0.00388783, 0.00142402, -0.00007671), 19.5),
    ),
)
#: Hurley et al. 2000, equation 4 and appendix: time to the base of the giant branch [Myr], in the same form.
BASE_OF_GIANT_BRANCH = (
    (
        ((1593.890, 2053.038, 1231.226, 232.7785), 0),
        ((2706.708, 1483.131, 577.2723, 74.11230), 4),
        ((146.6143, -104.8442, -67.95374, -13.91127), 5.5),
        ((1,), 7),
    ),
    (((0.04141960, 0.04564888, 0.02958542, 0.005571483), 2), ((0.3426349,), 7)),
)
#: Metallicities [Fe/H] for which the relations were made [dex]; at others the nearest is taken.
METALLICITIES = (-2.3, 0.176)
#: Share of that time spent on the main sequence (Hurley et al. 2000, equation 5, at this metallicity).
MAIN_SEQUENCE_SHARE = 0.95


class Evolution(NamedTuple):
    """State of stars: log_teff [dex K], log_lum [dex Lsun], log_age [dex yr], current log_mass [dex Msun]."""

    log_teff: Floats
    log_lum: Floats
    log_age: Floats
    log_mass: Floats


def _ratio(mass: Floats, relation: tuple[Polynomial, Polynomial], feh: Floats) -> Floats:
    """Return the logarithm of a ratio of polynomials in mass, whose coefficients are those in [Fe/H]."""
    numerator, denominator = (
        sum(np.polynomial.polynomial.polyval(feh, a) * mass**power for a, power in terms)
        for terms in relation
    )
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


def hayashi_log_teff(log_mass: Floats, log_lum: Floats, feh: Floats) -> Floats:
    """Return the temperature of fully convective stars [dex K], the coolest at a mass and luminosity."""
    log_teff: Floats = 3.67 + 0.17 * log_mass - 0.05 * np.maximum(log_lum, 0) - 0.03 * feh
    return log_teff


def last_eep(mass: float) -> int:
    """Return the EEP at which the track of a mass [Msun] ends."""
    return LAST if mass >= LOWEST_GIANT else TAMS


def evolution(mass: ArrayLike, eep: ArrayLike, feh: ArrayLike = 0.0) -> Evolution:
    """Return the state of stars of an initial mass and metallicity at an EEP.

    Parameters
    ----------
    mass
        Initial mass [Msun], 0.1 to 100 (the range of Tout et al.); broadcast against `eep`.
    eep
        1 to 808, whole or not; broadcast too.
    feh
        [Fe/H] [dex]; broadcast too. Metal-poor stars are hotter, brighter and faster.
    """
    mass, eep, feh = np.broadcast_arrays(*(np.asarray(value, float) for value in (mass, eep, feh)))
    m = np.log10(mass)
    known = np.clip(feh, *METALLICITIES)
    zams_lum, zams_radius = (_ratio(mass, relation, known) for relation in (ZAMS_LUMINOSITY, ZAMS_RADIUS))
    zams_teff = SOLAR_LOG_TEFF + zams_lum / 4 - zams_radius / 2

    zams_age = LOG_SOLAR_KH_TIME + 2 * m - zams_radius - zams_lum
    tams_age = 6 + np.log10(MAIN_SEQUENCE_SHARE) + _ratio(mass, BASE_OF_GIANT_BRANCH, known)
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
    pre_hayashi = hayashi_log_teff(m, pre_lum, feh)
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
    gap = (tams_teff - hayashi_log_teff(m, tams_lum, feh)) * (
        1 - np.clip((eep - TAMS) / (crossed - TAMS), 0, 1)
    )
    late_teff = hayashi_log_teff(m, late_lum, feh) + gap + _along(eep, late[1:], [0, 0.07, 0.05, 0])

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
