"""FITS to FITS: the file is copied as it is, with new columns behind each row.

So nothing of the list is lost or held in memory: scaled numbers, arrays of any length, other extensions.
"""

import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.table import Column, Table
from numpy.typing import NDArray

from stelnet.starlists.fits_list import FitsList
from stelnet.starlists.writing import METADATA, About, Writer

#: Sizes in a FITS file are multiples of this [bytes].
RECORD = 2880
#: Rows that are copied at a time.
ROWS = 1 << 16


class FitsWriter(Writer):
    """New columns wait in a temporary file, as the width of their text is known only in the end."""

    streams = False

    def __init__(self, target: Path, stars: FitsList, about: About) -> None:
        super().__init__(target, stars, about)
        self._waiting = tempfile.TemporaryFile(dir=target.parent)  # noqa: SIM115 closed by close()
        self._dtype: np.dtype | None = None
        self._texts: dict[str, int] = {}

    def write(self, block: pa.Table, new: Mapping[str, NDArray]) -> None:
        if self._dtype is None:
            self._dtype = np.dtype([(name, *_waiting_type(values)) for name, values in new.items()])
        rows = np.empty(block.num_rows, self._dtype)
        for name, values in new.items():
            if values.dtype == object:
                values = [self._texts.setdefault(text, len(self._texts)) for text in values]
            rows[name] = values
        self._waiting.write(rows.tobytes())

    def finish(self, metadata: Mapping[str, Any]) -> None:
        texts = np.array(list(self._texts), dtype="S")
        written = np.dtype(
            [
                (name, texts.dtype if self._dtype[name] == TEXT else self._dtype[name])
                for name in self._dtype.names
            ]
        )
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
                    waiting = np.frombuffer(self._waiting.read(n * self._dtype.itemsize), self._dtype)
                    rows = np.empty(n, [("old", f"V{old['NAXIS1']}"), ("new", written)])
                    rows["old"] = np.frombuffer(source.read(n * old["NAXIS1"]), rows.dtype["old"])
                    for name in written.names:
                        text = self._dtype[name] == TEXT
                        rows["new"][name] = texts[waiting[name]] if text else waiting[name]
                    out.write(rows.tobytes())
                _copy(source, out, old.get("PCOUNT", 0))
                out.write(bytes(-out.tell() % RECORD))
                source.seek(place["datLoc"] + place["datSpan"])
                shutil.copyfileobj(source, out)

    def _header(self, old: fits.Header, written: np.dtype, metadata: Mapping[str, Any]) -> fits.Header:
        header = old.copy()
        header["NAXIS1"] += written.itemsize
        header["TFIELDS"] += len(written.names)
        if "THEAP" in header:
            # room between rows and arrays of any length is copied with these
            header["THEAP"] += written.itemsize * header["NAXIS2"]
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
        comments = list(self._comments(header))
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
            return header.get("COMMENT", [])
        about = {column.name: column.description for column in columns}
        about |= {name: description for name, (_, description) in self.about.items()}
        example = Table([Column([], name, description=text) for name, text in about.items()])
        example.meta["comments"] = self.stars.empty.meta.get("comments", [])
        file = io.BytesIO()
        example.write(file, format="fits")
        return fits.getheader(io.BytesIO(file.getvalue()), 1)["COMMENT"]

    def close(self) -> None:
        self._waiting.close()


#: How text waits: as its number.
TEXT = np.dtype(">u4")


def _waiting_type(values: NDArray) -> tuple[np.dtype, tuple[int, ...]]:
    kind = TEXT if values.dtype == object else np.dtype(">f4")
    return kind, values.shape[1:]


def _copy(source: IO[bytes], out: IO[bytes], size: int) -> None:
    """Copy as many bytes from where the source is."""
    while size and (content := source.read(min(size, 1 << 24))):
        out.write(content)
        size -= len(content)
