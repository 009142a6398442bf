"""What is looked at in a VOTable before astropy reads it: links that it would follow, memory to take."""

import math
import re
from collections.abc import Mapping
from typing import IO, NamedTuple
from xml.parsers import expat

from stelnet.errors import DataError

#: Most columns of a table; most memory that it may take [bytes], and as a multiple of its size in the file.
COLUMNS, MEMORY, LARGER = 2000, 1 << 29, 20
#: Bytes of a value (VOTable 1.4, table 1), at least; those of other types count as WIDEST.
WIDTHS = {"char": 1, "short": 2, "int": 4, "long": 8, "unicodeChar": 4, "float": 4, "double": 8}
WIDEST = 16


class BadVotable(DataError):
    """A document is no whole VOTable, or not one that may be read."""


class Info(NamedTuple):
    """An INFO element: what a server says of its answer."""

    name: str
    value: str
    text: str


def inspect(file: IO[bytes], label: str) -> list[Info]:
    """Return the INFO elements of a VOTable, and refuse what a reader must neither follow nor take.

    The file is read to its end.

    Raises
    ------
    BadVotable
        No whole XML document; data at another address (``href``), which a reader would open, be it a file of
        this machine; entities or defaults of attributes, which can hide one; more columns or a larger table
        than memory should hold.
    """
    infos: list[Info] = []
    texts: list[str] = []
    widths: list[int] = []
    rows = present = largest = depth = 0
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def declare(*_: object) -> None:
        raise BadVotable(f"{label}: it declares entities or attributes, which no VOTable needs.")

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal rows, present, depth
        name = _local(name)
        values = {_local(key): value for key, value in attributes.items()}
        if name == "stream" and "href" in values:
            raise BadVotable(
                f"{label}: its data are at {values['href'][:100]!r}, not in the file; links are not followed."
            )
        if name == "info":
            infos.append(Info(values.get("name", ""), values.get("value", ""), ""))
            texts.clear()
            parser.CharacterDataHandler = texts.append
        elif name == "table":
            rows, present, depth = max([0, *_numbers(values.get("nrows", ""))]), 0, depth + 1
            widths.clear()
            if depth > 1:
                raise BadVotable(f"{label}: a table within a table.")
        elif name == "field":
            widths.append(_width(values))
            if len(widths) > COLUMNS:
                raise BadVotable(f"{label}: a table of more than {COLUMNS} columns.")
        elif name == "tr":
            present += 1

    def end(name: str) -> None:
        nonlocal largest, depth
        name = _local(name)
        if name == "table":
            depth -= 1
            largest = max(largest, max(rows, present) * max(1, sum(widths)))
        if name == "info":
            infos[-1] = infos[-1]._replace(text="".join(texts))
            parser.CharacterDataHandler = None

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler = parser.AttlistDeclHandler = declare
    try:
        parser.ParseFile(file)
    except expat.ExpatError as error:
        raise BadVotable(f"{label}: not a whole VOTable ({error}).")
    if largest > max(MEMORY, LARGER * file.tell()):
        raise BadVotable(f"{label}: it announces a table of {largest} bytes, which it cannot hold.")
    return infos


def is_well_formed(file: IO[bytes]) -> bool:
    """Return whether a file is XML from its beginning to its end."""
    try:
        expat.ParserCreate().ParseFile(file)
    except expat.ExpatError:
        return False
    return True


def _local(name: str) -> str:
    """Return the name of an element or attribute, without its namespace and in small letters."""
    return name.rpartition(":")[2].lower()


def _numbers(text: str) -> list[int]:
    """Return the whole numbers in a text; of absurdly many digits the first twenty."""
    return [int(digits[:20]) for digits in re.findall(r"\d+", text)]


def _width(field: Mapping[str, str]) -> int:
    """Return the bytes that a cell of a column takes."""
    shape = field.get("arraysize", "").strip()
    sizes = _numbers(shape)
    # the last of them may vary up to a bound; no room is made for it
    sizes = sizes[:-1] if re.search(r"\d\*$", shape) else sizes
    return WIDTHS.get(field.get("datatype", ""), WIDEST) * math.prod(sizes)
