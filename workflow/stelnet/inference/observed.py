"""What is known of stars beforehand: measurements, systematic floors and the prior of age.

A star without a measured metallicity gets that of the solar neighbourhood: a prior in [Fe/H] is a measurement
under a prior that is flat over the grid, so that measured, fixed and unknown are one case.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from stelnet.arrays import Floats, Ints
from stelnet.errors import ConfigError, DataError
from stelnet.terms import LOG_AGE_UNIVERSE

#: The quantities of a posterior, in the order of its arrays: [dex yr], current mass [dex Msun], [dex].
JOINT = ("log_age", "log_mass", "feh")
#: Probabilities of the quantiles, ascending.
LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
#: Mean and standard deviation [dex] of [Fe/H] of stars near the Sun (Casagrande et al. 2011, A&A 530, A138).
NEIGHBOURHOOD = (-0.1, 0.25)


class Floor(NamedTuple):
    """Systematic errors [dex], added in quadrature to the quoted ones: stellar models are no better."""

    log_teff: float = 0.01
    log_lum: float = 0.02
    feh: float = 0.05


FLOOR = Floor()


@dataclass(frozen=True)
class AgePrior:
    """A density of age proportional to age^-gamma between two ages.

    Attributes
    ----------
    gamma
        0: uniform in age, as under constant star formation; 1: uniform in log age.
    low, high
        Bounds [dex yr]; the grid has its own, which hold besides.
    """

    gamma: float = 0.0
    low: float = -np.inf
    high: float = LOG_AGE_UNIVERSE

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the prior that is called ``field``, ``log`` or ``low,high`` (uniform between ages [yr]).

        Raises
        ------
        ConfigError
            None of these, or bounds that enclose no age.
        """
        if text in ("field", "log"):
            return cls(gamma=float(text == "log"))
        try:
            low, high = (float(part) for part in text.split(","))
        except ValueError:
            raise ConfigError(
                f"age prior {text!r}: must be field, log, or two ages in years, for example 1e6,2e8."
            )
        if not 0 <= low < high < np.inf:
            raise ConfigError(
                f"age prior {text!r}: the first age must be below the second, neither negative."
            )
        with np.errstate(divide="ignore"):
            bounds = np.log10([low, high])
        return cls(0.0, float(bounds[0]), float(min(bounds[1], LOG_AGE_UNIVERSE)))

    @property
    def bounded(self) -> bool:
        """Whether ages are bounded by more than the age of the Universe."""
        return self.low > -np.inf or self.high < LOG_AGE_UNIVERSE

    def __str__(self) -> str:
        if self.bounded:
            return f"{10**self.low:g},{10**self.high:g}"
        return {0.0: "field", 1.0: "log"}.get(self.gamma, f"age^-{self.gamma:g}")


#: Constant star formation up to the age of the Universe.
FIELD = AgePrior()


@dataclass(frozen=True)
class Observed:
    """Measurements of n stars and their whole errors, floors included: [dex K], [dex Lsun], [dex], (n,)."""

    log_teff: Floats
    log_lum: Floats
    feh: Floats
    e_log_teff: Floats
    e_log_lum: Floats
    e_feh: Floats

    @classmethod
    def of(
        cls,
        log_teff: ArrayLike,
        log_lum: ArrayLike,
        e_log_teff: ArrayLike,
        e_log_lum: ArrayLike,
        feh: ArrayLike | None = None,
        e_feh: ArrayLike | None = None,
        floor: Floor = FLOOR,
    ) -> Self:
        """Return stars with the floors added to their errors.

        Parameters
        ----------
        log_teff, log_lum
            Shape (n,).
        e_log_teff, e_log_lum
            Gaussian errors [dex], shape (n,) or one number.
        feh, e_feh
            [Fe/H] and its error, shape (n,) or one number; a star whose `feh` is NaN or None gets
            :data:`NEIGHBOURHOOD`, without the floor; an error that is NaN or None counts as 0.

        Raises
        ------
        DataError
            Arrays of different lengths.
        """
        place = np.atleast_1d(np.asarray(log_teff, float))
        values = {
            "log_lum": log_lum,
            "e_log_teff": e_log_teff,
            "e_log_lum": e_log_lum,
            "feh": feh,
            "e_feh": e_feh,
        }
        arrays = {}
        for name, value in values.items():
            array = np.asarray(np.nan if value is None else value, float)
            if array.ndim and array.shape != place.shape:
                raise DataError(
                    f"{name} has the shape {array.shape}, log_teff {place.shape}: must be one value a star."
                )
            arrays[name] = np.broadcast_to(array, place.shape)
        known = np.isfinite(arrays["feh"])
        return cls(
            place,
            arrays["log_lum"],
            np.where(known, arrays["feh"], NEIGHBOURHOOD[0]),
            np.hypot(arrays["e_log_teff"], floor.log_teff),
            np.hypot(arrays["e_log_lum"], floor.log_lum),
            np.where(known, np.hypot(np.nan_to_num(arrays["e_feh"]), floor.feh), NEIGHBOURHOOD[1]),
        )

    def __len__(self) -> int:
        return len(self.log_teff)

    def __getitem__(self, rows: Ints | slice) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass
class Answer:
    """Posteriors of n stars, float32; NaN where there is none.

    Attributes
    ----------
    quantiles
        Shape (3, 5, n): of each of :data:`JOINT` at each of :data:`LEVELS`.
    p_pre
        Probability (n,) that the star is before the ZAMS.
    log_age_data
        Shape (4, n): the lowest and highest log age [dex yr] that the data allow whatever the prior, at 68 %,
        then at 95 % (chi squared, least over mass, [Fe/H] and stage, within 1 and 3.84 of the best).
    age_information
        Kullback-Leibler divergence (n,) of the posterior of age from its prior [nats].
    """

    quantiles: Floats
    p_pre: Floats
    log_age_data: Floats
    age_information: Floats
