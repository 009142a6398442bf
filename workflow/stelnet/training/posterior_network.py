"""The posterior network in torch: one mixture density network for both stages, trained on exact draws.

Mixture density networks: Bishop 1994 (NCRG/94/004); of posteriors: Papamakarios & Murray 2016 (NeurIPS 29).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from stelnet._version import __version__
from stelnet.arrays import Floats
from stelnet.errors import ConfigError
from stelnet.inference import features
from stelnet.inference.gaussians import Coordinates
from stelnet.inference.mixture_network import CASES, LOG_SD, MODEL, NUMBERS
from stelnet.safetensors_file import write_tensors
from stelnet.seeds import derived_seed, generator
from stelnet.training.optimisers import Muon
from stelnet.training.posterior_sample import ERRORS

#: Which way each limit of age lies.
OUTWARD = torch.tensor([-1.0, 1.0, -1.0, 1.0])
#: Steps between two reports of the loss.
REPORTED = 100


class PosteriorNetwork(nn.Module):
    """Residual network with two mixtures of Gaussians, the odds of the stages, and limits of age.

    Parameters
    ----------
    width, depth
        Units of a layer and number of residual layers.
    components
        Gaussians of each stage.
    """

    def __init__(self, width: int, depth: int, components: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int, sd: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) * sd)

        self.components = components
        outputs = 2 * components * NUMBERS + 1 + 4 * len(CASES)
        # stacks of matrices, as the optimiser takes them
        self.first = normal(1, features.COUNT, width, sd=features.COUNT**-0.5)
        self.first_bias = nn.Parameter(torch.zeros(width))
        self.hidden = normal(depth, width, width, sd=width**-0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(depth, width))
        self.last = normal(width, outputs, sd=0.02)
        bias = torch.zeros(2, components, NUMBERS)
        bias[..., 1:4] = torch.randn(2, components, 3, generator=generator) * 0.6
        bias[..., 4:7] = -1.0
        limits = torch.tensor([0.0] + [-0.3, 0.3] * (2 * len(CASES)))
        self.last_bias = nn.Parameter(torch.cat([bias.flatten(), limits]))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return Gaussians (n, 2, components, NUMBERS), logits of pre (n,), limits of age (n, cases, 4)."""
        h = torch.addmm(self.first_bias, x, self.first[0])
        for weight, bias in zip(self.hidden, self.hidden_bias, strict=True):
            h = h + nn.functional.silu(torch.addmm(bias, _normed(h), weight))
        out = torch.addmm(self.last_bias, _normed(h), self.last)
        count = 2 * self.components * NUMBERS
        mixtures = out[:, :count].view(-1, 2, self.components, NUMBERS)
        return mixtures, out[:, count], out[:, count + 1 :].view(-1, len(CASES), 4)


def _normed(h: torch.Tensor) -> torch.Tensor:
    return h * torch.rsqrt(h.square().mean(1, keepdim=True) + 1e-6)


