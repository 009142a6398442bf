"""Training losses, each registered under the name that config.yaml uses.

A loss takes the scaled predictions and targets of an ensemble, both of shape (n_networks, n_rows, 2), and
returns one value per network, shape (n_networks,): the networks of an ensemble share no term.
"""

from collections.abc import Callable

import torch

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

LOSSES: dict[str, Loss] = {}


def register(name: str) -> Callable[[Loss], Loss]:
    """Make a loss available to config.yaml under a name."""

    def add(loss: Loss) -> Loss:
        LOSSES[name] = loss
        return loss

    return add


@register("mse")
def mse(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error, the paper's loss."""
    return (prediction - target).square().mean((1, 2))


@register("mae")
def mae(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error."""
    return (prediction - target).abs().mean((1, 2))


@register("huber")
def huber(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error, rounded off to a parabola below 0.01 (smooth L1; Huber 1964)."""
    beta = 0.01
    error = (prediction - target).abs()
    # not torch's own smooth L1: it rounds the last few elements of a tensor in another way than the rest, so
    # that the last bits of a network would depend on how many others are trained beside it
    return torch.where(error < beta, error.square() / (2 * beta), error - beta / 2).mean((1, 2))
