"""Members of a .tar.xz archive: one pass, nothing unpacked to disk, bounded in time and memory.

A small file can announce members of any size and unpack to any length: what goes beyond bounds is refused.
"""

import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Self

from stelnet.errors import DataError

#: Memory that unpacking may take [bytes]; archives made with the highest preset of xz take 65 MiB.
MEMORY = 256 << 20
#: Most members of an archive, of any kind.
MEMBERS = 10_000
#: Bytes that are handled at a time.
BLOCK = 1 << 18
#: How often tarfile may read on at the end of an archive: it would, for as long as a member is said to be.
ENDS = 8
#: Kinds of members that tarfile understands without reading more than their header.
PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE)


def members(
    path: str | Path, wanted: Callable[[str], bool], longest: int, most: int, label: str
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the members of an archive that are wanted by their names.

    Parameters
    ----------
    longest, most
        Bytes of the longest member that is wanted, and of the whole archive, both unpacked.
    label
        Names the archive in messages.

    Raises
    ------
    DataError
        Not an xz-compressed tar file, truncated, or beyond the bounds.
    """
    try:
        with open(path, "rb") as file:
            stream = _Unpacked(file, most, label)
            with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK, tarinfo=_Member) as archive:  # type: ignore[call-overload]
                for number, member in enumerate(archive):
                    if number == MEMBERS:
                        raise DataError(f"{label}: has more than {MEMBERS} members.")
                    if not (member.isreg() and wanted(member.name)):
                        continue
                    if member.size > longest:
                        raise DataError(
                            f"{label}, member {member.name}: has {member.size} bytes, more than {longest}."
                        )
                    if content := archive.extractfile(member):
                        yield member.name, content.read()
            # tar ends before xz does: what is cut off behind it shows only when read
            while stream.read(BLOCK):
                pass
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise DataError(
            f"{label}: not a complete .tar.xz archive ({error}); delete it, so that it is fetched again."
        )


class _Member(tarfile.TarInfo):
    """A header; extended ones, which tarfile reads itself and without bounds, are members like others."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type not in PLAIN:
            member.type, member.name = tarfile.REGTYPE, "extended header"
        return member


class _Unpacked:
    """The content of an xz file of one or more streams, which can only be read on; `most` bytes of it."""

    def __init__(self, file: IO[bytes], most: int, label: str) -> None:
        self._file, self._most, self._label = file, most, label
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY)
        self._done = self._ends = 0

    def read(self, size: int) -> bytes:
        while True:
            packed = b""
            if self._stream.eof:
                # there may be zeros between the streams
                packed = self._stream.unused_data.lstrip(b"\0")
                while not packed:
                    if not (block := self._file.read(BLOCK)):
                        return self._end()
                    packed = block.lstrip(b"\0")
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY)
            elif self._stream.needs_input and not (packed := self._file.read(BLOCK)):
                raise EOFError("it breaks off")
            if content := self._stream.decompress(packed, size):
                self._done += len(content)
                if self._done > self._most:
                    raise DataError(f"{self._label}: unpacks to more than {self._most} bytes.")
                return content

    def _end(self) -> bytes:
        self._ends += 1
        if self._ends > ENDS:
            raise EOFError("it ends inside a member")
        return b""
