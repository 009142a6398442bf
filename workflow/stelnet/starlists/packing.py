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


@contextmanager
def unpacked_stream(path: Path) -> Iterator[Any]:
    """Yield a stream of a file's bytes, unpacked."""
    import pyarrow as pa

    packing = packing_of(path)
    if packing == "xz":
        import lzma

        with lzma.open(path) as stream:
            yield stream
    else:
        with pa.input_stream(str(path), compression=packing) as stream:
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
