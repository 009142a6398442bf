"""What stands above the stars of a table in text: names, units and rules, and what separates its columns."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from stelnet.errors import DataError
from stelnet.spelling import key
from stelnet.starlists.base import NO_VALUE, is_number, require_few
from stelnet.starlists.quantities import LUM, TEFF
from stelnet.units import parse_unit

#: What may separate columns, beside white space, which is written as a space here.
SEPARATORS, WHITE = ",\t;|", " "
#: Lines that are looked at to know how a table is laid out.
SAMPLE = 200
#: Lines that a value in quotes may have in a header.
LONGEST = 10
_OPEN = re.compile(r'(^|[,;\t|])\s*"')
_RULE = re.compile(r"[\s+|:\-=]*")
_WORD = re.compile(r"""\"(?:[^"]|"")*"|'[^']*'(?=\s|$)|\S+""")
#: What begins a comment above a header; below it, # alone does.
_COMMENT = re.compile(r"#+|%+|!+|//+")
#: Numbers in notations that are not read, limits and the like: values all the same, no names and no units.
_NUMERAL = re.compile(r"[<>≤≥~≈]?\s*[-+]?[\d.,]*\d[\d.,]*([eEdD][-+]?\d+)?\s*[:?±]?[\d.,\s]*")
#: No notation of a number is longer.
NUMERAL = 100
#: The types that a row below the names may give: those of RDB, and in words.
_RDB = re.compile(r"^\d*[SNMsnm]$")
_TYPES = re.compile(
    r"(var)?char|character|str(ing)?|text|object|(short|small|big|long)?int(eger)?\d*|short|long|float\d*|real|"
    r"double|number|numeric|decimal|bool(ean)?|logical|date(time)?",
    re.I,
)
#: What VizieR and the NASA Exoplanet Archive say of a column in a comment.
_ABOUT = (
    re.compile(
        r"#Column\t(?P<name>[^\t]+)\t[^\t]*\t(?P<text>[^\t]*)(?P<unit>)(?:\t\[ucd=(?P<ucd>[^\]]*)\])?"
    ),
    re.compile(r"#\s*COLUMN\s+(?P<name>\S+):\s*(?P<text>.*?)\s*(?:\[(?P<unit>[^\]]*)\])?(?P<ucd>)$"),
)


@dataclass(frozen=True)
class Header:
    """What stands above the stars.

    Attributes
    ----------
    names
        Those of the columns, each once; one without a name is called after its place.
    separator
        One of :data:`SEPARATORS`, or :data:`WHITE`.
    size
        Length of all that stands before the first star [bytes].
    unnamed
        The columns without a name.
    units, descriptions, ucds
        Of those columns that have some.
    padded
        Whether blanks around values, and bars at both ends of a line, are there for the eye alone.
    """

    names: list[str]
    separator: str
    size: int
    unnamed: frozenset[str] = frozenset()
    units: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    ucds: dict[str, str] = field(default_factory=dict)
    padded: bool = False


@dataclass(frozen=True)
class Line:
    """A line without its end, and where the next one begins in the file."""

    text: str
    end: int


def lines_of(head: bytes) -> Iterator[Line]:
    """Yield the lines of a file's first bytes, whatever ends them; a value in quotes may go over several."""
    held = ""
    for match in re.finditer(rb"([^\r\n]*)(\r\n|\r|\n|$)", head):
        text = held + match[1].decode("utf-8", "replace")
        held = ""
        if (
            _OPEN.search(text)
            and text.count('"') % 2
            and text.count("\n") < LONGEST
            and match.end() < len(head)
        ):
            held = text + "\n"
        elif match[0]:
            yield Line(text, match.end())


def split(line: str, separator: str) -> list[str]:
    """Return the cells of a line."""
    if separator == WHITE:
        words = [match[0] for match in _WORD.finditer(line)]
        return [
            word[1:-1].replace('""', '"')
            if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
            else word
            for word in words
        ]
    if separator == "|" and is_boxed(line):
        line = line.strip()[1:-1]
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        # a line break within quotes that are no quotes with this separator
        cells = line.split(separator)
    return [cell.strip() for cell in cells]


def is_boxed(line: str) -> bool:
    """Return whether a line has bars at both ends."""
    return line.strip()[:1] == line.strip()[-1:] == "|"


def is_rule(text: str) -> bool:
    """Return whether a line is drawn, with dashes and the like."""
    return bool(_RULE.fullmatch(text)) and ("--" in text or "==" in text or "-=" in text or "=-" in text)


