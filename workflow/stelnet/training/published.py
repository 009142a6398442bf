"""The networks that the paper's authors published, read as ours."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from stelnet.errors import DataError
from stelnet.training.networks import INPUTS, NETWORKS, OUTPUTS, Ensemble, Scaling

#: (model, stage) -> beginning of its files' names, followed by the number of the bootstrap.
NAMES = {
    ("baseline", "pre"): "mist_baseline_preMS",
    ("baseline", "post"): "mist_baseline_postMS",
    ("transfer", "pre"): "ONC_NGC6530_xtra_lowhighmassMIST",
    ("transfer", "post"): "FGK_DH_GR_xtra_lowhighmassMIST",
}
#: Fully connected layers with ReLU between them.
NETWORK = "relu_mlp"

_AGAIN = "delete it and run the workflow again to fetch it anew"


def read_published(files: Mapping[str, str | Path], model: str, stage: str) -> Ensemble:
    """Read a published ensemble: a PyTorch state dict for each bootstrap, and the bounds of its scaling.

    Parameters
    ----------
    files
        Name -> path of the files of the dataset ``published_networks``.
    model, stage
        One of :data:`NAMES`.

    Raises
    ------
    DataError
        A file is missing or not what it should be.
    """
    prefix = NAMES[model, stage]
    networks = [prefix + str(boot) for boot in range(sum(name.startswith(prefix) for name in files))]
    bounds = [f"norm_{end}_{stage}MS.npy" for end in ("min", "max")]
    missing = [name for name in (*(networks or [f"{prefix}0"]), *bounds) if name not in files]
    if missing:
        raise DataError(
            f"Dataset published_networks lacks {', '.join(missing)}; see resources/datasets.yaml."
        )
    layers = [_layers(files[name]) for name in networks]
    shapes = [[weight.shape for weight, _ in network] for network in layers]
    for name, shape in zip(networks, shapes, strict=True):
        if shape != shapes[0]:
            raise DataError(f"{files[name]}: its layers differ in shape from those of {networks[0]}.")
    weights, biases = (
        [torch.stack([network[i][part] for network in layers]) for i in range(len(layers[0]))]
        for part in (0, 1)
    )
    limits = zip(*(_bounds(files[name]) for name in bounds), strict=True)
    return NETWORKS[NETWORK](weights, biases, Scaling(dict(zip((*INPUTS, *OUTPUTS), limits, strict=True))))


def _layers(path: str | Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the weight (n_in, n_out) and bias (1, n_out) of each layer of a state dict."""
    try:
        state = torch.load(path, weights_only=True)
        pairs = [(f"linears.{i}.weight", f"linears.{i}.bias") for i in range(len(state) // 2)]
        return [(state[weight].T, state[bias][None]) for weight, bias in pairs]
    except Exception as error:  # of many kinds, whose messages advise to load the file without care
        raise DataError(f"{path}: not a published network ({type(error).__name__}); {_AGAIN}.") from error


def _bounds(path: str | Path) -> list[float]:
    """Return the minima or maxima of the inputs and outputs, in their order."""
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not readable as a NumPy array ({error}); {_AGAIN}.")
    if values.shape != (len(INPUTS) + len(OUTPUTS),):
        raise DataError(f"{path}: holds an array of shape {values.shape}, not one bound for each value.")
    bounds: list[float] = values.tolist()
    return bounds
