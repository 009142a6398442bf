"""Star lists in FITS files, of which a memory map reads as much as is needed."""

import io
import json
import re
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
from astropy.table import Column, MaskedColumn, Table
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table

from stelnet.errors import DataError
from stelnet.fits_headers import RECORD, inspect
from stelnet.starlists.base import METADATA, About, StarList, Writer, require_distinct
from stelnet.starlists.conversion import plain, to_arrow
from stelnet.starlists.decoding import latin1_or_utf8

TABLES = (fits.BinTableHDU, fits.TableHDU)
#: Values in arrays of any length that a column may have whatever the size of its file.
SHARED = 1_000_000


class FitsList(StarList):
    """A table of a FITS file.

    Parameters
    ----------
    path, label
        As for every star list.
    hdu
        Name or number of its extension; the first table by default.

    Attributes
    ----------
    empty
        The table without its rows.
    """

    kind = "fits"
    rows: int

    def __init__(self, path: Path, label: str, hdu: str = "") -> None:
        self._path, self.label, self._wanted = path, label, hdu
        self._latin1: set[str] = set()
        with open(path, "rb") as file:
            inspect(file, label)
        with self.opened() as table:
            require_distinct(table.columns.names, label)
            self._refuse_shared(table)
            self.rows = len(table.data)
            self._binary = type(table) is fits.BinTableHDU
            self.empty = self._rows(table, 0, 0)
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
                yield self._chosen(hdus)

    def _refuse_shared(self, table: fits.BinTableHDU | fits.TableHDU) -> None:
        """Raise DataError where arrays of any length lie over each other: each would be held of its own."""
        cells = np.asarray(table.data)
        for column in table.columns:
            if re.match(r"\d*[PQ]", str(column.format)) and len(cells):
                held = int(np.maximum(cells[column.name][:, 0], 0).sum(dtype=np.int64))
                if held > max(SHARED, self._path.stat().st_size):
                    raise DataError(
                        f"{self.label}: column {column.name!r} announces arrays of {held} values, which it "
                        "cannot hold."
                    )

    def _chosen(self, hdus: fits.HDUList) -> fits.BinTableHDU | fits.TableHDU:
        tables = {i: hdu for i, hdu in enumerate(hdus) if isinstance(hdu, TABLES)}
        if not tables:
            raise DataError(f"{self.label}: no table in it.")
        listed = ", ".join(f"{i} {hdu.name}".strip() for i, hdu in tables.items())
        if not self._wanted:
            if len(tables) > 1:
                self.note = f"the first of its {len(tables)} tables is read ({listed}); choose with --hdu"
            return next(iter(tables.values()))
        wanted = self._wanted.strip()
        named = [hdu for hdu in tables.values() if hdu.name.lower() == wanted.lower()]
        if len(named) > 1:
            raise DataError(
                f"{self.label}: --hdu {wanted}: several tables have this name; give one's number: {listed}."
            )
        if named:
            return named[0]
        if wanted.isdecimal() and int(wanted) in tables:
            return tables[int(wanted)]
        raise DataError(f"{self.label}: --hdu {wanted}: there is no such table; there are {listed}.")

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        with fits.open(self._path) as hdus:
            hdu = self._chosen(hdus)
            for start in range(0, max(self.rows, 1), size):
                yield to_arrow(self._rows(hdu, start, start + size, names), self.label)

    def table(self) -> Table:
        with self.opened() as hdu:
            return self._rows(hdu, 0, self.rows)

    def header(self) -> dict[str, Any]:
        header: dict[str, Any] = get_header_from_yaml(get_yaml_from_table(plain(self.empty)))
        return header

    def remarks(self) -> list[str]:
        names = ", ".join(map(repr, sorted(self._latin1)))
        told = f"text of {names} is neither ASCII nor UTF-8, and read as Latin-1"
        return [*([told] if names else []), *super().remarks()]

    def _rows(
        self,
        hdu: fits.BinTableHDU | fits.TableHDU,
        start: int,
        stop: int,
        names: Sequence[str] | None = None,
    ) -> Table:
        if self._binary:
            part = type(hdu)(hdu.data[start:stop], hdu.header)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = Table.read(part, mask_invalid=False, unit_parse_strict="silent")
        else:
            table = _ascii_rows(hdu, start, stop)
        table = table[list(names)] if names else table
        for name, column in table.columns.items():
            if column.dtype.kind == "S" and column.size and not _is_utf8(column):
                self._latin1.add(name)
                table.replace_column(name, type(column)(_decoded(np.asarray(column)), **_about(column)))
        return table


