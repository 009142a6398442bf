"""What the file of a model must hold: names, types and shapes of tensors, limits among its metadata."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stelnet.inference.domain import Raster
from stelnet.terms import STAGES

#: Whether a model was trained on a simulated sky, as its metadata say it.
SIMULATED = ("true", "false")
#: Nodes of a raster in each direction, and knots of a curve: fewer have nothing between them.
LEAST = 2
#: No logarithm of a place, a mass or an age is beyond this.
DEX = 100.0


class Tensor(NamedTuple):
    """What a tensor must be.

    Attributes
    ----------
    shape
        Numbers, or names of sizes in which tensors must agree.
    kind
        ``f``: finite floating-point numbers; ``u``: bytes without sign.
    least
        The least of all sizes.
    rising
        Whether its values must rise.
    most
        The largest of all values, whatever their sign.
    """

    shape: tuple[int | str, ...]
    kind: str = "f"
    least: int = 1
    rising: bool = False
    most: float = 1e30


def check_tensors(tensors: Mapping[str, np.ndarray], wanted: Mapping[str, Tensor]) -> None:
    """Raise ValueError, naming the tensor, where one is missing or is not what is wanted."""
    sizes: dict[str, int] = {}
    for name, want in wanted.items():
        if name not in tensors:
            raise ValueError(f"{name} is missing")
        tensor = tensors[name]
        what = f"{name}, {tensor.dtype} {tensor.shape},"
        if tensor.dtype.kind != want.kind or (want.kind == "u" and tensor.dtype.itemsize > 1):
            raise ValueError(f"{what} is of the wrong type")
        agree = tensor.ndim == len(want.shape) and all(
            size >= want.least and size == (sizes.setdefault(axis, size) if isinstance(axis, str) else axis)
            for axis, size in zip(want.shape, tensor.shape, strict=True)
        )
        if not agree:
            raise ValueError(f"{what} is of the wrong shape")
        if want.kind == "f" and not np.isfinite(tensor).all():
            raise ValueError(f"{what} has values that are no numbers")
        if want.kind == "f" and float(np.abs(tensor).max()) > want.most:
            raise ValueError(f"{what} has values beyond {want.most:g}")
        if want.rising and not (np.diff(tensor) > 0).all():
            raise ValueError(f"{what} does not rise")


def limits(value: Any, what: str) -> tuple[float, float]:
    """Return two finite numbers, the lower first; raise ValueError for anything else."""
    numbers = isinstance(value, Sequence) and all(type(end) in (int, float) for end in value)
    if not numbers or len(value) != 2 or not -1e6 < value[0] < value[1] < 1e6:
        raise ValueError(f"{what} {shown(value)} is no pair of limits")
    return float(value[0]), float(value[1])


def raster(value: Any, what: str) -> Raster:
    """Return the raster that metadata tell; raise ValueError where they tell none."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} {shown(value)} is no raster")
    return Raster(*(limits(value.get(name), f"{what}.{name}") for name in ("log_teff", "log_lum")))


def check_marks(metadata: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ValueError where the metadata do not say which model it is, or whether it is simulated."""
    for key, known in {"name": names, "simulated": SIMULATED}.items():
        if metadata.get(key) not in known:
            raise ValueError(f"{key} is {shown(metadata.get(key))}, not {' or '.join(known)}")


def places(stages: Mapping[str, tuple[int | str, ...]]) -> dict[str, Tensor]:
    """Return what every model holds: rasters of the given names and shapes, the ZAMS, ages there."""
    return {
        **{name: Tensor(shape, "u", LEAST) for name, shape in stages.items()},
        **{f"zams/{name}": Tensor(("zams",), most=DEX) for name in ("log_teff", "log_lum")},
        "curves/log_mass": Tensor(("knots",), least=LEAST, rising=True, most=DEX),
        "curves/log_age_zams": Tensor(("knots",), least=LEAST, most=DEX),
    }


def bundle(tensors: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Return what the file of an ensemble must hold, with as many layers as it has."""
    wanted = places({f"{stage}/distance": (f"{stage} rows", f"{stage} columns") for stage in STAGES})
    wanted["curves/log_age_end"] = Tensor(("knots",), least=LEAST, most=DEX)
    for stage in STAGES:
        if f"{stage}/coverage" in tensors:
            wanted[f"{stage}/coverage"] = Tensor((f"{stage} seen", f"{stage} wide"), "u", LEAST)
        count = sum(name.startswith(f"{stage}/layers.") for name in tensors) // 2
        units: list[int | str] = [2, *(f"{stage} layer {i}" for i in range(1, count)), 2]
        for i in range(max(count, 1)):
            wanted[f"{stage}/layers.{i}.weight"] = Tensor((f"{stage} networks", units[i + 1], units[i]))
            wanted[f"{stage}/layers.{i}.bias"] = Tensor((f"{stage} networks", units[i + 1]))
    return wanted


def posterior(features: int, outputs: int, shifted: Sequence[str]) -> dict[str, Tensor]:
    """Return what the file of the posterior network must hold; `shifted` are the stages with a correction."""
    return {
        **mixture(features, outputs),
        "domain/feh": Tensor(("fehs",), least=LEAST, rising=True, most=DEX),
        **places({f"domain/{stage}": ("fehs", "rows", "columns") for stage in STAGES}),
        **{
            f"{stage}/shift": Tensor((2, f"{stage} rows", f"{stage} columns"), least=LEAST)
            for stage in shifted
        },
    }


def mixture(features: int, outputs: int) -> dict[str, Tensor]:
    """Return what the file of a mixture network must hold."""
    return {
        "first": Tensor((features, "width")),
        "first_bias": Tensor(("width",)),
        "hidden": Tensor(("depth", "width", "width")),
        "hidden_bias": Tensor(("depth", "width")),
        "last": Tensor(("width", outputs)),
        "last_bias": Tensor((outputs,)),
    }


def shown(value: Any) -> str:
    """Return a value of metadata as a message shows it, not longer than sixty characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