def log_density(mixtures: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the log density (n, 2, draws) of points y (n, 2, draws, 3) under the mixtures of their stage.

    A Gaussian's logarithm is a polynomial of the second degree: with its ten coefficients worked out once a
    Gaussian, many draws cost one small product of matrices.
    """
    # near the draws, where no large numbers cancel
    centre = y.mean(2, keepdim=True)
    d = y - centre
    means = mixtures[..., 1:4] - centre
    log_scale = mixtures[..., 4:7].clamp(*LOG_SD)
    # rows of L in z = L (y - mean), of which the last two depend on the coordinates before
    i0, i1, i2 = torch.exp(-log_scale).unbind(-1)
    on_age, metal_on_age, metal_on_mass = mixtures[..., 7:10].unbind(-1)
    l10, l20, l21 = -on_age * i1, -metal_on_age * i2, -metal_on_mass * i2
    m0, m1, m2 = means.unbind(-1)
    c0, c1, c2 = i0 * m0, l10 * m0 + i1 * m1, l20 * m0 + l21 * m1 + i2 * m2
    coefficients = torch.stack(
        [
            torch.log_softmax(mixtures[..., 0], -1) - log_scale.sum(-1) - 0.5 * (c0 * c0 + c1 * c1 + c2 * c2),
            i0 * c0 + l10 * c1 + l20 * c2,
            i1 * c1 + l21 * c2,
            i2 * c2,
            -0.5 * (i0 * i0 + l10 * l10 + l20 * l20),
            -0.5 * (i1 * i1 + l21 * l21),
            -0.5 * i2 * i2,
            -(l10 * i1 + l20 * l21),
            -l20 * i2,
            -l21 * i2,
        ],
        -2,
    )
    a, m, f = d.unbind(-1)
    powers = torch.stack([torch.ones_like(a), a, m, f, a * a, m * m, f * f, a * m, a * f, m * f], -1)
    density: torch.Tensor = torch.logsumexp(powers @ coefficients, -1) - 1.5 * np.log(2 * np.pi)
    return density


@dataclass(frozen=True)
class Recipe:
    """How a posterior network is trained.

    Attributes
    ----------
    width, depth, components
        See :class:`PosteriorNetwork`.
    steps, batch, draws
        Steps of the optimisers, stars in each, and draws of each star and stage.
    lr, lr_hidden
        Learning rates of Adam, for the last layer and all biases, and of Muon, for the other layers.
    warm_up, constant
        Steps in which the rates rise, and the share of all steps after which they fall to nothing.
    averaged
        Share of the average of the weights that a step keeps.
    """

    width: int = 128
    depth: int = 4
    components: int = 10
    steps: int = 17_000
    batch: int = 1024
    draws: int = 4
    lr: float = 2e-3
    lr_hidden: float = 0.01
    warm_up: int = 200
    constant: float = 0.3
    averaged: float = 0.998


class Data:
    """Training stars as tensors.

    Parameters
    ----------
    sample
        See :func:`stelnet.training.posterior_sample.sample`.
    """

    def __init__(self, sample: Mapping[str, Floats]) -> None:
        self.x = torch.from_numpy(np.ascontiguousarray(features.features(sample["stars"].T.astype(float)).T))
        y = Coordinates.of(sample["drawn"])
        reached = np.isfinite(y[:, :, 0, 0])
        self.y = torch.from_numpy(np.nan_to_num(y))
        p_pre = sample["p_pre"]
        share = np.column_stack([p_pre, 1 - p_pre])
        self.weight = torch.from_numpy((reached * (0.7 * share + 0.3)).astype(np.float32))
        self.p_pre = torch.from_numpy(p_pre)
        limits = Coordinates.limits_of(sample["log_age_data"])
        self.limits = torch.from_numpy(np.nan_to_num(limits))
        self.limited = torch.from_numpy(np.isfinite(limits).astype(np.float32))

    def __len__(self) -> int:
        return len(self.p_pre)

    def loss(
        self, network: PosteriorNetwork, rows: torch.Tensor, draws: torch.Tensor | slice
    ) -> dict[str, torch.Tensor]:
        """Return the parts of the loss over some stars and some of their draws."""
        mixtures, logit, limits = network(self.x[rows])
        log_p = log_density(mixtures, self.y[rows][:, :, draws])
        weight = self.weight[rows]
        error = nn.functional.smooth_l1_loss(limits, self.limits[rows], beta=0.02, reduction="none")
        # rather too wide than too narrow
        narrow = (limits - self.limits[rows]) * OUTWARD < 0
        error = error * torch.where(narrow, 2.0, 1.0)
        limited = self.limited[rows]
        return {
            "density": -(log_p.mean(-1) * weight).sum() / weight.sum(),
            "stage": nn.functional.binary_cross_entropy_with_logits(logit, self.p_pre[rows]),
            "limits": (error * limited).sum() / limited.sum(),
        }


def train(
    sample: Mapping[str, Floats],
    recipe: Recipe,
    seed: int,
    log: Callable[[int, dict[str, float]], None] | None = None,
) -> PosteriorNetwork:
    """Return a network trained on a sample, its weights averaged over the last steps.

    Parameters
    ----------
    sample
        See :func:`stelnet.training.posterior_sample.sample`.
    log
        Called every :data:`REPORTED` steps with the step and the mean parts of the loss since the last call.

    Raises
    ------
    ConfigError
        The sample has fewer stars or draws than a step takes.
    """
    data = Data(sample)
    available = data.y.shape[2]
    if len(data) < recipe.batch or available < recipe.draws:
        taken = f"{recipe.batch} stars with {recipe.draws} draws"
        raise ConfigError(f"The sample has {len(data)} stars with {available} draws, a step takes {taken}.")
    network = PosteriorNetwork(recipe.width, recipe.depth, recipe.components, derived_seed(seed, "network"))
    averaged = {name: value.detach().clone() for name, value in network.state_dict().items()}
    rest = [network.first_bias, network.hidden_bias, network.last, network.last_bias]
    rates = recipe.lr_hidden, recipe.lr
    optimisers = (
        Muon([network.first, network.hidden], lr=rates[0], scale=1.0),
        torch.optim.Adam(rest, lr=rates[1], betas=(0.9, 0.98)),
    )
    rng = generator(seed, "batches")
    order, place = rng.permutation(len(data)), 0
    sums: dict[str, float] = {}
    for step in range(1, recipe.steps + 1):
        left = (1 - step / recipe.steps) / (1 - recipe.constant)
        for optimiser, rate in zip(optimisers, rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * min(1.0, step / recipe.warm_up, left)
        if place + recipe.batch > len(order):
            order, place = rng.permutation(len(data)), 0
        rows = torch.from_numpy(order[place : place + recipe.batch])
        place += recipe.batch
        first = int(rng.integers(0, available - recipe.draws + 1))
        parts = data.loss(network, rows, slice(first, first + recipe.draws))
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(rest, 5.0)
        for optimiser in optimisers:
            optimiser.step()
        keep = min(recipe.averaged, step / (step + 10))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                averaged[name].lerp_(value, 1 - keep)
        for name, part in parts.items():
            sums[name] = sums.get(name, 0.0) + part.item() / REPORTED
        if step % REPORTED == 0:
            if log:
                log(step, sums)
            sums = {}
    network.load_state_dict(averaged)
    return network


def tensors_of(network: PosteriorNetwork) -> dict[str, Floats]:
    """Return the weights as :class:`stelnet.inference.mixture_network.MixtureNetwork` takes them, float32."""
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    return tensors | {"first": tensors["first"][0]}


def write_network(
    path: str | Path, network: PosteriorNetwork, recipe: Recipe, metadata: Mapping[str, Any]
) -> None:
    """Write a network's file, weights in float16; the same bytes for the same network and metadata.

    Parameters
    ----------
    metadata
        What more to tell of it, JSON values: the grid, the sample, whether all was simulated.
    """
    tensors = {name: value.astype(np.float16) for name, value in tensors_of(network).items()}
    own = {"model": MODEL, "components": recipe.components, "errors": ERRORS, "recipe": asdict(recipe)}
    write_tensors(path, tensors, {**metadata, **own, "version": __version__})
