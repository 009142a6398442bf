"""Checked inputs of a prediction: places and errors of stars, and the nodes that sample the errors."""

from dataclasses import dataclass, fields, replace
from typing import NotRequired, Self, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from stelnet.arrays import Bools, Floats, Ints
from stelnet.errors import DataError
from stelnet.inference.answer import BITS, Flag
from stelnet.inference.arguments import numbers
from stelnet.inference.domain import Raster

#: Errors [dex] taken when none is given: 2.4 % of Teff and 2.0 % of L, the systematic floor of solar-like
#: stars (Tayar et al. 2022, ApJ 927, 31).
DEFAULT_ERRORS = {"log_teff": 0.0104, "log_lum": 0.0087}
#: The part of the errors' variance that the nodes sample.
SAMPLED = 0.8
#: Nodes: the centre and a step of so many standard deviations each way along both axes, exact to the third
#: degree and in the fourth along the axes. A product rule's corners make it no better when measured.
STEP = np.float32((3 * SAMPLED) ** 0.5)
STEPS = {
    "log_teff": STEP * np.array([[0], [-1], [1], [0], [0]], np.float32),
    "log_lum": STEP * np.array([[0], [0], [0], [-1], [1]], np.float32),
}
LOG_WEIGHTS = np.log(np.array([[2], [1], [1], [1], [1]], np.float32) / 6)
NODES = len(LOG_WEIGHTS)
#: Errors [dex] from which on five nodes are too few: the nearest may be off the tracks, or across a fold.
WIDE = {"log_teff": 0.02, "log_lum": 0.2}
#: Nodes of a star with such an error, spread evenly over its probability (Roberts 2018, R2 sequence), and
#: how many such stars are taken at a time.
MANY_NODES, WIDE_CHUNK = 256, 512
EVENLY = (0.5 + np.arange(1, MANY_NODES + 1)[:, None] * (1.32471795724474602596 ** -np.arange(1, 3))) % 1


class Inputs(TypedDict):
    """What :meth:`stelnet.inference.model.Model.predict` needs of n stars, under its names for them."""

    log_teff: Floats
    log_lum: Floats
    e_log_teff: Floats | None
    e_log_lum: Floats | None
    feh: NotRequired[Floats]
    e_feh: NotRequired[Floats | None]


def raise_flag(bits: NDArray[np.uint32], stars: Bools, flag: Flag) -> None:
    """Raise a flag of some stars."""
    bits[stars] |= BITS(flag)


