"""Ensembles of small networks from (log Teff, log L) to (log age, log mass), stacked in one batched tensor.

A network is registered under the name that config.yaml uses. Its file is a plain network on min-max scaled
inputs and outputs, as in the paper, whatever scaling served in training.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch.nn import functional

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.safetensors_file import read_content, require_one_ensemble, write_sorted

INPUTS = ("log_teff", "log_lum")
OUTPUTS = ("log_age", "log_mass")

#: Rows that are predicted at a time: 20 networks of width 50 then take 16 MB a layer.
CHUNK = 4096


@dataclass(frozen=True)
class Scaling:
    """Min-max scaling of a stage to [0, 1], in float64.

    Attributes
    ----------
    bounds
        Name of each of `INPUTS` and `OUTPUTS` -> (minimum, maximum).
    """

    bounds: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        try:
            bounds = {name: (float(low), float(high)) for name, (low, high) in self.bounds.items()}
        except (TypeError, ValueError) as error:
            raise DataError(f"bounds {self.bounds}: not name: [minimum, maximum] ({error}).") from error
        if not set(INPUTS + OUTPUTS) <= bounds.keys() or not all(low < high for low, high in bounds.values()):
            raise DataError(f"bounds {bounds}: need minimum < maximum for {', '.join(INPUTS + OUTPUTS)}.")
        object.__setattr__(self, "bounds", {name: bounds[name] for name in INPUTS + OUTPUTS})

    def _limits(self, names: tuple[str, str]) -> tuple[Floats, Floats]:
        low, high = np.array([self.bounds[name] for name in names]).T
        return low, high - low

    def inputs(self, log_teff: Floats, log_lum: Floats) -> Floats:
        """Scale inputs of shape (n,) to an array of shape (n, 2)."""
        low, width = self._limits(INPUTS)
        scaled: Floats = (np.column_stack([log_teff, log_lum]).astype(float) - low) / width
        return scaled

    def outputs(self, log_age: Floats, log_mass: Floats) -> Floats:
        """Scale outputs of shape (n,) to an array of shape (n, 2)."""
        low, width = self._limits(OUTPUTS)
        scaled: Floats = (np.column_stack([log_age, log_mass]).astype(float) - low) / width
        return scaled

    def unscale(self, outputs: Floats) -> Floats:
        """Turn scaled outputs, shape (..., 2), into (log age [dex yr], log mass [dex Msun])."""
        low, width = self._limits(OUTPUTS)
        values: Floats = low + width * outputs
        return values


class Ensemble(torch.nn.Module):
    """K networks of one shape, stacked; the registered networks derive from it and say how layers are joined.

    The first layer must act on the inputs, and the last one give the outputs, as a plain affine map: the
    scaling used in training is folded into them.

    Parameters
    ----------
    weights
        One tensor a layer, shape (K, n_in, n_out).
    biases
        One tensor a layer, shape (K, 1, n_out).
    scaling
        Min-max scaling of the inputs and outputs.
    """

    name: str

    def __init__(
        self, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], scaling: Scaling
    ) -> None:
        super().__init__()
        self.weights = torch.nn.ParameterList(weight.float() for weight in weights)
        self.biases = torch.nn.ParameterList(bias.float() for bias in biases)
        self.scaling = scaling

    @staticmethod
    def sizes(hidden_layers: int, hidden_width: int) -> list[int]:
        """Return the number of units of each layer, inputs and outputs included."""
        return [len(INPUTS), *[hidden_width] * hidden_layers, len(OUTPUTS)]

    @classmethod
    def initial(
        cls,
        hidden_layers: int,
        hidden_width: int,
        scaling: Scaling,
        generators: Sequence[np.random.Generator],
    ) -> Self:
        """Return one network per generator, each with its own random weights: uniform in +-1/sqrt(n_in)."""

        def uniform(fan_in: int, *shape: int) -> torch.Tensor:
            draws = [generator.uniform(-1, 1, shape) / fan_in**0.5 for generator in generators]
            return torch.from_numpy(np.stack(draws))

        sizes = cls.sizes(hidden_layers, hidden_width)
        layers = [(uniform(i, i, o), uniform(i, 1, o)) for i, o in pairwise(sizes)]
        weights, biases = zip(*layers, strict=True)
        return cls(weights, biases, scaling)

    def __len__(self) -> int:
        return len(self.weights[0])

    def select(self, indices: Sequence[int]) -> Self:
        """Return a new ensemble of copies of the networks at `indices`; one may be named more than once."""
        chosen = torch.as_tensor(indices)
        return type(self)(
            [weight.detach()[chosen] for weight in self.weights],
            [bias.detach()[chosen] for bias in self.biases],
            self.scaling,
        )

    def layer(self, i: int, x: torch.Tensor) -> torch.Tensor:
        """Apply the affine map of layer `i` to x, shape (K, n, n_in)."""
        return torch.baddbmm(self.biases[i], x, self.weights[i])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map scaled inputs, shape (n, 2) for all networks or (K, n, 2), to scaled outputs (K, n, 2)."""
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, log_teff: Floats, log_lum: Floats) -> Floats:
        """Return log age [dex yr] and log mass [dex Msun] of n stars by every network, float64 (K, n, 2)."""
        # scaled in float64: differences of float32 logarithms would cost a hundred times the agreement
        x = torch.from_numpy(self.scaling.inputs(log_teff, log_lum)).float().to(self.weights[0].device)
        scaled = torch.cat([self(chunk) for chunk in x.split(CHUNK)], dim=1)
        return self.scaling.unscale(scaled.cpu().double().numpy())


