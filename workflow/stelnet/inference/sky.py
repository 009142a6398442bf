"""What a model knows of the H-R diagram: domains, coverage by real stars, how likely each stage is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stelnet.arrays import Bools, Floats, Ints
from stelnet.inference import domain
from stelnet.inference.hierarchy import Weights


def normalised(logs: Floats, axis: int) -> Floats:
    """Return exp(logs) with sum 1 along the axis; NaN where all are -inf."""
    with np.errstate(invalid="ignore"):
        weights: Floats = np.exp(logs - logs.max(axis=axis, keepdims=True))
        weights /= weights.sum(axis=axis, keepdims=True)
    return weights


@dataclass(frozen=True)
class Sky:
    """What a model knows of the H-R diagram: domains, coverage by real stars, and how likely each stage is.

    Attributes
    ----------
    distance
        Stage -> field of :func:`stelnet.inference.domain.distance_field`.
    coverage
        Stage -> field of :func:`stelnet.inference.domain.coverage`, None for a model that saw MIST only.
    """

    raster: domain.Raster
    distance: Mapping[str, Ints]
    coverage: Mapping[str, Ints | None]
    weights: Weights

    def distances(self, stage: str, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return distances [units] to the tracks of a stage, float32, of the shape of the arguments."""
        return domain.distance(self.distance[stage], self.raster, log_teff, log_lum)

    def near(self, stage: str, log_teff: Floats, log_lum: Floats) -> Bools:
        """Return whether the tracks of a stage are near enough for its networks to be asked."""
        return self.distances(stage, log_teff, log_lum) < domain.FAR


def falling(logs: Floats, distances: Floats) -> Floats:
    """Return logs less half the squared distance from the tracks, -inf where it is far."""
    return np.where(distances < domain.FAR, logs - distances * distances / 2, np.float32(-np.inf))