@dataclass(frozen=True)
class Stars:
    """Checked inputs of n stars, float64: place [dex K], [dex Lsun] and its errors [dex]; [Fe/H] and its
    error [dex], NaN where there is none; flags, uint32."""

    log_teff: Floats
    log_lum: Floats
    e_log_teff: Floats
    e_log_lum: Floats
    feh: Floats
    e_feh: Floats
    bits: NDArray[np.uint32]

    @classmethod
    def checked(
        cls,
        log_teff: ArrayLike,
        log_lum: ArrayLike,
        e_log_teff: ArrayLike | None,
        e_log_lum: ArrayLike | None,
        feh: ArrayLike | None = None,
        e_feh: ArrayLike | None = None,
    ) -> Self:
        """Return the stars with defaults for missing and invalid errors, and flags that say so.

        Raises
        ------
        DataError
            Arrays of different lengths, or not of one dimension; or see
            :func:`stelnet.inference.arguments.numbers`.
        """
        places = {
            name: np.atleast_1d(numbers(name, value))
            for name, value in {"log_teff": log_teff, "log_lum": log_lum}.items()
        }
        errors = {
            name: numbers(f"e_{name}", DEFAULT_ERRORS[name] if value is None else value)
            for name, value in {"log_teff": e_log_teff, "log_lum": e_log_lum}.items()
        }
        metallicity = {
            name: numbers(name, np.nan if value is None else value)
            for name, value in {"feh": feh, "e_feh": e_feh}.items()
        }
        shape = places["log_teff"].shape
        for name, array in {
            **places, **{f"e_{name}": error for name, error in errors.items()}, **metallicity,
        }.items():  # fmt: skip
            if array.ndim > 1 or (array.shape != shape and (name in places or array.ndim)):
                raise DataError(
                    f"{name} has the shape {array.shape}, log_teff {shape}: must be one value a star."
                )
        bits = np.zeros(shape, BITS)
        missing = {"log_teff": Flag.MISSING_TEFF, "log_lum": Flag.MISSING_LUM}
        invalid = {"log_teff": Flag.INVALID_TEFF, "log_lum": Flag.INVALID_LUM}
        for name, value in places.items():
            raise_flag(bits, np.isnan(value), missing[name])
            raise_flag(bits, np.isinf(value), invalid[name])
            error = np.broadcast_to(errors[name], shape)
            unknown, wrong = np.isnan(error), (error < 0) | np.isinf(error)
            raise_flag(bits, unknown, Flag.DEFAULT_ERROR)
            raise_flag(bits, wrong, Flag.INVALID_ERROR)
            errors[name] = np.where(unknown | wrong, DEFAULT_ERRORS[name], error)
        known, error = (np.broadcast_to(array, shape) for array in metallicity.values())
        wrong = (error < 0) | np.isinf(error)
        raise_flag(bits, wrong, Flag.INVALID_ERROR)
        return cls(
            **places,
            **{f"e_{name}": error for name, error in errors.items()},
            feh=np.where(np.isfinite(known), known, np.nan),
            e_feh=np.where(wrong, np.nan, error),
            bits=bits,
        )

    def __len__(self) -> int:
        return len(self.log_teff)

    def __getitem__(self, rows: Ints | slice) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def with_floor(self, log_teff: float, log_lum: float) -> Self:
        """Return the stars with systematic errors [dex] added in quadrature to theirs."""
        if not log_teff and not log_lum:
            return self
        errors = np.hypot(self.e_log_teff, log_teff), np.hypot(self.e_log_lum, log_lum)
        return replace(self, e_log_teff=errors[0], e_log_lum=errors[1])

    @property
    def usable(self) -> Bools:
        """Whether each star has a place, bool (n,)."""
        return np.isfinite(self.log_teff) & np.isfinite(self.log_lum)

    @property
    def uncertain(self) -> bool:
        """Whether any star has an error."""
        return bool(self.e_log_teff.any() or self.e_log_lum.any())

    @property
    def wide(self) -> Bools:
        """Whether an error of each star is too wide for few nodes, bool (n,)."""
        return (self.e_log_teff > WIDE["log_teff"]) | (self.e_log_lum > WIDE["log_lum"])

    def alike(self) -> list[Ints]:
        """Return numbers of stars in groups that are answered together: of narrow errors all, of wide few."""
        wide = self.wide
        many = np.flatnonzero(wide)
        groups = [np.flatnonzero(~wide), *(many[i : i + WIDE_CHUNK] for i in range(0, len(many), WIDE_CHUNK))]
        return [group for group in groups if len(group)]

    def spread(self, across: Floats, up: Floats, raster: Raster) -> tuple[Floats, Floats, Floats]:
        """Return places at given parts of the probability of each star's errors within a raster.

        What is off the raster is far from all tracks: however wide an error is, places are where they count.

        Parameters
        ----------
        across, up
            Parts of the probability in log Teff and in log L, between 0 and 1, of shapes that go with (n,).

        Returns
        -------
        log_teff, log_lum
            The places.
        mass
            The probability (n,) that the star is within the raster.
        """
        log_teff, within = _between(self.log_teff, self.e_log_teff, raster.log_teff, across)
        log_lum, also_within = _between(self.log_lum, self.e_log_lum, raster.log_lum, up)
        return log_teff, log_lum, within * also_within

    def nodes(self, raster: Raster) -> tuple[Floats, Floats, Floats]:
        """Return log Teff and log L (nodes, n) of the nodes and the logarithm of their weights.

        Weights are (nodes, 1) or (nodes, n); what they lack of 1 is off the raster. Stars with narrow errors,
        without wide ones among them, have five nodes, of which the first is the place itself; without errors
        there is no other. Where an error is :attr:`wide`, all have :data:`MANY_NODES`.

        Parameters
        ----------
        raster
            Where the tracks are.
        """
        if self.wide.any():
            across, up = EVENLY.T[:, :, None]
            log_teff, log_lum, mass = self.spread(across, up, raster)
            with np.errstate(divide="ignore"):
                weights = np.log(np.broadcast_to(mass / MANY_NODES, log_teff.shape))
            return log_teff, log_lum, weights.astype(np.float32)
        if not self.uncertain:
            return self.log_teff[None], self.log_lum[None], np.zeros((1, 1), np.float32)
        log_teff = self.log_teff + STEPS["log_teff"] * self.e_log_teff
        log_lum = self.log_lum + STEPS["log_lum"] * self.e_log_lum
        return log_teff, log_lum, LOG_WEIGHTS


def _between(centre: Floats, sd: Floats, limits: tuple[float, float], part: Floats) -> tuple[Floats, Floats]:
    """Return where a part of a Gaussian's probability within limits lies below, and that probability (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = ((limit - centre) / sd for limit in limits)
    # of the tail above as much is known as of that below
    above = low > 0
    low, high = np.where(above, -high, low), np.where(above, -low, high)
    below, mass = ndtr(low), ndtr(high) - ndtr(low)
    z = ndtri(below + np.where(above, 1 - part, part) * mass)
    with np.errstate(invalid="ignore"):
        place = centre + sd * np.where(above, -z, z)
    # without an error there is but one place
    inside = (centre >= limits[0]) & (centre <= limits[1])
    return np.where(sd > 0, place, centre), np.where(sd > 0, mass, inside)
