"""Opening star lists of all formats."""

from pathlib import Path

from stelnet.errors import DataError
from stelnet.starlists.base import StarList, readable
from stelnet.starlists.formats import known_format, sniffed


def open_list(path: Path, kind: str | None = None, label: str | None = None) -> StarList:
    """Open a star list.

    Parameters
    ----------
    path
        The file.
    kind
        Its format; by default what its extension tells.
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
