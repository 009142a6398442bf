"""One digest over all records of a run: of `provenance/records.sha256`, a list that sha256sum reads.

Every job announces the records that it writes in a file of its own below `provenance/.pending`; the run, when
it ends, takes them into the list. A record that anything else changes is told from the list, and a changed
list from its digest, which is printed to be deposited.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from stelnet.files import remove_halves, sha256_file, write_text

#: Name of the list below the folder of records, and of the folder of what is not in it yet.
LIST, PENDING = "records.sha256", ".pending"


def record_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name of an output and the file of its record, of all records below a folder, sorted."""
    for path in sorted(folder.rglob("[!.]*.json")):
        yield path.relative_to(folder).as_posix().removesuffix(".json"), path


def _read(path: Path) -> list[tuple[str, str]]:
    """Return the names and digests of the lines of a list; what is no such line is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    pairs = (line.partition("  ") for line in lines)
    return [(name.removesuffix(".json"), digest) for digest, blanks, name in pairs if blanks]


def _text(digests: Mapping[str, str]) -> str:
    return "".join(f"{digests[name]}  {name}.json\n" for name in sorted(digests))


def announce(folder: Path, job: str, records: Mapping[str, str]) -> None:
    """Say which records a job is about to write.

    Parameters
    ----------
    folder
        The folder of records.
    job
        What tells the job from others, a name of a file.
    records
        Name of an output -> text of its record.
    """
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in records.items()}
    remove_halves(folder / PENDING / job)
    write_text(_text(digests), folder / PENDING / job)


class Ledger:
    """The list of records at the end of the last run, and what jobs have announced since.

    Parameters
    ----------
    folder
        The folder of records.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / LIST
        #: Whether there is a list: results of earlier versions have none.
        self.kept = self.path.is_file()
        self.listed = dict(_read(self.path))
        self._announcements = [path for path in (folder / PENDING).glob("[!.]*") if path.is_file()]
        self._pending = {pair for path in self._announcements for pair in _read(path)}

    @property
    def digest(self) -> str | None:
        """SHA-256 of the list, which stands for all records; None where there is no list."""
        return sha256_file(self.path) if self.kept else None

    def holds(self, name: str) -> bool:
        """Return whether the record of an output is as a job wrote it."""
        digest = sha256_file(self.folder / f"{name}.json")
        return not self.kept or self.listed.get(name) == digest or (name, digest) in self._pending

    def close(self) -> str:
        """Take into the list what jobs have announced, and return the digest of the list.

        A record that was changed by no job keeps the digest that it had; one that is gone leaves the list.
        """
        digests = self.listed
        for name, path in record_files(self.folder):
            digest = sha256_file(path)
            if not self.kept or (name, digest) in self._pending:
                digests[name] = digest
        there = {name: digest for name, digest in digests.items() if (self.folder / f"{name}.json").is_file()}
        remove_halves(self.path)
        write_text(_text(there), self.path)
        for path in self._announcements:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            (self.folder / PENDING).rmdir()
        return sha256_file(self.path)
