"""Packed files, which their first bytes tell, whatever they are called."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: First bytes -> what a file is packed with.
PACKINGS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def packing_of(path: Path) -> str | None:
    """Return what a file is packed with, None if it is not."""
    with open(path, "rb") as file:
        head = file.read(8)
    return next((packing for mark, packing in PACKINGS.items() if head.startswith(mark)), None)


#: Bytes that any file may unpack to, and how many of them a byte of a larger file.
SMALL, DENSEST = 1 << 29, 500


class _Bounded:
    """A stream that ends in an error when far more comes than its file can hold but by intent."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._left, self._most = stream, most, most

    def read(self, size: int) -> bytes:
        content: bytes = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {self._most} bytes")
        return content


@contextmanager
def unpacked_stream(path: Path) -> Iterator[Any]:
    """Yield a stream of a file's bytes, unpacked; it raises ValueError where a small one never ends."""
    import pyarrow as pa

    packing = packing_of(path)
    most = max(SMALL, DENSEST * path.stat().st_size)
    if packing == "xz":
        import lzma

        with lzma.open(path) as stream:
            yield _Bounded(stream, most)
    elif packing:
        with pa.input_stream(str(path), compression=packing) as stream:
            yield _Bounded(stream, most)
    else:
        with pa.input_stream(str(path), compression=None) as stream:
            yield stream


class Unpacked:
    """A file put aside for readers that must seek, until :meth:`remove` or the end of the object.

    Attributes
    ----------
    path
        The file, unpacked.
    """

    def __init__(self, path: Path) -> None:
        handle, name = tempfile.mkstemp()
        self.path = Path(name)
        self.remove = weakref.finalize(self, _remove, self.path)
        with os.fdopen(handle, "wb") as file, unpacked_stream(path) as stream:
            shutil.copyfileobj(stream, file, 1 << 22)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
