"""Opening star lists of all formats."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from stelnet.errors import DataError
from stelnet.files import atomic_path
from stelnet.starlists.base import About, StarList, Writer, readable
from stelnet.starlists.csv_list import CsvList, CsvWriter
from stelnet.starlists.decoding import Text, plain_head
from stelnet.starlists.formats import EXTENSIONS, sniffed
from stelnet.starlists.headers import SEPARATORS, WHITE, is_even, read_header
from stelnet.starlists.packing import Unpacked, packing_of, unpacked_stream
from stelnet.starlists.parquet_list import ParquetWriter
from stelnet.starlists.text_list import TextList, layout_of


def open_list(path: Path, kind: str | None = None, label: str | None = None, hdu: str = "") -> StarList:
    """Open a star list; what it is packed with, its format and its encoding are told by its content.

    Parameters
    ----------
    path
        The file.
    kind
        Its format, one of :class:`~stelnet.starlists.formats.InputFormat`, to insist on it.
    label
        How messages call it, by default `path`.
    hdu
        Name or number of the table, in FITS and VOTable; the first one by default.

    Raises
    ------
    DataError
        The file is absent, no table, not of its format, damaged, or has two columns of the same name.
    """
    label = label or str(path)
    if path.is_dir():
        raise DataError(f"{label}: a folder, not a star list.")
    if not path.exists():
        raise DataError(f"{label}: no such file.")
    try:
        packing = packing_of(path)
        with readable(label, packing or "file"), unpacked_stream(path) as stream:
            head = stream.read(1024)
    except OSError as error:
        raise DataError(f"{label}: {error.strerror}.")
    if not head:
        raise DataError(f"{label}: empty, not even a header.")
    held = sniffed(plain_head(head), label)
    if kind and held and kind != held and (kind, held) != ("csv", "ecsv"):
        raise DataError(f"{label}: holds {held.upper()}, not {kind.upper()}; give --input-format {held}.")
    kind = held or kind or "text"
    if hdu and kind not in ("fits", "votable"):
        raise DataError(f"{label}: --hdu {hdu}: only FITS and VOTable files hold several tables.")
    with readable(label, kind):
        stars = _reader(path, kind, label, hdu, packing)
    if not stars.units:
        raise DataError(f"{label}: has no columns.")
    return stars


def _reader(path: Path, kind: str, label: str, hdu: str, packing: str | None) -> StarList:
    if kind in ("csv", "text"):
        return _text(path, kind, label)
    aside = Unpacked(path) if packing else None
    stars = _binary(aside.path if aside else path, kind, label, hdu)
    if aside:
        stars.keep(aside)
    return stars


def _binary(path: Path, kind: str, label: str, hdu: str) -> StarList:
    # astropy is slow to import, and not needed for CSV and Parquet
    if kind == "parquet":
        from stelnet.starlists.parquet_list import ParquetList

        return ParquetList(path, label)
    if kind == "fits":
        from stelnet.starlists.fits_list import FitsList

        return FitsList(path, label, hdu)
    from stelnet.starlists.whole_list import AstropyList

    return AstropyList(path, kind, label, hdu)


def _text(path: Path, kind: str, label: str) -> StarList:
    with unpacked_stream(path) as stream:
        head = next(Text(stream, label).blocks(), b"")
    if b"\0" in head:
        raise DataError(
            f"{label}: no table that can be read: neither FITS, Parquet nor VOTable, and it holds "
            "bytes that are no text; if it is a table in text, save it as UTF-8."
        )
    separators = SEPARATORS
    if kind == "text":
        separators += WHITE
        if layout := layout_of(head):
            return TextList(path, label, layout)
    header = read_header(head, label, separators)
    if header.separator == WHITE and (header.padded or not is_even(header, head)):
        with suppress(DataError):
            return TextList(path, label, "aligned")
    return CsvList(path, label, header)


@contextmanager
def open_writer(target: Path | None, kind: str, stars: StarList, about: About) -> Iterator[Writer]:
    """Yield a writer; its file appears when the block ends without an error, and else not at all.

    Parameters
    ----------
    target
        Path of the file, None for standard output: CSV flows there, others follow when they are complete.
    kind
        The format.
    stars
        The list that is continued.
    about
        The new columns.
    """
    if target:
        with atomic_path(target) as temporary:
            yield from _closing(_writer(temporary, kind, stars, about))
    elif kind == "csv":
        yield from _closing(_writer(sys.stdout.buffer, kind, stars, about))
    else:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder, f"stars{EXTENSIONS[kind][0]}")
            yield from _closing(_writer(whole, kind, stars, about))
            with open(whole, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _writer(target: Path | IO[bytes], kind: str, stars: StarList, about: About) -> Writer:
    if kind == "csv":
        return CsvWriter(target, stars, about)
    assert isinstance(target, Path), "only CSV goes to a stream"
    if kind == "parquet":
        return ParquetWriter(target, stars, about)
    if kind == stars.kind == "fits":
        from stelnet.starlists.fits_list import FitsList, FitsWriter

        if isinstance(stars, FitsList) and stars.copyable and target.suffix != ".gz":
            return FitsWriter(target, stars, about)
    from stelnet.starlists.whole_list import TableWriter

    return TableWriter(target, stars, about, kind)


def _closing(writer: Writer) -> Iterator[Writer]:
    try:
        yield writer
    finally:
        writer.close()
