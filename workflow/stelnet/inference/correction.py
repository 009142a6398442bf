"""What real stars teach beyond the isochrones: shifts of log age and log mass that vanish away from them.

At a place of the H-R diagram the shift is a shrunken mean of the residuals (label - posterior median) of
the stars near it,

    shift = sum_i k_i w_i r_i / (sum_i k_i w_i + 1 / allowed^2),    w_i = 1 / (v_i + scatter^2),

with a Gaussian kernel k of the distance and the variance v of posterior and label together. It is the
posterior mean of an offset whose prior is normal, with mean 0 and standard deviation `allowed`: where no star
is near, nothing changes. Only a raster of it is kept, no star.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from stelnet.arrays import Bools, Floats, Ints
from stelnet.errors import DataError
from stelnet.inference.domain import Raster
from stelnet.inference.gaussians import Coordinates, Mixtures
from stelnet.inference.observed import Observed
from stelnet.terms import LOG_AGE_UNIVERSE, QUANTITIES, STAGES

#: No Gaussian is shifted to a log age beyond this [dex yr], half a gigayear before that of the Universe.
OLDEST = LOG_AGE_UNIVERSE - 0.016
#: The raster reaches so many kernel widths beyond the stars; its nodes are :data:`STEP` widths apart.
REACH, STEP = 5.0, 0.5


class Kernel(NamedTuple):
    """Settings of a correction.

    Attributes
    ----------
    width_teff, width_lum
        Standard deviations of the kernel [dex K], [dex Lsun].
    allowed
        Standard deviations [dex] of the offsets of log age and log mass expected before any star is seen.
    scatter
        Standard deviations [dex] of residuals of log age and log mass that is in neither posteriors nor
        labels.
    """

    width_teff: float = 0.01
    width_lum: float = 0.1
    allowed: tuple[float, float] = (0.3, 0.1)
    scatter: tuple[float, float] = (0.1, 0.03)


#: Fixed; docs/scores.md says how it was found.
KERNEL = Kernel()


@dataclass(frozen=True)
class Residuals:
    """Labels of stars against their posteriors: shape (n,) [dex K], [dex Lsun] and (2, n) [dex], [dex^2].

    Attributes
    ----------
    value
        Label minus posterior median of log age and log mass; NaN where a star has no label or no answer.
    variance
        Of posterior and label together.
    """

    log_teff: Floats
    log_lum: Floats
    value: Floats
    variance: Floats

    def __getitem__(self, rows: Bools | Ints) -> Self:
        return type(self)(
            self.log_teff[rows], self.log_lum[rows], self.value[:, rows], self.variance[:, rows]
        )

    def __len__(self) -> int:
        return len(self.log_teff)


def offsets(residuals: Residuals, log_teff: Floats, log_lum: Floats, kernel: Kernel = KERNEL) -> Floats:
    """Return the shifts (2, rows, columns) [dex] at the nodes of a raster: columns of Teff, rows of L."""
    known = np.isfinite(residuals.value) & np.isfinite(residuals.variance)
    scatter, allowed = (np.array(pair)[:, None] for pair in (kernel.scatter, kernel.allowed))
    weight = np.where(known, 1 / (np.where(known, residuals.variance, 0) + scatter**2), 0)
    value = np.where(known, residuals.value, 0)
    across = _kernel(log_teff, residuals.log_teff, kernel.width_teff)
    up = _kernel(log_lum, residuals.log_lum, kernel.width_lum)
    # the kernel is a product of one in Teff and one in L
    top, bottom = (np.stack([(up * one) @ across.T for one in of]) for of in (weight * value, weight))
    found: Floats = top / (bottom + allowed[..., None] ** -2)
    return found


def _kernel(places: Floats, stars: Floats, width: float) -> Floats:
    """Return the kernel along one axis, (places, stars)."""
    distance = (np.asarray(places, float)[:, None] - stars) / width
    found: Floats = np.exp(-distance * distance / 2)
    return found


@dataclass(frozen=True)
class Correction:
    """Shifts over the H-R diagram, linear between the nodes of a raster, none beyond it.

    Attributes
    ----------
    shifts
        Stage -> shifts [dex] of log age and log mass at its nodes, float32 (2, luminosities, temperatures);
        0 at the edge.
    rasters
        Stage -> where its nodes are.
    """

    shifts: Mapping[str, Floats]
    rasters: Mapping[str, Raster]

    @classmethod
    def fit(cls, residuals: Mapping[str, Residuals], kernel: Kernel = KERNEL) -> Self:
        """Return the correction that stars teach, stage -> their residuals.

        Raises
        ------
        DataError
            A stage has no star.
        """
        fitted, rasters = {}, {}
        for stage, stars in residuals.items():
            if not len(stars):
                raise DataError(f"the correction of stage {stage} needs stars: there is none.")
            widths = kernel.width_teff, kernel.width_lum
            (left, right, columns), (low, high, rows) = map(_span, (stars.log_teff, stars.log_lum), widths)
            rasters[stage] = Raster((left, right), (low, high))
            shift = offsets(stars, *rasters[stage].nodes((rows, columns)), kernel)
            shift[:, [0, -1]] = 0
            shift[:, :, [0, -1]] = 0
            fitted[stage] = shift.astype(np.float32)
        return cls(fitted, rasters)

    def at(self, stage: str, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return the shifts (2, n) [dex] of log age and log mass of n places; 0 for a stage without any."""
        if stage not in self.shifts:
            return np.zeros((2, len(log_teff)), np.float32)
        shift = self.shifts[stage]
        index, x, y = self.rasters[stage].cells(log_teff, log_lum, shift.shape[1:])
        flat, columns = shift.reshape(2, -1), shift.shape[2]
        low = (1 - x) * flat[:, index] + x * flat[:, index + 1]
        high = (1 - x) * flat[:, index + columns] + x * flat[:, index + columns + 1]
        return (1 - y) * low + y * high

    def shift_draws(self, drawn: Floats, pre: Bools, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return draws with the shift of the stage of each; none becomes older than the Universe.

        Parameters
        ----------
        drawn
            Shape (3, n, count): log age, log mass, [Fe/H].
        pre
            Shape (n, count): whether a draw is before the ZAMS.
        """
        before, after = (self.at(stage, log_teff, log_lum)[:, :, None] for stage in STAGES)
        moved = drawn.copy()
        moved[:2] += np.where(pre, before, after)
        moved[0] = np.minimum(moved[0], np.maximum(drawn[0], np.float32(LOG_AGE_UNIVERSE)))
        return moved

    def shift_mixtures(self, found: Mixtures, stars: Observed, stage: str | None) -> Mixtures:
        """Return mixtures with the shift of the stage of each Gaussian, equally wide in log age as before.

        Parameters
        ----------
        found
            Of n stars; the first half of the Gaussians are before the ZAMS if `stage` is None.
        """
        half = len(found.weights) // 2
        parts = {"pre": slice(half), "post": slice(half, None)} if stage is None else {stage: slice(None)}
        means, sds, slopes = found.means.copy(), found.sds.copy(), found.slopes.copy()
        for name, part in parts.items():
            age, mass = self.at(name, stars.log_teff, stars.log_lum)
            before = Coordinates.values(means[:, part])[0]
            after = np.minimum(before + age, np.maximum(before, np.float32(OLDEST)))
            of_universe = 10 ** (after - np.float32(LOG_AGE_UNIVERSE))
            logit = np.log(of_universe) - np.log1p(-of_universe)
            means[0, part] = (logit - Coordinates.MIDDLES[0]) / Coordinates.SCALES[0]
            # the logit changes by this much more with log age than it did
            steeper = (1 - 10 ** (before - np.float32(LOG_AGE_UNIVERSE))) / (1 - of_universe)
            sds[0, part] *= steeper
            slopes[:2, part] /= steeper
            means[1, part] += mass / np.float32(Coordinates.SCALES[1])
        return replace(found, means=means, sds=sds, slopes=slopes)

    def only(self, taught: Iterable[tuple[str, str]]) -> Self:
        """Return the correction of some pairs of stage and quantity (age, mass) alone."""
        taught = set(taught)
        keep = {
            stage: np.array([(stage, quantity) in taught for quantity in QUANTITIES]) for stage in self.shifts
        }
        stages = [stage for stage in self.shifts if keep[stage].any()]
        return type(self)(
            {stage: self.shifts[stage] * keep[stage].astype(np.float32)[:, None, None] for stage in stages},
            {stage: self.rasters[stage] for stage in stages},
        )

    def replaced(self, stage: str, other: Self) -> Self:
        """Return the correction with one stage of another."""
        return type(self)(
            {**self.shifts, stage: other.shifts[stage]}, {**self.rasters, stage: other.rasters[stage]}
        )

    def tensors(self) -> dict[str, Floats]:
        """Return the tensors ``{stage}/shift`` of a model's file."""
        return {f"{stage}/shift": shift for stage, shift in self.shifts.items()}

    def limits(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Return what a model's metadata say of the rasters: stage -> limits in log Teff and log L."""
        return {stage: asdict(raster) for stage, raster in self.rasters.items()}

    @classmethod
    def of_tensors(
        cls, tensors: Mapping[str, Floats], limits: Mapping[str, Mapping[str, tuple[float, float]]]
    ) -> Self:
        """Return the correction that a model's file holds, from its tensors and :meth:`limits`."""
        rasters = {stage: Raster(_pair(of["log_teff"]), _pair(of["log_lum"])) for stage, of in limits.items()}
        return cls({stage: tensors[f"{stage}/shift"].astype(np.float32) for stage in limits}, rasters)


def _pair(limits: Sequence[float]) -> tuple[float, float]:
    low, high = limits
    return low, high


def _span(place: Floats, width: float) -> tuple[float, float, int]:
    """Return limits and number of nodes of a raster's axis with room for the kernel around all places."""
    low, high = float(place.min() - REACH * width), float(place.max() + REACH * width)
    return low, high, int(np.ceil((high - low) / (STEP * width))) + 1
