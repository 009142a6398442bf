"""Ensembles of ReLU networks in numpy: each network's answer, their mean and spread, and a table of these.

Torch would be no faster on a CPU, and takes longer to import than ten stars take to predict. Arrays inside
are (units, stars), so that each product has a thin left factor; the biases ride as a column on a row of ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stelnet.arrays import Bools, Floats, Ints
from stelnet.inference.bundle import Stage
from stelnet.inference.domain import Raster

#: Stars at a time: two layers of 50 units then fit the nearest cache.
CHUNK = 1024
#: Nodes of a table in each direction.
TABLE_SIZE = 1024
#: Nodes, per side, of a square of the table that is filled or left out as one.
TILE = 16
#: A cell of the table is coarse when interpolation may err by more than this [dex].
COARSE = 0.01
#: Runs a function on each of many parts.
Run = Callable[[Callable[[slice], None], list[slice]], None]


class Moments(NamedTuple):
    """Mean and standard deviation (over the networks, ddof 0) of log age [dex yr] and log mass [dex Msun].

    Attributes
    ----------
    values
        float32 (4, ...): mean age, mean mass, sd of age, sd of mass; NaN where there is no answer.
    coarse
        Whether the value is interpolated across a fold, of the same shape (...); None from exact evaluation.
    """

    values: Floats
    coarse: Bools | None


class Ensemble:
    """The K networks of one stage, evaluated exactly.

    Parameters
    ----------
    stage
        Their weights and scaling, from a bundle.
    """

    def __init__(self, stage: Stage) -> None:
        low, high = np.array([stage.bounds[name] for name in ("log_age", "log_mass")]).T
        self._inputs = np.array([stage.bounds[name] for name in ("log_teff", "log_lum")])
        self._layers = []
        for i, (weight, bias) in enumerate(zip(stage.weights, stage.biases, strict=True)):
            layer = np.concatenate([weight, bias[..., None]], axis=2).astype(float)
            if i == len(stage.weights) - 1:
                # answers in dex: the scaling of the outputs belongs to the last layer
                layer *= (high - low)[:, None]
                layer[..., -1] += low
            self._layers.append(np.ascontiguousarray(layer, np.float32))

    def __len__(self) -> int:
        return len(self._layers[0])

    def _scaled(self, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return scaled inputs above a row of ones, float32 (3, n)."""
        # scaled in float64: differences of float32 logarithms would cost a hundred times the agreement
        low, high = self._inputs.T
        scaled = (np.stack([log_teff, log_lum]).astype(float) - low[:, None]) / (high - low)[:, None]
        return np.concatenate([scaled, np.ones((1, scaled.shape[1]))]).astype(np.float32)

    def _answer(self, k: int, x: Floats, buffers: Floats, out: Floats) -> None:
        """Write network k's answer to scaled inputs x (3, n) to `out` (2, n)."""
        for i, layer in enumerate(self._layers[:-1]):
            units = layer.shape[1]
            hidden = buffers[i % 2, :units]
            np.matmul(layer[k], x, out=hidden)
            np.maximum(hidden, 0, out=hidden)
            buffers[i % 2, units] = 1
            x = buffers[i % 2, : units + 1]
        np.matmul(self._layers[-1][k], x, out=out)

    def _buffers(self, n: int) -> Floats:
        return np.empty((2, max(layer.shape[1] for layer in self._layers) + 1, n), np.float32)

    def members(self, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return the answers of all networks, float32 (K, 2, n): log age [dex yr], log mass [dex Msun].

        Parameters
        ----------
        log_teff, log_lum
            Shape (n,) [dex K], [dex Lsun]; memory grows with n, so pass not much more than :data:`CHUNK`.
        """
        x, buffers = self._scaled(log_teff, log_lum), self._buffers(len(log_teff))
        answers = np.empty((len(self), 2, x.shape[1]), np.float32)
        for k in range(len(self)):
            self._answer(k, x, buffers, answers[k])
        return answers

    def drawn(self, log_teff: Floats, log_lum: Floats, networks: Ints) -> Floats:
        """Return the answer of one network a point, float32 (2, n): of the number in `networks` (n,)."""
        answers = np.empty((2, len(networks)), np.float32)
        for k in range(len(self)):
            chosen = np.flatnonzero(networks == k)
            for start in range(0, len(chosen), CHUNK):
                part = chosen[start : start + CHUNK]
                out = np.empty((2, len(part)), np.float32)
                self._answer(k, self._scaled(log_teff[part], log_lum[part]), self._buffers(len(part)), out)
                answers[:, part] = out
        return answers

    def moments(self, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return mean and standard deviation over the networks, float32 (4, n), see :class:`Moments`."""
        values = np.empty((4, len(log_teff)), np.float32)
        for start in range(0, len(log_teff), CHUNK):
            part = slice(start, start + CHUNK)
            answers = self.members(log_teff[part], log_lum[part])
            mean = answers.mean(axis=0)
            answers -= mean
            values[:2, part] = mean
            values[2:, part] = np.sqrt(np.einsum("kqn,kqn->qn", answers, answers) / np.float32(len(self)))
        return values

    def evaluate(self, log_teff: Floats, log_lum: Floats, wanted: Bools) -> Moments:
        """Return the moments at the points that are wanted; all arrays of one shape."""
        values = np.full((4, *wanted.shape), np.nan, np.float32)
        values[:, wanted] = self.moments(log_teff[wanted], log_lum[wanted])
        return Moments(values, None)


@dataclass(frozen=True)
class Table:
    """The moments of a stage on a raster, interpolated bilinearly: far faster than the networks.

    Attributes
    ----------
    raster
        Where the nodes are.
    cells
        Complex128 (n_lum, n_teff), a node's four float32 moments in one element, so that it is read at once.
    coarse
        Bool (n_lum, n_teff): whether the cell above and right of the node lies at a fold.
    """

    raster: Raster
    cells: NDArray[np.complex128]
    coarse: Bools

    @classmethod
    def build(
        cls,
        ensemble: Ensemble,
        raster: Raster,
        near: Callable[[Floats, Floats], Bools],
        run: Run,
    ) -> "Table":
        """Evaluate the ensemble in all tiles of which some node is near.

        Parameters
        ----------
        near
            Maps log Teff and log L, of one shape, to the nodes that may be asked for.
        """
        shape = (TABLE_SIZE, TABLE_SIZE)
        x, y = np.meshgrid(*raster.nodes(shape))
        tiles = (TABLE_SIZE // TILE, TILE) * 2
        needed = np.any(near(x, y).reshape(tiles), axis=(1, 3))
        # an interpolation reads the next tile's first nodes
        needed[:-1] |= needed[1:]
        needed[1:] |= needed[:-1]
        needed[:, :-1] |= needed[:, 1:]
        needed[:, 1:] |= needed[:, :-1]
        rows, columns = np.nonzero(needed.repeat(TILE, axis=0).repeat(TILE, axis=1))
        values = np.full((*shape, 4), np.nan, np.float32)
        parts = [slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK)]

        def fill(part: slice) -> None:
            i, j = rows[part], columns[part]
            values[i, j] = ensemble.moments(x[i, j], y[i, j]).T

        run(fill, parts)
        return cls(raster, values.view(np.complex128)[..., 0], _coarse(values))

    def evaluate(self, log_teff: Floats, log_lum: Floats, wanted: Bools | None = None) -> Moments:
        """Return interpolated moments at places of any shape, NaN where the table is not filled.

        `wanted`, of an ensemble, does not matter here: to look up all is as quick.
        """
        index, across, up = self.raster.cells(log_teff, log_lum, self.cells.shape)
        flat, above = self.cells.ravel(), np.int32(self.cells.shape[1])

        def corner(offset: np.int32) -> Floats:
            return flat.take(index + offset).view(np.float32).reshape(-1, 4)

        # numpy is slow at broadcasting along short rows
        fraction = np.empty((index.size, 4), np.float32)
        fraction[:] = across.reshape(-1, 1)
        low, high = corner(np.int32(0)), corner(above)
        low += fraction * (corner(np.int32(1)) - low)
        high += fraction * (corner(above + np.int32(1)) - high)
        fraction[:] = up.reshape(-1, 1)
        low += fraction * (high - low)
        values = np.ascontiguousarray(low.T).reshape(4, *index.shape)
        return Moments(values, self.coarse.ravel().take(index))


def _coarse(values: Floats) -> Bools:
    """Tell the cells, by their lower left node, in which bilinear interpolation may err by more than COARSE.

    The error of linear interpolation is at most an eighth of the second derivative times the step squared; at
    a fold the second difference is what the slope changes by.
    """
    means = values[..., :2]
    error = np.zeros(values.shape[:2], np.float32)
    with np.errstate(invalid="ignore"):
        for axis in (0, 1):
            second = np.abs(np.diff(means, 2, axis=axis)).max(axis=-1) / 8
            inner = [slice(None)] * 2
            inner[axis] = slice(1, -1)
            error[tuple(inner)] += np.nan_to_num(second)
    coarse = error > COARSE
    cells = coarse.copy()
    cells[:-1] |= coarse[1:]
    cells[:, :-1] |= cells[:, 1:]
    return cells
