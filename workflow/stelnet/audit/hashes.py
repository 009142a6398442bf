"""SHA-256 of files, kept between audits."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stelnet.errors import DataError
from stelnet.files import read_json, sha256_file, write_json


@dataclass
class Hashes:
    """SHA-256 of files, kept by their size and time of change in a file beside the records."""

    store: Path
    #: Ignore what is kept.
    deep: bool = False
    known: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.deep and self.store.is_file():
            try:
                self.known = read_json(self.store)
            except DataError:
                self.known = {}
        self._before = dict(self.known)

    def __call__(self, path: Path) -> str:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        key = os.path.abspath(path)
        if self.known.get(key, [])[:2] != state:
            self.known[key] = [*state, sha256_file(path)]
        return str(self.known[key][2])

    def save(self) -> None:
        """Keep the hashes for the next audit; not being able to write is no reason to fail."""
        if self.known != self._before:
            with suppress(OSError):
                write_json(self.known, self.store)
