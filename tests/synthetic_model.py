"""A small synthetic model for tests: made-up tracks, made-up networks, and the file that holds both."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from stelnet.data.zams import zams_table
from stelnet.inference.bundle import write_bundle
from stelnet.io import arrays

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
