"""Files: written atomically, hashed, JSON. Standard library only."""

import errno
import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from stelnet.errors import DataError, StorageError

#: Folder of this library.
PACKAGE = Path(str(resources.files("stelnet")))
#: Folder of the repository, where the library is that of a checkout.
ROOT = PACKAGE.parents[1]
#: Errors of the operating system where there is no room for a file.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: What a user can do about an error of the operating system.
_ROOM = "make room on that disk and run again"
_RIGHTS = "give this user the right to it, or name another place, and run again"
_PLACE = "name another place and run again"
WHAT_TO_DO = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit of the size of files, or name another place, and run again",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _PLACE,
    errno.ENAMETOOLONG: "name it shorter and run again",
    errno.ENOTDIR: _PLACE,
    errno.EISDIR: _PLACE,
    errno.EEXIST: _PLACE,
    errno.ELOOP: _PLACE,
    errno.EMFILE: "raise the limit of open files (ulimit -n) and run again",
    errno.ENFILE: "close other programs and run again",
    errno.EIO: "look after that disk, it fails",
    errno.ESTALE: "mount that disk again and run again",
}


@contextmanager
def storage(path: str | Path) -> Iterator[None]:
    """Turn what the system says about files into a :class:`~stelnet.errors.StorageError`.

    It names the file that the system names, or else `path`, and says what to do. Other errors pass.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in WHAT_TO_DO:
            raise
        name = path if error.filename is None else os.fsdecode(error.filename)
        reason = os.strerror(error.errno)
        raise StorageError(f"{name}: {reason[0].lower()}{reason[1:]}; {WHAT_TO_DO[error.errno]}.") from error


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends without an error.

    Its content is on the disk before it has its name: after a loss of power there is the old file or the
    whole new one.

    Raises
    ------
    StorageError
        The disk is full, read-only, or closed to this user; what to do stands in the message.
    """
    path = Path(path)
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            # mkstemp makes private files; results follow the user's umask
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            if error.filename == name:
                error.filename = str(path)
            raise
        finally:
            temporary.unlink(missing_ok=True)


def remove_halves(path: str | Path) -> None:
    """Remove what processes have left beside `path` that were killed while they wrote it."""
    path = Path(path)
    for half in path.parent.glob(f".{glob.escape(path.stem)}.????????{path.suffix}"):
        half.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write a UTF-8 text file."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(value: Any, path: str | Path) -> None:
    """Write indented JSON with sorted keys; NaN is refused, as JSON has none."""
    write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    """Read a JSON file; raise DataError when it is absent or malformed."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as JSON ({error}).")


def sha256_file(path: str | Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
