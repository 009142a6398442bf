"""SHA-256 of files, kept between audits."""

import logging
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stelnet.errors import DataError
from stelnet.files import read_json, remove_halves, sha256_file, write_json

#: Within so many nanoseconds the clock of a file system may not tell two changes apart.
TICK = 2_000_000_000


@dataclass
class Hashes:
    """SHA-256 of files, kept in a file beside the records.

    A file counts as unchanged while its size, its number (inode) and the times of the last change of its
    content and of its status are: no program can set the last. One that has changed just now is not kept.
    """

    store: Path
    #: Ignore what is kept.
    deep: bool = False
    known: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.deep and self.store.is_file():
            try:
                self.known = read_json(self.store)
                if not _sound(self.known):
                    raise DataError(f"{self.store}: not a store of hashes.")
            except (DataError, RecursionError) as error:
                logging.getLogger(__name__).warning("%s Ignored: every file is hashed anew.", error)
                self.known = {}
        self._before = dict(self.known)

    def __call__(self, path: Path) -> str:
        status = path.stat()
        state = [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
        key = os.path.abspath(path)
        kept = self.known.get(key)
        if kept and kept[:-1] == state:
            return str(kept[-1])
        digest = sha256_file(path)
        self.known.pop(key, None)
        if status.st_ctime_ns < time.time_ns() - TICK:
            self.known[key] = [*state, digest]
        return digest

    def save(self) -> None:
        """Keep the hashes for the next audit; not being able to write is no reason to fail."""
        if self.known != self._before:
            with suppress(OSError):
                remove_halves(self.store)
                write_json(self.known, self.store)


def _sound(known: Any) -> bool:
    """Whether what was read is a store of hashes of this version."""
    return isinstance(known, dict) and all(
        isinstance(kept, list)
        and list(map(type, kept)) == [int, int, int, int, str]
        and re.fullmatch("[0-9a-f]{64}", kept[-1])
        for kept in known.values()
    )
