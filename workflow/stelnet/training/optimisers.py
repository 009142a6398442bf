"""Optimisers for stacked networks: none lets one network of an ensemble act on another."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

#: Newton-Schulz coefficients of Jordan et al. 2024 (Muon): five steps bring singular values to about 1.
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Return matrices, shape (n, rows, columns), with their singular values brought to about 1 (0.7-1.2)."""
    a, b, c = QUINTIC
    x: torch.Tensor = matrices / (torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True) + 1e-12)
    for _ in range(steps):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) on stacks of hidden matrices, Adam (Kingma & Ba 2015) on everything else.

    ``torch.optim.Muon`` takes single matrices only; here each matrix of a stack, shape (K, n_in, n_out), is
    orthogonalised by itself, all of one shape in one batched product. Thin matrices (two inputs or outputs)
    and biases take Adam's step.

    Parameters
    ----------
    params
        Parameters of an ensemble, first dimension K.
    lr
        Learning rate of the Adam steps; a hidden matrix moves by `scale` times it in each singular direction.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor],
        lr: float,
        scale: float = 3.0,
        momentum: float = 0.95,
        second_momentum: float = 0.95,
    ) -> None:
        super().__init__(params, dict(lr=lr, scale=scale, momentum=momentum, second_momentum=second_momentum))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # none is ever given
        """Move all parameters by one step."""
        for group in self.param_groups:
            stacks: dict[torch.Size, list[torch.Tensor]] = {}
            for parameter in group["params"]:
                if min(parameter.shape[1:]) > 2:
                    stacks.setdefault(parameter.shape, []).append(parameter)
                else:
                    self._adam(parameter, group)
            for parameters in stacks.values():
                self._muon(parameters, group)

    def _adam(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        state, gradient = self.state[parameter], _gradient(parameter)
        if not state:
            state.update(step=0, first=torch.zeros_like(parameter), second=torch.zeros_like(parameter))
        beta1, beta2 = group["momentum"], group["second_momentum"]
        state["step"] += 1
        state["first"].lerp_(gradient, 1 - beta1)
        state["second"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (state["second"] / (1 - beta2 ** state["step"])).sqrt_().add_(1e-9)
        parameter.addcdiv_(state["first"], scale, value=-group["lr"] / (1 - beta1 ** state["step"]))

    def _muon(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        state = self.state[parameters[0]]
        gradients = torch.cat([_gradient(parameter) for parameter in parameters])
        if not state:
            state["first"] = torch.zeros_like(gradients)
        state["first"].lerp_(gradients, 1 - group["momentum"])
        steps = orthogonalise(gradients.lerp_(state["first"], group["momentum"]))
        for parameter, step in zip(parameters, steps.split(len(parameters[0])), strict=True):
            parameter.add_(step, alpha=-group["scale"] * group["lr"])


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Take numbers below the smallest normal one (1e-38) for zero, within a block or a decorated function.

    Momenta of units that no longer fire decay to such numbers. Some processors take 30 times as long for
    them.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    assert parameter.grad is not None  # a step follows a backward pass
    return parameter.grad


#: Name in config.yaml -> class taking (parameters, lr).
OPTIMISERS: dict[str, type[torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "muon": Muon}