NETWORKS: dict[str, type[Ensemble]] = {}


def register(name: str) -> Callable[[type[Ensemble]], type[Ensemble]]:
    """Make a network available to config.yaml under a name, which its files carry too."""

    def add(network: type[Ensemble]) -> type[Ensemble]:
        network.name = name
        NETWORKS[name] = network
        return network

    return add


@register("relu_mlp")
class ReluMlp(Ensemble):
    """Fully connected layers with ReLU between them, the paper's network."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.expand(len(self), -1, -1)
        last = len(self.weights) - 1
        for i in range(last):
            x = functional.relu(self.layer(i, x))
        return self.layer(last, x)


def save_network(path: str | Path, ensemble: Ensemble, index: int, metadata: Mapping[str, str]) -> None:
    """Write one network of an ensemble to a safetensors file, whose bytes depend on nothing else.

    Tensors are named ``layers.0.weight`` (n_out, n_in), ``layers.0.bias`` (n_out,), ...; the name of the
    network and its bounds are added to `metadata`.
    """
    tensors = {}
    for i, (weight, bias) in enumerate(zip(ensemble.weights, ensemble.biases, strict=True)):
        tensors[f"layers.{i}.weight"] = weight.detach()[index].T.contiguous().cpu()
        tensors[f"layers.{i}.bias"] = bias.detach()[index, 0].contiguous().cpu()
    own = {"network": ensemble.name, "bounds": json.dumps(ensemble.scaling.bounds)}
    content = save(tensors, {**metadata, **own})
    write_sorted(content, path)


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the metadata of a network's file; raise DataError when it is no such file."""
    return _read(path)[0]


def _read(path: str | Path) -> tuple[dict[str, str], list[torch.Tensor], list[torch.Tensor]]:
    """Return a file's metadata, weights (n_in, n_out) and biases (1, n_out)."""
    content, metadata = read_content(path)
    try:
        tensors = load(content)
        indices = range(len(tensors) // 2)
        weights = [tensors[f"layers.{i}.weight"].T for i in indices]
        biases = [tensors[f"layers.{i}.bias"][None] for i in indices]
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise DataError(f"{path}: not a network of this workflow ({error}); make it again.") from error
    if missing := {"network", "bounds", "simulated"} - metadata.keys():
        raise DataError(f"{path}: no {', '.join(sorted(missing))} in its metadata; make it again.")
    return metadata, weights, biases


def load_ensemble(paths: Iterable[str | Path]) -> Ensemble:
    """Stack the networks of several files, in their order.

    Raises
    ------
    DataError
        A file is no network, or differs from the first in network, bounds, shapes or in being simulated.
    """
    paths = list(paths)
    if not paths:
        raise DataError("no network files are named: an ensemble needs at least one.")
    files = [_read(path) for path in paths]

    metadata, weights, biases = zip(*files, strict=True)
    shapes = [{str(i): weight.shape for i, weight in enumerate(network)} for network in weights]
    require_one_ensemble(paths, metadata, shapes)
    first = metadata[0]
    if first["network"] not in NETWORKS:
        raise DataError(
            f"{paths[0]}: network {first['network']!r} is not registered; there are {', '.join(NETWORKS)}."
        )
    return NETWORKS[first["network"]](
        [torch.stack(layer) for layer in zip(*weights, strict=True)],
        [torch.stack(layer) for layer in zip(*biases, strict=True)],
        Scaling(json.loads(first["bounds"])),
    )
