"""Star lists in FITS files, of which a memory map reads as much as is needed."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from astropy.io import fits
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table

from stelnet.errors import DataError
from stelnet.starlists.base import StarList, require_distinct
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

    def __init__(self, path: Path, label: str) -> None:
        self._path = path
        with self.opened() as hdu:
            if hdu is None:
                raise DataError(f"{label}: no table in it.")
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
    def opened(self) -> Iterator[fits.BinTableHDU | fits.TableHDU | None]:
        """Yield the table, None if there is none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # astropy warns, and gives what is left of the table
            warnings.filterwarnings("error", ".*truncated.*")
            with fits.open(self._path) as hdus:
                tables = [hdu for hdu in hdus if isinstance(hdu, TABLES)]
                if len(tables) > 1:
                    self.note = f"the first of its {len(tables)} tables is read"
                yield tables[0] if tables else None

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
        return get_header_from_yaml(get_yaml_from_table(plain(self.empty)))


def _rows(hdu: fits.BinTableHDU | fits.TableHDU, start: int, stop: int) -> Table:
    part = type(hdu)(hdu.data[start:stop], hdu.header)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Table.read(part, mask_invalid=False, unit_parse_strict="silent")