def read_header(head: bytes, label: str, separators: str = SEPARATORS + WHITE) -> Header:
    """Return what stands above the stars.

    Parameters
    ----------
    head
        The first bytes of a file, as UTF-8 and long enough to hold some stars.
    label
        How messages call the file.
    separators
        Those that come into question.

    Raises
    ------
    DataError
        There is no header.
    """
    comments: list[str] = []
    rows: list[Line] = []
    start = 0
    for line in lines_of(head):
        text = line.text.strip()
        if not rows:
            is_comment = _COMMENT.match(text)
            if is_comment:
                comments.append(text)
            # the sign by which Excel knows what separates columns
            if not text or is_comment or is_rule(text) or re.fullmatch(r"sep=[,;\t|]", text):
                start = line.end
                continue
        if text and not (rows and text.startswith("#")):
            rows.append(line)
        if len(rows) > SAMPLE:
            break
    if not rows:
        raise DataError(f"{label}: empty, not even a header.")
    separator = _separator([row.text for row in rows], separators)
    cells = [split(row.text, separator) for row in rows]
    require_few(cells[0], label)
    above = _comment_above(comments, cells, separator)
    if above is not None:
        names, units = above
        header = Header(names, separator, start)
        if units:
            header = replace(header, units=_units(names, units))
    elif _is_star(cells):
        raise DataError(
            f"{label}: no header: its first line, {rows[0].text.strip()[:60]!r}, holds values, "
            "not names of columns."
        )
    else:
        boxed = separator == "|" and is_boxed(rows[0].text)
        header = Header(cells[0], separator, rows[0].end, padded=boxed)
        rows, cells = rows[1:], cells[1:]
    header, cells = _fitted(header, cells)
    header = below(header, rows, cells)
    header = _described(named(header), comments)
    return header if header.padded else replace(header, units=_without_brackets(header.units))


def is_even(header: Header, head: bytes) -> bool:
    """Return whether the stars in the first bytes have as many values as there are names."""
    lines = (line.text for line in lines_of(head[header.size :]))
    stars = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return all(len(split(line, header.separator)) == len(header.names) for line in stars)


def _separator(rows: list[str], separators: str) -> str:
    """Return what separates columns: what gives all rows the same number of them, or else the commonest."""
    first = rows[0]
    # lines that close a table, such as its number of rows, and rules are no rows
    body = [row for row in rows if not is_rule(row)]
    marks = sorted(
        (mark for mark in separators if mark != WHITE and mark in first), key=first.count, reverse=True
    )
    filled = {mark: sum(bool(cell) for cell in split(first, mark)) for mark in separators}
    for mark in [*marks, *([WHITE] if WHITE in separators else [])]:
        counts = {len(split(row, mark)) for row in body}
        most = max((filled[other] for other in marks), default=0)
        if len(counts) == 1 and counts != {1} and (mark != WHITE or filled[WHITE] > most):
            return mark
    if marks:
        return marks[0]
    return WHITE if WHITE in separators and filled[WHITE] > 1 else ","


def _is_known(name: str) -> bool:
    letters = key(re.sub(r"[\[(].*", "", name))
    return letters in TEFF.names or letters in LUM.names or "teff" in letters or "lum" in letters


def _numbers(cells: Sequence[str]) -> list[bool]:
    return [is_number(cell) or (len(cell) < NUMERAL and bool(_NUMERAL.fullmatch(cell))) for cell in cells]


def _is_star(cells: list[list[str]]) -> bool:
    """Return whether the first line holds values: numbers alone, or some where those below it have them."""
    first, others = cells[0], cells[1:]
    if not any(_numbers(first)) or any(map(_is_known, first)):
        return False
    filled = [cell for cell in first if cell]
    if all(_numbers(filled)):
        return True
    alike = [_numbers(row) == _numbers(first) for row in others if len(row) == len(first)]
    return bool(alike) and all(alike)


def _comment_above(
    comments: list[str], cells: list[list[str]], separator: str
) -> tuple[list[str], list[str]] | None:
    """Return the names that stand in a comment, and what stands in the one below them if it fits too."""
    first = cells[0]
    if not any(_numbers(first)) and (any(map(_is_known, first)) or all(map(unit_of, first))):
        return None
    fitting = []
    for i, comment in enumerate(comments):
        text = _COMMENT.sub("", comment, count=1).strip()
        for mark in dict.fromkeys((separator, *SEPARATORS, WHITE)):
            names = split(text, mark)
            if len(names) == len(first) > 1 and not any(_numbers(names)) and not is_rule(text):
                fitting.append((i, names))
                break
    known = [item for item in fitting if any(map(_is_known, item[1]))]
    if not known and not any(_numbers(first)):
        return None
    if not known and fitting:
        known = fitting[-1:]
    if not known:
        return None
    # the names themselves, not the units below them
    i, names = max(reversed(known), key=lambda item: sum(map(_is_known, item[1])))
    below = [cells for j, cells in fitting if j == i + 1]
    return names, below[0] if below else []


