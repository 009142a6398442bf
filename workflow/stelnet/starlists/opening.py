"""Opening star lists of all formats."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stelnet.errors import DataError
from stelnet.files import atomic_path
from stelnet.starlists.base import About, StarList, Writer, readable
from stelnet.starlists.csv_list import CsvWriter
from stelnet.starlists.formats import EXTENSIONS, known_format, sniffed
from stelnet.starlists.parquet_list import ParquetWriter
from stelnet.starlists.whole_list import TableWriter


def open_list(path: Path, kind: str | None = None, label: str | None = None) -> StarList:
    """Open a star list.

    Parameters
    ----------
    path
        The file.
    kind
        Its format; by default that of its extension.
    label
        How messages call it, by default `path`.

    Raises
    ------
    DataError
        The file is absent, not of its format, damaged, or has two columns of the same name.
    """
    label = label or str(path)
    if path.is_dir():
        raise DataError(f"{label}: a folder, not a star list.")
    if not path.exists():
        raise DataError(f"{label}: no such file.")
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise DataError(f"{label}: {error.strerror}.")
    if not head:
        raise DataError(f"{label}: empty, not even a header.")
    held = sniffed(head)
    kind = kind or known_format(path, "its format", "--input-format")
    # archives give ECSV files the extension of CSV
    kind = "ecsv" if (kind, held) == ("csv", "ecsv") else kind
    if held not in (None, kind):
        raise DataError(f"{label}: holds {held.upper()}, not {kind.upper()}; give --input-format {held}.")
    with readable(label, kind):
        stars = _reader(path, kind, label)
    if not stars.units:
        raise DataError(f"{label}: has no columns.")
    return stars


def _reader(path: Path, kind: str, label: str) -> StarList:
    # astropy is slow to import, and not needed for CSV and Parquet
    if kind == "csv":
        from stelnet.starlists.csv_list import CsvList

        return CsvList(path, label)
    if kind == "parquet":
        from stelnet.starlists.parquet_list import ParquetList

        return ParquetList(path, label)
    if kind == "fits":
        from stelnet.starlists.fits_list import FitsList

        return FitsList(path, label)
    from stelnet.starlists.whole_list import AstropyList

    return AstropyList(path, kind, label)


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
    return TableWriter(target, stars, about, kind)


def _closing(writer: Writer) -> Iterator[Writer]:
    try:
        yield writer
    finally:
        writer.close()
