"""A small synthetic model for tests: made-up tracks, made-up networks, and the file that holds both."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from stelnet.data.zams import zams_table
from stelnet.inference import features
from stelnet.inference.bundle import write_bundle
from stelnet.inference.gaussians import Coordinates
from stelnet.inference.mixture_network import CASES, NUMBERS
from stelnet.inference.posterior_file import write_posterior
from stelnet.io import arrays
from stelnet.safetensors_file import write_tensors

ZAMS_EEP = 20
BOUNDS = {
    "pre": {"log_teff": [3.5, 3.9], "log_lum": [-1.5, 2.0], "log_age": [5.0, 8.5], "log_mass": [-0.4, 0.4]},
    "post": {"log_teff": [3.5, 3.9], "log_lum": [-1.5, 2.0], "log_age": [7.5, 10.3], "log_mass": [-0.4, 0.4]},
}
#: On the synthetic main sequence, where both stages have tracks.
SUN = (3.76, 0.05)


def tracks() -> pd.DataFrame:
    """Standard rows of synthetic tracks that come down to a ZAMS and leave it again, brighter and cooler."""
    rows = []
    for mass in np.geomspace(0.5, 2.2, 9):
        log_mass = np.log10(mass)
        for eep in range(1, 41):
            phase = (eep - ZAMS_EEP) / 20
            rows.append(
                {
                    "initial_mass": mass,
                    "eep": eep,
                    "log_teff": 3.76 + 0.4 * log_mass - (0.12 if phase < 0 else 0.08) * abs(phase),
                    "log_lum": 4 * log_mass + 0.9 * abs(phase),
                    "log_age": 8 - 2.5 * log_mass + (2 * phase if phase < 0 else 2.2 * phase**0.3),
                    "log_mass": log_mass,
                }
            )
    return pd.DataFrame(rows)


Layers = list[tuple[np.ndarray, np.ndarray]]


def smooth_network(generator: np.random.Generator) -> Layers:
    """Random layers of a network whose answers vary gently over the unit square, about its middle."""
    sizes = [2, 8, 8, 2]
    layers = [
        (generator.normal(0, 1.2 / i**0.5, (o, i)), generator.normal(0, 0.3, o)) for i, o in pairwise(sizes)
    ]
    weight, _ = layers[-1]
    layers[-1] = weight * 0.3, np.array([0.5, 0.5]) + generator.normal(0, 0.02, 2)
    return layers


def folded_network(generator: np.random.Generator, width: float = 0.002) -> Layers:
    """Layers of a network that is plane but for a step of 0.5 in both answers, at mid luminosity."""
    jitter = generator.normal(0, 0.01, 2)
    step = 0.5 / width
    first = np.array([[1.0, 0], [0, 1], [0, 1], [0, 1]]), np.array([0, 0, -0.5, -0.5 - width])
    last = np.array([[0.3, 0.1, step, -step], [0.2, -0.2, -step, step]]), np.array([0.1, 0.6]) + jitter
    return [first, last]


def networks(folder: Path, stage: str, make=smooth_network, count: int = 4, seed: int = 0) -> list[Path]:
    """Write the files of some synthetic networks and return their paths."""
    generator = np.random.default_rng([seed, stage == "pre"])
    common = np.random.default_rng([seed, 2 + (stage == "pre")])
    shared = make(common)
    paths = []
    for k in range(count):
        # networks of one ensemble differ a little
        layers = (
            [(w * generator.normal(1, 0.01, w.shape), b) for w, b in shared]
            if make is smooth_network
            else make(generator)
        )
        tensors = {}
        for i, (weight, bias) in enumerate(layers):
            tensors[f"layers.{i}.weight"] = weight.astype(np.float32)
            tensors[f"layers.{i}.bias"] = bias.astype(np.float32)
        path = folder / f"{stage}{k}.safetensors"
        metadata = {
            "network": "relu_mlp",
            "bounds": json.dumps(BOUNDS[stage]),
            "simulated": "true",
            "variant": "corrected",
        }
        save_file(tensors, path, metadata)
        paths.append(path)
    return paths


def write_model(
    folder: Path, make=smooth_network, adapted: bool = True, seed: int = 0, files=None, **others
) -> Path:
    """Write a synthetic model and return the path of its file."""
    points = tracks()
    near_sun = {"log_teff": np.array([SUN[0]]), "log_lum": np.array([SUN[1]])}
    path = folder / "synthetic.safetensors"
    write_bundle(
        path,
        "transfer" if adapted else "baseline",
        files or {stage: networks(folder, stage, make, seed=seed) for stage in BOUNDS},
        arrays(points),
        arrays(zams_table(points, zams_eep=ZAMS_EEP, end_eep=35)),
        ZAMS_EEP,
        {stage: near_sun for stage in BOUNDS} if adapted else None,
        **others,
    )
    return path


# --- the posterior network, and the cube of isochrones that it is made for --------------------------------

#: Metallicities and ages of the synthetic cube, [dex] and [dex yr].
CUBE_FEH, CUBE_LOG_AGE = np.arange(-2, 0.51, 0.5), np.arange(5.0, 10.31, 0.1)
#: EEP of its ZAMS, as the library has it, and the last one.
CUBE_ZAMS, CUBE_EEPS = 202, 403


def cube():
    """Isochrones of the stars of :func:`tracks`, hotter where metals are few, in closed form."""
    from stelnet.inference.exact import Cube  # slow to import

    log_age, phase = np.meshgrid(CUBE_LOG_AGE, (np.arange(1, CUBE_EEPS + 1) - CUBE_ZAMS) / 201, indexing="ij")
    before = phase < 0
    log_mass = (8 + np.where(before, 2 * phase, 2.2 * np.abs(phase) ** 0.3) - log_age) / 2.5
    log_teff = 3.76 + 0.4 * log_mass - np.where(before, 0.12, 0.08) * np.abs(phase)
    log_lum = 4 * log_mass + 0.9 * np.abs(phase)
    state = np.stack(
        [np.stack([log_mass, log_mass, log_teff - 0.03 * feh, log_lum], axis=-1) for feh in CUBE_FEH]
    )
    state[:, np.abs(log_mass) > 0.4] = np.nan
    return Cube(CUBE_FEH, CUBE_LOG_AGE, state.astype(np.float32), {"source": "synthetic", "simulated": True})


#: Errors [dex] that the synthetic posterior network knows.
ERRORS = {"log_teff": [0.003, 0.1], "log_lum": [0.006, 0.4], "feh": [0.03, 0.5]}


def posterior_tensors(components: int = 2) -> dict[str, np.ndarray]:
    """Layers of a posterior network whose numbers are linear in its features, so that a test knows them.

    The mass is a quarter of the luminosity, in dex, the metallicity is the one given; their errors are those
    of what they come from; light stars are old, cool stars are young.
    """
    plain = len(features.MIDDLES)
    logit = np.zeros(plain + 1)
    # of features 0 ... 6 and of 1: (3.7 - log Teff) 40
    logit[[0, -1]] = -40 * features.SCALES[0], -40 * (features.MIDDLES[0] - 3.7)
    numbers = np.zeros((2, components, NUMBERS, plain + 1))
    (lum, e_lum, e_feh), scales, middles = (1, 4, 5), Coordinates.SCALES, Coordinates.MIDDLES
    numbers[0, :, 1, -1], numbers[1, :, 1, -1] = -0.3, 1.0
    numbers[1, :, 1, lum] = -0.3
    numbers[:, :, 1, 6] = -0.1
    numbers[:, :, 2, lum] = features.SCALES[lum] / 4 / scales[1]
    numbers[:, :, 2, -1] = features.MIDDLES[lum] / 4 / scales[1]
    numbers[:, :, 3, 2] = features.SCALES[2] / scales[2]
    numbers[:, :, 3, -1] = (features.MIDDLES[2] - middles[2]) / scales[2]
    for column, error, factor in ((4, e_lum, 4.0), (5, e_lum, 0.25 / scales[1]), (6, e_feh, 1 / scales[2])):
        numbers[:, :, column, error] = features.SCALES[error]
        numbers[:, :, column, -1] = features.MIDDLES[error] + np.log(factor)
    numbers[:, :, 7, -1] = -0.05
    # the second Gaussian is wider and lighter
    numbers[:, 1:, 4:7, -1] += 0.4
    numbers[:, 1:, 0, -1] = -0.7
    limits = np.zeros((len(CASES), 4, plain + 1))
    limits[:, :, -1] = 0.0, 0.75, -0.25, 1.0
    wanted = np.concatenate([numbers.reshape(-1, plain + 1), logit[None], limits.reshape(-1, plain + 1)])
    width, constant = features.COUNT + 1, 1000.0
    first, last = np.zeros((features.COUNT, width)), np.zeros((width, len(wanted)))
    first[:, :-1] = np.eye(features.COUNT)
    # a layer divides by the root mean square of its units, nearly all of which is the constant
    norm = constant / width**0.5
    last[:plain] = wanted[:, :-1].T * norm
    last[-1] = wanted[:, -1] * norm / constant
    bias = np.zeros(width)
    bias[-1] = constant
    tensors = {
        "first": first,
        "hidden": np.zeros((1, width, width)),
        "last": last,
        "first_bias": bias,
        "hidden_bias": np.zeros((1, width)),
        "last_bias": np.zeros(len(wanted)),
    }
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def write_posterior_model(folder: Path, size: int = 96) -> Path:
    """Write a synthetic posterior model and, as cube.safetensors, its cube; return the path of the model."""
    metadata = {"model": "posterior", "components": 2, "errors": ERRORS, "simulated": "true", "variant": ""}
    write_tensors(folder / "network.safetensors", posterior_tensors(), metadata)
    isochrones = cube()
    isochrones.write(folder / "cube.safetensors")
    path = folder / "posterior.safetensors"
    about = {"training": {"posterior.stars": 1000}}
    write_posterior(path, folder / "network.safetensors", isochrones, about, size)
    return path
