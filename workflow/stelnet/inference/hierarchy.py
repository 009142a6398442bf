"""How likely a star is seen in each stage: the initial mass function times the time spent there.

Garraffo et al. 2021 (AJ 162, 157), Section 3.2, with a continuous mass function.
"""

from collections.abc import Mapping

import numpy as np

from stelnet.arrays import Floats

#: Kroupa 2001 (MNRAS 322, 231): dN/dm ~ m^-slope between the breaks [Msun].
SLOPES = (0.3, 1.3, 2.3)
BREAKS = (0.08, 0.5)
#: The shortest stay [yr], where the age of the Universe leaves no time after the ZAMS.
SHORTEST = 1.0
#: Steps of log mass in which the weights are tabulated: linear between them.
STEPS = 4096


def log_imf(log_mass: Floats) -> Floats:
    """Return the natural logarithm of dN/dm [arbitrary units] at log mass [dex Msun], of any shape."""
    log_mass = np.asarray(log_mass, float)
    breaks = np.log10(BREAKS)
    result = -SLOPES[0] * (log_mass - breaks[0])
    for slope, steeper, at in zip(SLOPES, SLOPES[1:], breaks, strict=False):
        result -= (steeper - slope) * np.maximum(log_mass - at, 0)
    natural: Floats = np.log(10) * result
    return natural


class Weights:
    """Natural logarithm of mass function times duration, as a function of log mass, of each stage.

    Parameters
    ----------
    curves
        ``log_mass`` [dex Msun], ``log_age_zams``, ``log_age_end`` [dex yr], shape (m,), see
        :mod:`stelnet.inference.bundle`; the first and last values hold beyond the ends.
    """

    def __init__(self, curves: Mapping[str, Floats]) -> None:
        knots = np.asarray(curves["log_mass"], float)
        low, high = knots[0] - 0.5, knots[-1] + 0.5
        log_mass = np.linspace(low, high, STEPS)
        zams = 10 ** np.interp(log_mass, knots, curves["log_age_zams"])
        end = 10 ** np.interp(log_mass, knots, curves["log_age_end"])
        imf = log_imf(log_mass)
        self._low = np.float32(low)
        self._per_step = np.float32((STEPS - 1) / (high - low))
        self._tables = {
            "pre": (imf + np.log(zams)).astype(np.float32),
            "post": (imf + np.log(np.maximum(end - zams, SHORTEST))).astype(np.float32),
        }

    def __call__(self, stage: str, log_mass: Floats) -> Floats:
        """Return the log weight, float32, at log mass [dex Msun] of any shape; NaN gives NaN."""
        position = (log_mass - self._low) * self._per_step
        with np.errstate(invalid="ignore"):
            i = np.fmin(np.fmax(position, 0), STEPS - 2).astype(np.int32)
        table = self._tables[stage]
        left = table.take(i)
        weight: Floats = left + np.clip(position - i, 0, 1) * (table.take(i + 1) - left)
        return weight
