"""Training of the baseline networks: bootstraps of one stage's MIST points, several as one batch."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from stelnet.arrays import Bools, Floats
from stelnet.errors import ConfigError, DataError
from stelnet.seeds import generator
from stelnet.training.losses import LOSSES, Loss
from stelnet.training.networks import CHUNK, INPUTS, NETWORKS, OUTPUTS, Ensemble, Scaling
from stelnet.training.optimisers import OPTIMISERS, denormals_flushed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standardisation:
    """Affine maps from min-max scaled values to what networks learn best on: whitened inputs, unit outputs.

    Attributes
    ----------
    centre, whitening
        Inputs u become (u - centre) @ whitening; shapes (2,) and (2, 2).
    mean, deviation
        Outputs v become (v - mean) / deviation; shapes (2,).
    """

    centre: Floats
    whitening: Floats
    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, inputs: Floats, outputs: Floats) -> Self:
        """Measure the maps on training rows, both of shape (n, 2) and float64.

        Raises
        ------
        DataError
            Too few different rows to span both inputs and both outputs.
        """
        if len(inputs) < 3:
            raise DataError(
                f"{len(inputs)} training rows are too few; check the MIST table and the test split."
            )
        variances, axes = np.linalg.eigh(np.cov(inputs.T))
        deviation = outputs.std(axis=0)
        # on the scale of the min-max bounds; float32 could not tell less
        if min(*variances, *deviation**2) < 1e-12:
            raise DataError("an input or output does not vary among the training rows; check the MIST table.")
        # the symmetric root: unlike principal axes it has no arbitrary signs
        return cls(inputs.mean(axis=0), axes / np.sqrt(variances) @ axes.T, outputs.mean(axis=0), deviation)

    def apply(self, inputs: Floats, outputs: Floats) -> tuple[torch.Tensor, torch.Tensor]:
        """Return standardised inputs and outputs as float32 tensors of shape (n, 2)."""
        x, y = (inputs - self.centre) @ self.whitening, (outputs - self.mean) / self.deviation
        return torch.from_numpy(x).float(), torch.from_numpy(y).float()

    def fold(self, ensemble: Ensemble) -> Ensemble:
        """Return the ensemble that does on min-max scaled values what `ensemble` does on standardised."""
        weights = [weight.detach().cpu().double() for weight in ensemble.weights]
        biases = [bias.detach().cpu().double() for bias in ensemble.biases]
        weights[0] = torch.from_numpy(self.whitening) @ weights[0]
        biases[0] = biases[0] - torch.from_numpy(self.centre[None]) @ weights[0]
        deviation, mean = torch.from_numpy(self.deviation), torch.from_numpy(self.mean)
        weights[-1] = weights[-1] * deviation
        biases[-1] = biases[-1] * deviation + mean
        return type(ensemble)(weights, biases, ensemble.scaling)


def usable(device: str) -> torch.device:
    """Return the device of a name, ``cpu`` or ``cuda``; raise ConfigError when torch has none of the kind."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("configuration: training.device: torch sees no CUDA device here; use cpu.")
    return torch.device(device)


@torch.no_grad()
def mean_loss(ensemble: Ensemble, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> Floats:
    """Return the loss of every network, shape (K,), on the same rows, x and y of shape (n, 2)."""
    sums = torch.zeros(len(ensemble), device=x.device)
    for part, true in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
        sums += len(part) * loss(ensemble(part), true.expand(len(ensemble), -1, -1))
    return (sums / len(x)).cpu().numpy()


@denormals_flushed()
def train_block(
    rows: pd.DataFrame,
    held_out: Bools,
    scaling: Scaling,
    boots: Sequence[int],
    settings: Mapping[str, Any],
    seed: int,
    names: Sequence[str],
) -> tuple[Ensemble, pd.DataFrame]:
    """Train networks for several bootstraps of a stage's rows at once.

    Each bootstrap has its own random streams (draw with replacement, initial weights, order of mini-batches),
    named by `names` and its number, so that it is the same network in whatever company it is trained.

    Parameters
    ----------
    rows
        Columns ``log_teff``, ``log_lum``, ``log_age``, ``log_mass``.
    held_out
        Boolean, shape (n_rows,): rows that are not trained on.
    scaling
        Min-max scaling of the stage.
    boots
        Numbers of the bootstraps.
    settings
        ``network``, ``hidden_layers``, ``hidden_width``, ``loss``, ``optimiser``, ``learning_rate``,
        ``batch_size``, ``epochs`` and ``device``, as in config.yaml, but with the epochs of this stage alone.
    seed
        Base seed.
    names
        What the networks are, e.g. ``("baseline", "pre")``.

    Returns
    -------
    Ensemble
        On min-max scaled values, in the order of `boots`, on the CPU.
    DataFrame
        ``epoch`` (from 1), ``boot``, ``train_loss`` (mean over the mini-batches as they came) and
        ``test_loss`` (held-out rows, after the epoch), in the loss's own units: standardised outputs.

    Raises
    ------
    ConfigError
        The device is not there, or the loss diverges.
    DataError
        The rows cannot be standardised.
    """
    device = usable(settings["device"])
    inputs = scaling.inputs(*(rows[name].to_numpy() for name in INPUTS))
    outputs = scaling.outputs(*(rows[name].to_numpy() for name in OUTPUTS))
    standard = Standardisation.of(inputs[~held_out], outputs[~held_out])
    x, y = (values.to(device) for values in standard.apply(inputs[~held_out], outputs[~held_out]))
    x_test, y_test = (values.to(device) for values in standard.apply(inputs[held_out], outputs[held_out]))

    def streams(purpose: str) -> list[np.random.Generator]:
        return [generator(seed, *names, boot, purpose) for boot in boots]

    draws = np.stack([stream.integers(0, len(x), len(x)) for stream in streams("draw")])
    ensemble = (
        NETWORKS[settings["network"]]
        .initial(settings["hidden_layers"], settings["hidden_width"], scaling, streams("weights"))
        .to(device)
    )
    loss, orders = LOSSES[settings["loss"]], streams("order")
    epochs, size = settings["epochs"], settings["batch_size"]
    optimiser = OPTIMISERS[settings["optimiser"]](ensemble.parameters(), settings["learning_rate"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        settings["learning_rate"],
        total_steps=epochs * math.ceil(len(x) / size),
        pct_start=0.1,
        div_factor=10,
        final_div_factor=1e3,
        cycle_momentum=False,
    )
    history = []
    for epoch in range(1, epochs + 1):
        shuffled = [order.permutation(draw) for order, draw in zip(orders, draws, strict=True)]
        total = torch.zeros(len(boots), device=device)
        for batch in torch.from_numpy(np.stack(shuffled)).to(device).split(size, dim=1):
            losses = loss(ensemble(x[batch]), y[batch])
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            schedule.step()
            total += losses.detach() * batch.shape[1]
        train = (total / len(x)).cpu().numpy()
        if not np.isfinite(train).all():
            raise ConfigError("configuration: training.learning_rate: the loss diverged; choose a lower one.")
        test = mean_loss(ensemble, loss, x_test, y_test)
        history.append(pd.DataFrame({"epoch": epoch, "boot": boots, "train_loss": train, "test_loss": test}))
        if epoch % max(1, epochs // 10) == 0:
            log.info("epoch %d of %d: loss %.4g, held out %.4g", epoch, epochs, train.mean(), test.mean())
    return standard.fold(ensemble), pd.concat(history, ignore_index=True)
