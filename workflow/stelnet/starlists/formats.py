"""The formats of star lists: their names, extensions and signatures."""

import re
from enum import StrEnum
from pathlib import Path

from stelnet.errors import DataError


class Format(StrEnum):
    """Formats that star lists are written in."""

    CSV = "csv"
    ECSV = "ecsv"
    FITS = "fits"
    VOTABLE = "votable"
    PARQUET = "parquet"


class InputFormat(StrEnum):
    """Formats that star lists are read in."""

    CSV = "csv"
    TEXT = "text"
    ECSV = "ecsv"
    FITS = "fits"
    VOTABLE = "votable"
    PARQUET = "parquet"


class BadValues(StrEnum):
    """What becomes of text among numbers."""

    ERROR = "error"
    MISSING = "missing"


#: Format -> extensions of files that are written, the commonest first.
EXTENSIONS = {
    Format.CSV.value: (".csv", ".csv.gz"),
    Format.ECSV.value: (".ecsv",),
    Format.FITS.value: (".fits", ".fit", ".fits.gz"),
    Format.VOTABLE.value: (".vot", ".votable", ".xml"),
    Format.PARQUET.value: (".parquet", ".pq"),
}
FORMATS = tuple(str(kind) for kind in Format)


def format_of(path: Path) -> str | None:
    """Return the format that the extension of a file implies, or None."""
    name = path.name.lower()
    return next((kind for kind, ends in EXTENSIONS.items() if name.endswith(ends)), None)


#: First bytes -> what they tell, and what to do with it.
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or another ZIP archive; save the sheet as CSV, or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save the sheet as CSV",
    b"\x89HDF": "HDF5; convert it to Parquet or FITS, such as with astropy",
    b"\x93NUMPY": "an array of NumPy; write it with names of columns, such as as CSV",
    b"ARROW1": "Arrow IPC (Feather); convert it to Parquet",
    b"SQLite format 3": "a database of SQLite; export the table as CSV",
    b"%PDF": "PDF; take the table itself",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"\x80\x04\x95": "a Python pickle; write the table as Parquet",
    b"\x89PNG": "a picture; take the table itself",
}


def sniffed(head: bytes, label: str) -> str | None:
    """Return the format that the first bytes of a file imply; None where they imply none, as in text.

    Raises
    ------
    DataError
        They are those of something else than a table that can be read.
    """
    what = next((words for mark, words in FOREIGN.items() if head.startswith(mark)), None)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[257:262] == b"ustar":
        what = "a tar archive; unpack it"
    elif start[:15].lower().startswith((b"<!doctype html", b"<html", b"<table")):
        what = "a web page; take the table itself"
    elif start.startswith((b"\\begin{", b"\\documentclass")):
        what = "LaTeX; write the table as CSV"
    elif re.match(rb"[\[{]\s*[\[{\"]", start):
        what = "JSON; convert it to CSV or Parquet"
    if what:
        raise DataError(f"{label}: no table that can be read, but {what}.")
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    if head.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"# %ECSV"):
        return "ecsv"
    return "votable" if b"<VOTABLE" in head or start.startswith(b"<?xml") else None


def output_format(path: Path) -> str:
    """Return the format of an output by its extension; DataError with what to do if there is none."""
    kind = format_of(path)
    if kind is None:
        extensions = ", ".join(extension for ends in EXTENSIONS.values() for extension in ends)
        raise DataError(
            f"{path}: its extension is of no format that can be written ({extensions}); choose one of them, "
            f"or give --format ({', '.join(FORMATS)})."
        )
    return kind
