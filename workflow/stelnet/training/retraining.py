"""Transfer learning (Phillips et al., Section 3): a baseline network, retrained on a few real stars."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from stelnet.errors import ConfigError
from stelnet.seeds import generator
from stelnet.training.losses import LOSSES
from stelnet.training.networks import INPUTS, OUTPUTS, Ensemble
from stelnet.training.optimisers import OPTIMISERS, denormals_flushed


@denormals_flushed()
def retrain(
    start: Ensemble,
    sample: pd.DataFrame,
    boots: Sequence[int],
    settings: Mapping[str, Any],
    seed: int,
    names: tuple[str | int, ...],
) -> tuple[Ensemble, pd.DataFrame]:
    """Retrain copies of a network, each on its own bootstrap of the sample, by full-batch gradient steps.

    Every bootstrap has a random stream and an optimiser state of its own (the published code carried Adam's
    moments over from one bootstrap to the next), so that it is the same network in whatever company it is
    trained.

    Parameters
    ----------
    start
        Ensemble of the one network to start from, on min-max scaled values.
    sample
        Table of :func:`stelnet.training.sample.draw_sample`.
    boots
        Numbers of the bootstraps: draws with replacement, as large as the sample.
    settings
        ``steps``, ``loss``, ``optimiser`` and ``learning_rate``, as in config.yaml but with the rate of this
        stage alone. The loss is that of outputs in dex: of min-max scaled ones, an error in age, whose range
        is 2 to 2.5 times that of mass, would count for so much less than one in mass.
    seed, names
        Base seed and name of the random streams.

    Returns
    -------
    Ensemble
        In the order of `boots`.
    DataFrame
        ``step`` (from 1), ``boot`` and ``train_loss`` before the step, of outputs in dex.

    Raises
    ------
    ConfigError
        The loss diverges.
    """
    draws = np.stack([generator(seed, *names, boot).integers(0, len(sample), len(sample)) for boot in boots])
    x = torch.from_numpy(start.scaling.inputs(*(sample[name].to_numpy() for name in INPUTS))).float()[draws]
    y = torch.from_numpy(start.scaling.outputs(*(sample[name].to_numpy() for name in OUTPUTS))).float()[draws]
    dex = torch.from_numpy(start.scaling.unscale(np.ones(2)) - start.scaling.unscale(np.zeros(2))).float()
    ensemble, loss = start.select([0] * len(boots)), LOSSES[settings["loss"]]
    optimiser = OPTIMISERS[settings["optimiser"]](ensemble.parameters(), settings["learning_rate"])
    history = []
    for _ in range(settings["steps"]):
        losses = loss(ensemble(x) * dex, y * dex)
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        history.append(losses.detach())
    table = torch.stack(history).numpy()
    if not np.isfinite(table).all():
        raise ConfigError("configuration: transfer.learning_rate: the loss diverged; choose a lower one.")
    steps = np.arange(1, len(table) + 1)
    index = pd.MultiIndex.from_product([steps, boots], names=["step", "boot"])
    return ensemble, pd.DataFrame({"train_loss": table.ravel()}, index=index).reset_index()
