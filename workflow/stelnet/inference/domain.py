"""Where on the H-R diagram the networks know something: rasters of the MIST domain and of the stars seen.

Distances are in units of :data:`UNIT`, about the size of a good measurement's error in each direction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from stelnet.arrays import Floats, Ints

#: One unit of distance: 0.01 dex of Teff [dex K], 0.05 dex of luminosity [dex Lsun].
UNIT = (0.01, 0.05)
#: Distances are stored in tenths of a unit, in one byte.
SCALE = 10
#: Beyond this distance [units] from a stage's tracks its networks are not asked.
FAR = 10.0
#: The domain's raster reaches this far beyond the tracks [units].
MARGIN = 15.0
SIZE = 512
#: Raster of the stars seen in transfer learning, and how near [units] a star must be to one of them.
COVERAGE_SIZE = 128
NEAR = 4.0
#: Finer cells than the raster's, per side, in which the tracks are drawn.
FINER = 4


@dataclass(frozen=True)
class Raster:
    """A rectangle of the H-R diagram whose nodes are spaced evenly in both directions, edges included.

    Attributes
    ----------
    log_teff, log_lum
        (minimum, maximum) [dex K], [dex Lsun].
    """

    log_teff: tuple[float, float]
    log_lum: tuple[float, float]

    @classmethod
    def around(cls, bounds: Mapping[str, Mapping[str, tuple[float, float]]]) -> Self:
        """Return the raster around the bounds (stage -> name -> limits) of all stages."""

        def span(name: str, unit: float) -> tuple[float, float]:
            low, high = zip(*(stage[name] for stage in bounds.values()), strict=True)
            return min(low) - MARGIN * unit, max(high) + MARGIN * unit

        return cls(span("log_teff", UNIT[0]), span("log_lum", UNIT[1]))

    def spacing(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return the distance [dex] between nodes in Teff and in luminosity; `shape` is (n_lum, n_teff)."""
        (left, right), (low, high) = self.log_teff, self.log_lum
        return (right - left) / (shape[1] - 1), (high - low) / (shape[0] - 1)

    def locate(self, log_teff: Floats, log_lum: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Return positions in units of nodes (float32, any shape): column of Teff, row of luminosity.

        A place off the raster, or NaN, is moved to its edge.
        """

        def along(value: Floats, limits: tuple[float, float], nodes: int) -> Floats:
            position = (np.asarray(value) - limits[0]) * ((nodes - 1) / (limits[1] - limits[0]))
            return np.fmin(np.fmax(np.asarray(position, np.float32), 0), np.float32(nodes - 1))

        return along(log_teff, self.log_teff, shape[1]), along(log_lum, self.log_lum, shape[0])

    def cells(self, log_teff: Floats, log_lum: Floats, shape: tuple[int, ...]) -> tuple[Ints, Floats, Floats]:
        """Return what bilinear interpolation needs of each place.

        Returns
        -------
        index
            int32: number of the lower left node of the place's cell in a flat array.
        across, up
            float32: the place within the cell in Teff and in luminosity, from 0 to 1.
        """
        column, row = self.locate(log_teff, log_lum, shape)
        left = np.minimum(np.floor(column), np.float32(shape[1] - 2))
        low = np.minimum(np.floor(row), np.float32(shape[0] - 2))
        index = low.astype(np.int32)
        index *= np.int32(shape[1])
        index += left.astype(np.int32)
        return index, column - left, row - low

    def nodes(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Return log Teff (n_teff,) and log L (n_lum,) of the nodes."""
        return np.linspace(*self.log_teff, shape[1]), np.linspace(*self.log_lum, shape[0])


def at_every_eep(tracks: Mapping[str, np.ndarray]) -> dict[float, Floats]:
    """Return initial mass [Msun] -> (n_eep, 2) of log Teff and log L, EEPs left out of the table filled in.

    Index 0 is the lowest EEP of the whole table; every track must start there.
    """
    masses, eeps = tracks["initial_mass"], tracks["eep"]
    filled: dict[float, Floats] = {}
    for mass in np.unique(masses):
        track = masses == mass
        eep = np.arange(eeps.min(), eeps[track].max() + 1)
        filled[mass] = np.column_stack(
            [np.interp(eep, eeps[track], tracks[name][track]) for name in ("log_teff", "log_lum")]
        )
    return filled


def distance_field(tracks: Mapping[str, np.ndarray], raster: Raster) -> Ints:
    """Draw the domain of a stage and return each node's distance to it, uint8 (SIZE, SIZE), rows are log L.

    The domain is the union of the quadrilaterals between tracks adjacent in mass and points adjacent in EEP.

    Parameters
    ----------
    tracks
        Columns of the stage's standard rows, see :mod:`stelnet.data.mist`; the EEPs of a mass ascend.
    raster
        Where the nodes are.
    """
    fine = ((SIZE - 1) * FINER + 1,) * 2
    corners = [
        np.stack(raster.locate(track[:, 0], track[:, 1], fine), axis=-1)
        for _, track in sorted(at_every_eep(tracks).items())
    ]
    return _drawn(pairwise(corners), raster, SIZE)


def distance_fields(isochrones: np.ndarray, raster: Raster, size: int) -> np.ndarray:
    """Draw the domain between isochrones and return each node's distance to it, uint8 (size, size).

    Parameters
    ----------
    isochrones
        log Teff [dex K] and log L [dex Lsun] of consecutive ages, (ages, EEPs, 2), NaN where there is none.
    """
    fine = ((size - 1) * FINER + 1,) * 2
    corners = np.stack(raster.locate(isochrones[..., 0], isochrones[..., 1], fine), axis=-1)
    corners[np.isnan(isochrones).any(axis=-1)] = np.nan
    return _drawn(pairwise(corners), raster, size)


def _drawn(pairs: Iterable[tuple[np.ndarray, np.ndarray]], raster: Raster, size: int) -> np.ndarray:
    """Return distances of nodes to the quadrilaterals between two lines, places (n, 2) on a finer raster."""
    from PIL import Image, ImageDraw
    from scipy.ndimage import distance_transform_edt

    side = (size - 1) * FINER + 1
    fine = side, side
    image = Image.new("1", fine)
    draw = ImageDraw.Draw(image)
    points = []
    for left, right in pairs:
        many = min(len(left), len(right)) - 1
        quads = np.stack([left[:many], left[1 : many + 1], right[1 : many + 1], right[:many]], axis=1)
        quads = quads[np.isfinite(quads).all(axis=(1, 2))]
        # most are smaller than a pixel
        small = (np.ptp(quads, axis=1) < 1).all(axis=1)
        points.append(quads[small].reshape(-1, 2))
        for quad in quads[~small].reshape(-1, 8).tolist():
            draw.polygon(quad, fill=1)
    inside = np.array(image)
    column, row = np.rint(np.concatenate(points)).astype(int).T
    inside[row, column] = True
    dx, dy = raster.spacing(fine)
    distance: Floats = distance_transform_edt(~inside, sampling=(dy / UNIT[1], dx / UNIT[0]))
    return np.clip(np.rint(SCALE * distance[::FINER, ::FINER]), 0, 255).astype(np.uint8)


def coverage(log_teff: Floats, log_lum: Floats, raster: Raster) -> Ints:
    """Return uint8 (COVERAGE_SIZE, COVERAGE_SIZE): 1 at nodes within :data:`NEAR` of one of n stars."""
    x, y = raster.nodes((COVERAGE_SIZE, COVERAGE_SIZE))
    covered = np.zeros((COVERAGE_SIZE, COVERAGE_SIZE), bool)
    for teff, lum in zip(log_teff, log_lum, strict=True):
        covered |= np.hypot(*np.meshgrid((x - teff) / UNIT[0], (y - lum) / UNIT[1])) < NEAR
    return covered.astype(np.uint8)


def distance(field: Ints, raster: Raster, log_teff: Floats, log_lum: Floats) -> Floats:
    """Return distances [units] to a domain, float32, bilinearly interpolated; off the raster, the edge's.

    Parameters
    ----------
    field
        From :func:`distance_field`.
    log_teff, log_lum
        Arrays of one shape; a NaN is off the raster.
    """
    index, across, up = raster.cells(log_teff, log_lum, field.shape)
    flat, above = field.ravel(), np.int32(field.shape[1])

    def corner(offset: np.int32) -> Floats:
        return flat.take(index + offset).astype(np.float32)

    low, high = corner(np.int32(0)), corner(above)
    low += across * (corner(np.int32(1)) - low)
    high += across * (corner(above + np.int32(1)) - high)
    low += up * (high - low)
    low /= np.float32(SCALE)
    return low


def distance_between(
    fields: Ints,
    nodes: Floats,
    raster: Raster,
    log_teff: Floats,
    log_lum: Floats,
    feh: Floats,
) -> Floats:
    """Return distances [units] to a domain at some [Fe/H], float32 (..., n), linear between its fields.

    Parameters
    ----------
    fields, nodes
        Fields (f, i, j) at the metallicities `nodes` (f,), which are evenly spaced.
    log_teff, log_lum
        Shape (..., n).
    feh
        Shape (n,), moved to the range of `nodes`.
    """
    position = np.clip((feh - nodes[0]) / (nodes[1] - nodes[0]), 0, len(nodes) - 1)
    below = np.minimum(position.astype(np.int32), len(nodes) - 2)
    share = (position - below).astype(np.float32)
    index, across, up = raster.cells(log_teff, log_lum, fields.shape[1:])
    flat, above = fields.reshape(-1), np.int32(fields.shape[2])
    plane = np.int32(fields.shape[1] * fields.shape[2])
    index = index + below * plane

    def corner(offset: np.int32) -> Floats:
        at = index + offset
        low: Floats = flat.take(at).astype(np.float32)
        low += share * (flat.take(at + plane) - low)
        return low

    low, high = corner(np.int32(0)), corner(above)
    low += across * (corner(np.int32(1)) - low)
    high += across * (corner(above + np.int32(1)) - high)
    low += up * (high - low)
    low /= np.float32(SCALE)
    return low


def covered(field: Ints, raster: Raster, log_teff: Floats, log_lum: Floats) -> Ints:
    """Return the value at the nearest node of a field of :func:`coverage`, uint8 of the arguments' shape."""
    column, row = (
        np.rint(position).astype(int) for position in raster.locate(log_teff, log_lum, field.shape)
    )
    value: Ints = field[row, column]
    return value
