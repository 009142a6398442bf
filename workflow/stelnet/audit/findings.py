"""What an audit finds: verdicts, their causes, the lineage of a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Verdict(IntEnum):
    """What an audit finds; the values are the exit codes of the command, and the worst wins."""

    VERIFIED = 0
    STALE = 1
    ALTERED = 2
    UNKNOWN = 3

    def __str__(self) -> str:
        return self.name.lower()


#: How a good verdict is worded where something about the file should be known.
REMARKS = "verified with remarks"


@dataclass(frozen=True, order=True)
class Cause:
    """One reason for a verdict; with the good one it is a remark."""

    verdict: Verdict
    #: The file that it is about, relative to the output folder.
    path: str
    message: str

    @property
    def word(self) -> str:
        """What it is called before its message."""
        return str(self.verdict) if self.verdict else "remark"


@dataclass(frozen=True)
class Finding:
    """What is known about one file."""

    path: str
    record: Mapping[str, Any] | None
    #: Own ones and those of all that the file was made from.
    causes: tuple[Cause, ...]
    inputs: tuple["Finding", ...] = ()
    #: The file that was asked about, where that is a copy of `path` that lies elsewhere.
    copy: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of all causes."""
        return max((cause.verdict for cause in self.causes), default=Verdict.VERIFIED)

    @property
    def status(self) -> str:
        """The verdict in words; with remarks the good one is not plain."""
        return REMARKS if self.causes and not self.verdict else str(self.verdict)

    def lineage(self) -> Iterator["Finding"]:
        """Yield this finding and that of each file that it was made from, once."""
        seen: set[str] = set()
        queue = [self]
        while queue:
            finding = queue.pop(0)
            if finding.path not in seen:
                seen.add(finding.path)
                yield finding
                queue += finding.inputs

    def summary(self) -> dict[str, Any]:
        """Return the finding for machines."""
        return {
            "path": self.copy or self.path,
            "copy_of": self.path if self.copy and self.record else None,
            "verdict": self.status,
            "causes": [
                {"verdict": cause.word, "path": cause.path, "message": cause.message} for cause in self.causes
            ],
            "record": self.record,
            "lineage": [finding.path for finding in self.lineage()][1:],
        }