#: What the header of an ASCII table says of its layout.
_LAYOUT = re.compile(
    r"^(XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS|EXTNAME|COMMENT|HISTORY|CHECKSUM|DATASUM|)$"
    r"|^(TTYPE|TFORM|TBCOL|TUNIT|TNULL|TSCAL|TZERO|TDISP|TDIM|TCOMM|TUCD)\d+$"
)


def _ascii_rows(hdu: fits.TableHDU, start: int, stop: int) -> Table:
    """Return rows of an ASCII table; astropy takes none out of it, and reads absent integers as 0."""
    cells = np.asarray(hdu.data)[start:stop]
    table = Table(meta={name: value for name, value in hdu.header.items() if not _LAYOUT.match(name)})
    for column in hdu.columns:
        text = np.char.strip(cells[column.name])
        if column.format.startswith("A"):
            table[column.name] = Column(text, unit=column.unit)
            continue
        gone = (text == b"") | (text == str(column.null).strip().encode())
        # Fortran writes exponents with a D, too
        written = [
            b"0" if no else cell.upper().replace(b"D", b"E") for cell, no in zip(text, gone, strict=True)
        ]
        values: np.ndarray = np.array(written, "S").astype(
            np.int64 if column.format.startswith("I") else np.float64
        )
        if column.bscale not in (None, "", 1) or column.bzero not in (None, "", 0):
            values = values * float(column.bscale or 1) + float(column.bzero or 0)
        table[column.name] = MaskedColumn(values, mask=gone) if gone.any() else Column(values)
        table[column.name].unit = column.unit
    return table


def _is_utf8(column: Column) -> bool:
    try:
        np.ascontiguousarray(column).tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(values: np.ndarray) -> np.ndarray:
    texts = [latin1_or_utf8(value) for value in values.ravel().tolist()]
    return np.array(texts, dtype=str).reshape(values.shape)


def _about(column: Column) -> dict[str, Any]:
    about = {part: getattr(column, part) for part in ("name", "unit", "description", "format", "meta")}
    return about | ({"mask": column.mask} if hasattr(column, "mask") else {})


#: Rows that are copied at a time.
ROWS = 1 << 16


class FitsWriter(Writer):
    """New columns wait in a temporary file, as the width of their text is known only in the end."""

    kind = "fits"
    streams = False
    target: Path
    stars: FitsList

    def __init__(self, target: Path, stars: FitsList, about: About) -> None:
        super().__init__(target, stars, about)
        self._waiting = tempfile.TemporaryFile(dir=target.parent)  # noqa: SIM115 closed by close()
        self._waiting_as: dict[str, np.dtype] = {}
        self._texts: dict[str, int] = {}

    def _write(self, block: pa.Table, new: Mapping[str, np.ndarray]) -> None:
        self._waiting_as = self._waiting_as or {name: _waiting_type(values) for name, values in new.items()}
        rows = np.empty(block.num_rows, list(self._waiting_as.items()))
        for name, values in new.items():
            if values.dtype == object:
                rows[name] = [self._texts.setdefault(text, len(self._texts)) for text in values]
            else:
                rows[name] = values
        self._waiting.write(rows.tobytes())

    def _finish(self, metadata: Mapping[str, Any]) -> None:
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
