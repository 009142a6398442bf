"""Files of networks and models (safetensors): bytes, metadata, which networks belong together."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stelnet.errors import DataError
from stelnet.files import atomic_path

if TYPE_CHECKING:
    from stelnet.arrays import Floats

#: Metadata in which all networks of a model agree.
COMMON = ("network", "variant", "simulated")


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header, which is 8 bytes of length and JSON, and data."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def metadata_of(content: bytes) -> dict[str, str]:
    """Return the metadata in the bytes of a file; raise ValueError when there is no header."""
    metadata: dict[str, str] = _split(content)[0].get("__metadata__", {})
    return metadata


def write_sorted(content: bytes, path: str | Path) -> None:
    """Write the bytes that the safetensors library made, with their header sorted.

    The library writes metadata in random order; sorted, equal content makes equal files.
    """
    values, data = _split(content)
    header = json.dumps(values, sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    with atomic_path(path) as temporary:
        temporary.write_bytes(len(header).to_bytes(8, "little") + header + data)


def require_one_ensemble(
    paths: Sequence[str | Path],
    metadata: Iterable[Mapping[str, str]],
    shapes: Iterable[Mapping[str, Sequence[int]]],
) -> None:
    """Raise DataError when a network differs from the first in kind, data, bounds or layers.

    Parameters
    ----------
    paths, metadata, shapes
        Of each network: its file, its metadata, and tensor -> shape.
    """

    def marks(metadata: Mapping[str, str], shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        layers = {name: tuple(shape) for name, shape in sorted(shapes.items())}
        return {key: metadata.get(key) for key in (*COMMON, "bounds")} | {"layers": layers}

    found = [marks(*network) for network in zip(metadata, shapes, strict=True)]
    for path, network in zip(paths, found, strict=True):
        for key, value in network.items():
            if value != found[0][key]:
                raise DataError(
                    f"{path}: {key} {value} differ from {found[0][key]} of {paths[0]}: not one ensemble."
                )


def read_tensors(path: str | Path) -> tuple[dict[str, "Floats"], dict[str, str], str]:
    """Return tensors, metadata and SHA-256 of a file.

    Raises
    ------
    DataError
        The file is absent or no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: not readable ({error.strerror}).") from error
    try:
        return load(content), metadata_of(content), hashlib.sha256(content).hexdigest()
    except (SafetensorError, ValueError) as error:
        raise DataError(f"{path}: not a safetensors file ({error}); get or make it again.") from error


def write_tensors(path: str | Path, tensors: Mapping[str, "Floats"], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata, of which all but text becomes JSON; equal content makes equal files."""
    import numpy as np
    from safetensors.numpy import save

    text = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in metadata.items()
    }
    write_sorted(save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, text), path)
