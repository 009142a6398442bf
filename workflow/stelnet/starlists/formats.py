"""The formats of star lists: their names, extensions and signatures."""

from enum import StrEnum
from pathlib import Path

from stelnet.errors import DataError


class Format(StrEnum):
    """Formats of star lists."""

    CSV = "csv"
    ECSV = "ecsv"
    FITS = "fits"
    VOTABLE = "votable"
    PARQUET = "parquet"


#: Format -> extensions, the commonest first.
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


def sniffed(head: bytes) -> str | None:
    """Return the format that the first bytes of a file imply; None where they imply none, as in CSV."""
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"# %ECSV"):
        return "ecsv"
    return "votable" if b"<VOTABLE" in head or head.startswith(b"<?xml") else None


def known_format(path: Path, what: str, option: str) -> str:
    """Return the format of a file by its extension; DataError with what to do if there is none."""
    kind = format_of(path)
    if kind is None:
        extensions = ", ".join(extension for ends in EXTENSIONS.values() for extension in ends)
        raise DataError(
            f"{path}: the extension implies no format ({extensions}); give {option} for {what} "
            f"({', '.join(FORMATS)})."
        )
    return kind
