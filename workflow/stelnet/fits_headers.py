"""What is looked at in a FITS file before astropy reads it: sizes that its headers announce."""

import math
import os
import re
from typing import IO

from stelnet.errors import DataError

#: Bytes of a card and of a record of a header (FITS 4.0, sections 3.1 and 4.1).
CARD, RECORD = 80, 2880
#: Most columns of a table (section 7.3.1), most records of a header, and most headers.
COLUMNS, RECORDS, HEADERS = 999, 1000, 10_000
_NUMBER = re.compile(rb"(BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS) *= *(-?\d+)")


class BadFits(DataError):
    """A header announces what its file does not hold, or more than may be."""


def inspect(file: IO[bytes], label: str) -> None:
    """Refuse a FITS file whose headers would have a reader take memory or time without end.

    Raises
    ------
    BadFits
        A header has no end, announces more columns than FITS allows, rows of no bytes, or more data than
        there are.
    """
    size = file.seek(0, os.SEEK_END)
    place = 0
    for number in range(HEADERS):
        numbers, is_table, place = _header(file, place, label, number)
        axes = [numbers.get(b"NAXIS%d" % i, 0) for i in range(1, min(numbers.get(b"NAXIS", 0), COLUMNS) + 1)]
        if min([0, *axes, *(numbers.get(name, 0) for name in (b"PCOUNT", b"GCOUNT", b"TFIELDS"))]) < 0:
            raise BadFits(f"{label}: header {number} announces a negative size.")
        if numbers.get(b"TFIELDS", 0) > COLUMNS:
            raise BadFits(
                f"{label}: header {number} announces {numbers[b'TFIELDS']} columns, more than {COLUMNS}."
            )
        if is_table and len(axes) > 1 and axes[1] and not axes[0]:
            raise BadFits(f"{label}: header {number} announces {axes[1]} rows of no bytes.")
        # the first axis of random groups is 0
        cells = math.prod(axes[1:] if axes and not is_table and not axes[0] else axes) if axes else 0
        width = abs(numbers.get(b"BITPIX", 8)) // 8
        held = width * numbers.get(b"GCOUNT", 1) * (numbers.get(b"PCOUNT", 0) + cells)
        if place + held > size:
            raise BadFits(
                f"{label}: truncated: header {number} announces {held} bytes, there are {size - place}."
            )
        place += -(-held // RECORD) * RECORD
        file.seek(place)
        # what is behind the last of them is none of a reader's business
        if file.read(8) != b"XTENSION":
            return
    raise BadFits(f"{label}: has more than {HEADERS} headers.")


def _header(file: IO[bytes], place: int, label: str, number: int) -> tuple[dict[bytes, int], bool, int]:
    """Return the sizes that the header at a place announces, whether it is a table's, and where it ends."""
    file.seek(place)
    numbers: dict[bytes, int] = {}
    is_table = False
    for _ in range(RECORDS):
        record = file.read(RECORD)
        for start in range(0, len(record), CARD):
            card = record[start : start + CARD]
            if card.rstrip() == b"END":
                return numbers, is_table, file.tell()
            if found := _NUMBER.match(card):
                # the value that a reader takes may be any of several
                numbers[found[1]] = max(numbers.get(found[1], 0), int(found[2]), key=abs)
            is_table |= card.startswith(b"XTENSION") and b"TABLE" in card
        if len(record) < RECORD:
            break
    raise BadFits(f"{label}: truncated: header {number} has no end.")
