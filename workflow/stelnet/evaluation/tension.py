"""Tension between a predicted and a reported value (Phillips et al., Section 4, Equations 1 and 2)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def log_tension(mean: ArrayLike, sd: ArrayLike, value: ArrayLike, error: ArrayLike) -> NDArray[np.float64]:
    """Return ln(tau) between a prediction (`mean`, `sd`) and a catalogue (`value`, `error`), both Gaussian.

    The evidence E of Equation 1 is the overlap of the two, a Gaussian of their difference whose variance is
    the sum of theirs; the paper prints a minus sign, with which E is not defined where the catalogue's error
    is the larger one. Equation 2 divides E at equal means by E, so that
    ln(tau) = (mean - value)^2 / (2 (sd^2 + error^2)), and the paper's log is the natural logarithm.

    Parameters
    ----------
    mean, sd, value, error
        Arrays that broadcast together, all in the same units. The result is NaN where `error` is NaN, and
        infinite where neither side has a width.
    """
    mean, sd, value, error = (np.asarray(array, dtype=np.float64) for array in (mean, sd, value, error))
    with np.errstate(divide="ignore"):
        return (mean - value) ** 2 / (2.0 * (sd**2 + error**2))


def narrower(low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Return the narrower side of asymmetric errors, the only one where just one is known, NaN where none is.

    The paper takes the narrower side so that a tension is an upper limit (Section 4).
    """
    return np.fmin(np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))


def consistent_fraction(log_tau: ArrayLike, limit: float) -> tuple[float, int]:
    """Return the fraction of the stars with a tension whose ln(tau) is below `limit`, and their number.

    Stars without a tension (NaN: no error bars) are left out; the fraction is NaN when no star is left.
    """
    known = np.asarray(log_tau, dtype=np.float64)
    known = known[~np.isnan(known)]
    return (float(np.mean(known < limit)) if known.size else float("nan")), int(known.size)
