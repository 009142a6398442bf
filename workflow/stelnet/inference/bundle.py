"""The one file in which a model travels: both ensembles, curves of age against mass, and the domain.

A safetensors file in float32 with the tensors

- ``{stage}/layers.{i}.weight`` (K, n_out, n_in), ``{stage}/layers.{i}.bias`` (K, n_out) of K networks;
- ``curves/log_mass`` [dex Msun], ``curves/log_age_zams``, ``curves/log_age_end`` [dex yr], all (m,): the ages
  at the ZAMS and at the end of the time after it, the latter at most the age of the Universe;
- ``zams/log_teff``, ``zams/log_lum`` (m,): the ZAMS on the H-R diagram;
- ``{stage}/distance``, ``{stage}/coverage`` uint8: the rasters of :mod:`stelnet.inference.domain`; the second
  only of a model adapted to real stars.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from stelnet._version import __version__
from stelnet.arrays import Floats, Ints
from stelnet.errors import DataError
from stelnet.inference import contents, domain
from stelnet.safetensors_file import COMMON, read_tensors, require_one_ensemble, write_tensors
from stelnet.terms import LOG_AGE_UNIVERSE, STAGES

#: Name -> values of the rows of a table, (n,).
Columns = Mapping[str, np.ndarray]
#: Networks that :mod:`stelnet.inference.forward` can evaluate.
NETWORK = "relu_mlp"
#: Names of models that are ensembles, and what the scaling of their networks has bounds of.
NAMES, BOUNDED = ("baseline", "transfer"), ("log_teff", "log_lum", "log_age", "log_mass")


@dataclass(frozen=True)
class Stage:
    """What a bundle holds of one stage: stacked layers, bounds of the scaling, rasters."""

    weights: list[Floats]
    biases: list[Floats]
    bounds: dict[str, tuple[float, float]]
    distance: Ints
    coverage: Ints | None


@dataclass(frozen=True)
class Bundle:
    """Content of a model's file.

    Attributes
    ----------
    metadata
        Text and decoded JSON: name, variant, network, simulated, bounds, raster, networks (stage -> SHA-256
        of the networks' files), version of this library, versions (of numpy and torch) and what the writer
        added. Models of the workflow also tell training (configuration key -> value), data (dataset -> title,
        version, citations), licence and code (script -> digest of the code that it ran).
    sha256
        Digest of the file.
    """

    metadata: dict[str, Any]
    sha256: str
    stages: dict[str, Stage]
    curves: dict[str, Floats]
    zams: dict[str, Floats]


def _stack(paths: Sequence[str | Path]) -> tuple[dict[str, np.ndarray], dict[str, str], list[str]]:
    """Return stacked tensors, common metadata and digests of the networks of a stage."""
    files = [read_tensors(path) for path in paths]

    require_one_ensemble(
        paths,
        [metadata for _, metadata, _ in files],
        [{name: tensor.shape for name, tensor in tensors.items()} for tensors, _, _ in files],
    )
    first = files[0][1]
    if first.get("network") != NETWORK:
        raise DataError(f"{paths[0]}: network {first.get('network')}; prediction knows {NETWORK} only.")
    tensors = {name: np.stack([file[0][name] for file in files]) for name in files[0][0]}
    metadata = {key: value for key, value in first.items() if key in (*COMMON, "bounds")}
    return tensors, metadata, [sha256 for *_, sha256 in files]


def age_curves(zams: Columns) -> dict[str, Floats]:
    """Return log_mass, log_age_zams and log_age_end of ``zams.zams_table``, without gaps.

    Stars too light to reach their end in the table outlive the Universe; other gaps are interpolated.
    """
    order = np.argsort(zams["log_mass"])
    log_mass, start, end = (zams[name][order] for name in ("log_mass", "log_age_zams", "log_age_end"))
    known = np.isfinite(end)
    end = np.interp(log_mass, log_mass[known], end[known], left=np.inf)
    return {
        "log_mass": log_mass,
        "log_age_zams": start,
        "log_age_end": np.minimum(end, LOG_AGE_UNIVERSE),
    }


def _rows(columns: Columns, rows: np.ndarray) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _versions() -> dict[str, str]:
    """Return the versions of what computes, without what tells one build from another."""
    found = {}
    for name in ("numpy", "torch"):
        with suppress(PackageNotFoundError):
            found[name] = version(name).split("+")[0]
    return found


def write_bundle(
    path: str | Path,
    name: str,
    networks: Mapping[str, Sequence[str | Path]],
    tracks: Columns,
    zams: Columns,
    zams_eep: int,
    stars: Mapping[str, Columns] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write the file of a model, the same bytes for the same inputs.

    Parameters
    ----------
    name
        ``baseline`` or ``transfer``.
    networks
        Stage -> files of its networks, in their order.
    tracks, zams
        Columns of all MIST points (standard rows), and of ``zams.zams_table``.
    zams_eep
        Last EEP of the stage ``pre``.
    stars
        Stage -> columns log_teff and log_lum of the real stars that the networks were trained on; None for a
        model that saw MIST only.
    metadata
        More to tell, JSON values. Nothing that changes while the model does not, such as a commit or a time:
        the digest of the file is the model's name in all that is made with it.

    Raises
    ------
    DataError
        Networks that do not belong together, or whose shape prediction does not know.
    """
    tensors: dict[str, np.ndarray] = {}
    marks, digests = {}, {}
    for stage in STAGES:
        layers, marks[stage], digests[stage] = _stack(networks[stage])
        tensors |= {f"{stage}/{key}": value for key, value in layers.items()}
    for key in COMMON:
        if len({marks[stage].get(key) for stage in STAGES}) > 1:
            raise DataError(f"{path}: the networks of the two stages differ in {key}: not one model.")
    bounds = {stage: json.loads(marks[stage]["bounds"]) for stage in STAGES}
    raster = domain.Raster.around(bounds)
    # the grid's light stars live on beyond the age of the Universe, where no star is seen
    lived = (tracks["eep"] >= zams_eep) & (tracks["log_age"] <= LOG_AGE_UNIVERSE)
    rows = {"pre": _rows(tracks, tracks["eep"] <= zams_eep), "post": _rows(tracks, lived)}
    for stage in STAGES:
        tensors[f"{stage}/distance"] = domain.distance_field(rows[stage], raster)
        if stars is not None:
            seen = stars[stage]
            tensors[f"{stage}/coverage"] = domain.coverage(seen["log_teff"], seen["log_lum"], raster)
    tensors |= {f"curves/{key}": value.astype(np.float32) for key, value in age_curves(zams).items()}
    line = _rows(tracks, tracks["eep"] == zams_eep)
    line = _rows(line, np.argsort(line["initial_mass"]))
    for key in ("log_teff", "log_lum"):
        tensors[f"zams/{key}"] = line[key].astype(np.float32)
    own = {key: marks["pre"].get(key, "") for key in COMMON} | {
        "name": name,
        "bounds": bounds,
        "raster": {"log_teff": raster.log_teff, "log_lum": raster.log_lum},
        "networks": digests,
        "version": __version__,
        "versions": _versions(),
    }
    write_tensors(path, tensors, {**(metadata or {}), **own})


def decoded(text: Mapping[str, str]) -> dict[str, Any]:
    """Return metadata with their JSON read."""
    return {key: json.loads(value) if value[:1] in ("{", "[") else value for key, value in text.items()}


def read_bundle(path: str | Path) -> Bundle:
    """Read the file of a model.

    Raises
    ------
    DataError
        The file is absent, damaged, or not a model of this package.
    """
    tensors, text, sha256 = read_tensors(path)
    try:
        metadata = decoded(text)
        if metadata["network"] != NETWORK:
            raise ValueError(
                f"network {contents.shown(metadata['network'])}; this version knows {NETWORK} only"
            )
        contents.check_marks(metadata, NAMES)
        contents.check_tensors(tensors, contents.bundle(tensors))
        contents.raster(metadata["raster"], "raster")
        stages = {}
        for stage in STAGES:
            coverage = tensors.get(f"{stage}/coverage")
            count = sum(key.startswith(f"{stage}/layers.") for key in tensors) // 2
            stages[stage] = Stage(
                [tensors[f"{stage}/layers.{i}.weight"] for i in range(count)],
                [tensors[f"{stage}/layers.{i}.bias"] for i in range(count)],
                {
                    key: contents.limits(metadata["bounds"][stage][key], f"bounds.{stage}.{key}")
                    for key in BOUNDED
                },
                np.asarray(tensors[f"{stage}/distance"], np.uint8),
                None if coverage is None else np.asarray(coverage, np.uint8),
            )
        return Bundle(
            metadata,
            sha256,
            stages,
            {key: tensors[f"curves/{key}"] for key in ("log_mass", "log_age_zams", "log_age_end")},
            {key: tensors[f"zams/{key}"] for key in ("log_teff", "log_lum")},
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise refused(path, error) from error


def refused(path: str | Path, error: Exception) -> DataError:
    """Return the error for the file of a model that is not what it must be."""
    why = f"no {error.args[0]} in its metadata" if isinstance(error, KeyError) else str(error)
    return DataError(f"{path}: not a model of stelnet ({' '.join(why.split())}); get or make it again.")
