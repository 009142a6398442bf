"""Star lists in FITS files, of which a memory map reads as much as is needed."""

import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.table import Column, Table
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table

from stelnet.errors import DataError
from stelnet.starlists.base import METADATA, About, StarList, Writer, require_distinct
from stelnet.starlists.conversion import plain, to_arrow

TABLES = (fits.BinTableHDU, fits.TableHDU)


class FitsList(StarList):
    """The first table of a FITS file.

    Attributes
    ----------
    empty
        The table without its rows.
    """

    kind = "fits"
    rows: int

    def __init__(self, path: Path, label: str) -> None:
        self._path, self.label = path, label
        with self.opened() as hdu:
            require_distinct(hdu.columns.names, label)
            self.rows = len(hdu.data)
            self._binary = type(hdu) is fits.BinTableHDU
            self.empty = _rows(hdu, 0, 0)
        written = self.empty.meta.get("STELNET")
        self.metadata = json.loads(written) if written else None
        super().__init__(label, {name: str(column.unit or "") for name, column in self.empty.columns.items()})

    @property
    def copyable(self) -> bool:
        """Whether rows lie in the file as they are in memory: in a binary table, uncompressed."""
        return self._binary and self._path.suffix != ".gz"

    @contextmanager
    def opened(self) -> Iterator[fits.BinTableHDU | fits.TableHDU]:
        """Yield the table; raise DataError if there is none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # astropy warns, and gives what is left of the table
            warnings.filterwarnings("error", ".*truncated.*")
            with fits.open(self._path) as hdus:
                tables = [hdu for hdu in hdus if isinstance(hdu, TABLES)]
                if len(tables) > 1:
                    self.note = f"the first of its {len(tables)} tables is read"
                if not tables:
                    raise DataError(f"{self.label}: no table in it.")
                yield tables[0]

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        with fits.open(self._path) as hdus:
            hdu = next(hdu for hdu in hdus if isinstance(hdu, TABLES))
            for start in range(0, max(self.rows, 1), size):
                table = _rows(hdu, start, start + size)
                yield to_arrow(table[list(names)] if names else table, self.label)

    def table(self) -> Table:
        with self.opened() as hdu:
            return _rows(hdu, 0, self.rows)

    def header(self) -> dict[str, Any]:
        header: dict[str, Any] = get_header_from_yaml(get_yaml_from_table(plain(self.empty)))
        return header


def _rows(hdu: fits.BinTableHDU | fits.TableHDU, start: int, stop: int) -> Table:
    part = type(hdu)(hdu.data[start:stop], hdu.header)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Table.read(part, mask_invalid=False, unit_parse_strict="silent")


#: Sizes in a FITS file are multiples of this [bytes].
RECORD = 2880
#: Rows that are copied at a time.
ROWS = 1 << 16


class FitsWriter(Writer):
    """New columns wait in a temporary file, as the width of their text is known only in the end."""

    streams = False
    target: Path
    stars: FitsList

    def __init__(self, target: Path, stars: FitsList, about: About) -> None:
        super().__init__(target, stars, about)
        self._waiting = tempfile.TemporaryFile(dir=target.parent)  # noqa: SIM115 closed by close()
        self._waiting_as: dict[str, np.dtype] = {}
        self._texts: dict[str, int] = {}

    def write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        self._waiting_as = self._waiting_as or {name: _waiting_type(values) for name, values in new.items()}
        rows = np.empty(block.num_rows, list(self._waiting_as.items()))
        for name, values in new.items():
            if values.dtype == object:
                rows[name] = [self._texts.setdefault(text, len(self._texts)) for text in values]
            else:
                rows[name] = values
        self._waiting.write(rows.tobytes())

    def finish(self, metadata: Mapping[str, Any]) -> None:
        texts = np.array(list(self._texts), dtype="S")
        written = {name: texts.dtype if kind == TEXT else kind for name, kind in self._waiting_as.items()}
        waiting_row, new_row = np.dtype(list(self._waiting_as.items())), np.dtype(list(written.items()))
        self._waiting.seek(0)
        with self.stars.opened() as hdu, open(hdu.fileinfo()["file"].name, "rb") as source:
            place, old = hdu.fileinfo(), hdu.header
            header = self._header(old, written, metadata)
            with open(self.target, "wb") as out:
                _copy(source, out, place["hdrLoc"])
                out.write(header.tostring().encode("ascii"))
                source.seek(place["datLoc"])
                for start in range(0, old["NAXIS2"], ROWS):
                    n = min(ROWS, old["NAXIS2"] - start)
                    waiting = np.frombuffer(self._waiting.read(n * waiting_row.itemsize), waiting_row)
                    rows = np.empty(n, [("old", f"V{old['NAXIS1']}"), ("new", new_row)])
                    rows["old"] = np.frombuffer(source.read(n * old["NAXIS1"]), rows["old"].dtype)
                    for name, kind in self._waiting_as.items():
                        rows["new"][name] = texts[waiting[name]] if kind == TEXT else waiting[name]
                    out.write(rows.tobytes())
                _copy(source, out, old.get("PCOUNT", 0))
                out.write(bytes(-out.tell() % RECORD))
                source.seek(place["datLoc"] + place["datSpan"])
                shutil.copyfileobj(source, out)

    def _header(
        self, old: fits.Header, written: Mapping[str, np.dtype], metadata: Mapping[str, Any]
    ) -> fits.Header:
        header = old.copy()
        width = np.dtype(list(written.items())).itemsize
        header["NAXIS1"] += width
        header["TFIELDS"] += len(written)
        if "THEAP" in header:
            # room between rows and arrays of any length is copied with these
            header["THEAP"] += width * header["NAXIS2"]
        for key in ("CHECKSUM", "DATASUM"):
            header.remove(key, ignore_missing=True)
        for i, (name, (unit, description)) in enumerate(self.about.items(), old["TFIELDS"] + 1):
            kind, shape = written[name].subdtype or (written[name], ())
            size = kind.itemsize if kind.kind == "S" else int(np.prod(shape)) if shape else 1
            header[f"TTYPE{i}"] = name
            header[f"TFORM{i}"] = f"{size}{'A' if kind.kind == 'S' else 'E'}"
            if unit:
                header[f"TUNIT{i}"] = unit
            header[f"TCOMM{i}"] = description
        comments = self._comments(header)
        header.remove("COMMENT", ignore_missing=True, remove_all=True)
        for comment in comments:
            header.add_comment(comment)
        # a long value is continued over several cards
        header[METADATA.upper()] = json.dumps(dict(metadata), sort_keys=True)
        return header

    def _comments(self, header: fits.Header) -> list[str]:
        """Return the comments in which astropy keeps descriptions, those of the list's columns among them."""
        columns = self.stars.empty.columns.values()
        if not all(isinstance(column, Column) for column in columns):
            # times and coordinates have their makings there: leave them alone
            return list(header.get("COMMENT", []))
        about = {column.name: column.description for column in columns}
        about |= {name: description for name, (_, description) in self.about.items()}
        example = Table([Column([], name, description=text) for name, text in about.items()])
        example.meta["comments"] = self.stars.empty.meta.get("comments", [])
        file = io.BytesIO()
        example.write(file, format="fits")
        return list(fits.getheader(io.BytesIO(file.getvalue()), 1)["COMMENT"])

    def close(self) -> None:
        self._waiting.close()


#: How text waits: as its number.
TEXT = np.dtype(">u4")


def _waiting_type(values: np.ndarray) -> np.dtype:
    return np.dtype((TEXT if values.dtype == object else np.dtype(">f4"), values.shape[1:]))


def _copy(source: IO[bytes], out: IO[bytes], size: int) -> None:
    """Copy as many bytes from where the source is."""
    while size and (content := source.read(min(size, 1 << 24))):
        out.write(content)
        size -= len(content)
