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

#: Key of the metadata that holds the digest of the file's content.
DIGEST = "content_sha256"
#: Metadata in which all networks of a model agree.
COMMON = ("network", "variant", "simulated")


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header, which is 8 bytes of length and JSON, and data."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata in the bytes of a file, but for their digest.

    Raises
    ------
    ValueError
        There is no header, or the content is not that of the digest. Files of earlier versions have none.
    """
    values, data = _split(content)
    metadata: dict[str, str] = values.pop("__metadata__", {})
    found = metadata.pop(DIGEST, None)
    if found not in (None, _digest(values, metadata, data)):
        raise ValueError("its content is not what was written")
    return metadata


def _digest(tensors: Mapping[str, Any], metadata: Mapping[str, str], data: bytes) -> str:
    """Return the SHA-256 digest of what a file holds: the entries of its header, its metadata, its data."""
    digest = hashlib.sha256(json.dumps([tensors, metadata], sort_keys=True).encode() + b"\0")
    digest.update(data)
    return digest.hexdigest()


def write_sorted(content: bytes, path: str | Path) -> None:
    """Write the bytes that the safetensors library made, with their header sorted and their digest in it.

    The library writes metadata in random order; sorted, equal content makes equal files.
    """
    values, data = _split(content)
    metadata = values.pop("__metadata__", {})
    metadata[DIGEST] = _digest(values, metadata, data)
    header = json.dumps(values | {"__metadata__": metadata}, sort_keys=True).encode()
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


def read_content(path: str | Path) -> tuple[bytes, dict[str, str]]:
    """Return the bytes of a file, for the safetensors library to load, and its metadata.

    Raises
    ------
    DataError
        The file is absent, no safetensors file, or damaged since it was written.
    """
    try:
        content = Path(path).read_bytes()
        return content, _metadata(content)
    except OSError as error:
        raise DataError(f"{path}: not readable ({error.strerror}).") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise _refused(path, error) from error


def _refused(path: str | Path, error: Exception) -> DataError:
    return DataError(f"{path}: damaged, or not a safetensors file ({error}); get or make it again.")


def read_tensors(path: str | Path) -> tuple[dict[str, "Floats"], dict[str, str], str]:
    """Return tensors, metadata and SHA-256 of a file.

    Raises
    ------
    DataError
        The file is absent, no safetensors file, or damaged since it was written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content, metadata = read_content(path)
    try:
        return load(content), metadata, hashlib.sha256(content).hexdigest()
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _refused(path, error) from error


def write_tensors(path: str | Path, tensors: Mapping[str, "Floats"], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata, of which all but text becomes JSON; equal content makes equal files."""
    import numpy as np
    from safetensors.numpy import save

    text = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in metadata.items()
    }
    write_sorted(save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, text), path)