def _fitted(header: Header, cells: list[list[str]]) -> tuple[Header, list[list[str]]]:
    """Return a header with as many names as the rows have values, where these are one more or less."""
    names = header.names
    widths = {len(row) for row in cells}
    if widths == {len(names) + 1}:
        first = [row[0] for row in cells if not is_rule(row[0])]
        if not any(row[-1] for row in cells):
            return replace(header, names=[*names, ""]), cells
        if first in ([str(i) for i in range(len(first))], [str(i + 1) for i in range(len(first))]):
            # numbers of rows, as R and pandas write them
            return replace(header, names=["", *names]), cells
    if widths == {len(names) - 1} and not names[-1]:
        return replace(header, names=names[:-1]), cells
    return header, cells


def below(header: Header, rows: list[Line], cells: list[list[str]]) -> Header:
    """Return a header with the rows below the names, types, units and rules, of whose cells rows are made."""
    for i, (line, row) in enumerate(zip(rows, cells, strict=True)):
        if len(row) != len(header.names) and not is_rule(line.text):
            break
        if is_rule(line.text) or _is_ruled(row):
            header = replace(header, size=line.end, padded=True)
        elif _are_types(row, header.separator):
            header = replace(header, size=line.end)
        elif not header.units and _are_units(header.names, row, cells[i + 1 :]):
            header = replace(header, size=line.end, units=_units(header.names, row))
        else:
            break
    return header


def _is_ruled(row: list[str]) -> bool:
    return all(cell and not cell.strip("-") for cell in row) and any(len(cell) > 2 for cell in row)


def _are_types(row: list[str], separator: str) -> bool:
    rdb = separator == "\t" and all(map(_RDB.match, row))
    return rdb or all(_TYPES.fullmatch(re.sub(r"\(.*", "", cell)) for cell in row)


def _are_units(names: list[str], row: list[str], below: list[list[str]]) -> bool:
    """Return whether a row holds units: none of it is a number, where the rows below it have numbers."""
    below = [other for other in below if len(other) == len(row) and not _is_ruled(other)]
    columns = [i for i in range(len(row)) if any(_numbers([other[i] for other in below]))]
    if not below:
        columns = [i for i, name in enumerate(names) if _is_known(name)]
    cells = [row[i] for i in columns]
    if any(_numbers(cells)) or any(_numbers(row)):
        return False
    return any(unit and parse_unit(unit) is not None for unit in map(unit_of, cells))


def _without_brackets(units: dict[str, str]) -> dict[str, str]:
    """Return units without the brackets that all of them have; around some of them they are logarithms."""
    bracketed = all(unit.startswith("[") and unit.endswith("]") for unit in units.values())
    return {name: unit.strip("[]") for name, unit in units.items()} if bracketed else units


def unit_of(cell: str) -> str:
    """Return the unit in a cell of a row of units, empty where there is none."""
    cell = cell.strip()
    inner = re.fullmatch(r"\(([^()]+)\)", cell)
    cell = inner[1] if inner else cell
    return "" if cell.lower() in NO_VALUE or not cell.strip("-.") else cell


def _units(names: list[str], row: list[str]) -> dict[str, str]:
    units = {name: unit_of(cell) for name, cell in zip(names, row, strict=True)}
    # a word among units that is none, such as the type of a column
    return {name: unit for name, unit in units.items() if unit and not _TYPES.fullmatch(unit)}


def named(header: Header) -> Header:
    """Return a header in which every column has a name."""
    names, unnamed = list(header.names), []
    for i, name in enumerate(names):
        if not name:
            name = f"col{i + 1}"
            while name in header.names:
                name += "_"
            names[i] = name
            unnamed.append(name)
    return replace(header, names=names, unnamed=frozenset(unnamed))


def _described(header: Header, comments: list[str]) -> Header:
    """Return a header with what comments say of its columns; units of theirs that are none do not count."""
    found = [match for comment in comments for pattern in _ABOUT if (match := pattern.match(comment))]
    about = {name: match for match in found if (name := match["name"].strip()) in header.names}
    texts = {name: match["text"].strip() for name, match in about.items()}
    units = {name: match["unit"] for name, match in about.items() if parse_unit(match["unit"] or "?")}
    return replace(
        header,
        descriptions={name: text for name, text in texts.items() if text},
        units=units | header.units,
        ucds={name: match["ucd"] for name, match in about.items() if match["ucd"]},
        padded=header.padded or any(comment.startswith("#Column\t") for comment in comments),
    )
