"""Marks beside a column, such as VizieR's ``l_`` and ``u_`` or ``_lim``: a value that is a limit is none."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stelnet.arrays import Bools, Floats
from stelnet.starlists.base import StarList, is_number, is_numeric, present
from stelnet.starlists.names import bare, is_mark_like, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stelnet.starlists.readings import Reading

#: What columns write of a limit, beside signs and numbers; in lower case.
WORDS = frozenset(["true", "t", "yes", "y", "l", "u", "ul", "ll", "lower", "upper", "limit", "lim"])
SIGNS = "<>≤≥"


def _text(column: pa.ChunkedArray) -> list[str | None]:
    texts: list[str | None] = present(column.cast(pa.string())).to_pylist()
    return texts


def _kind(column: pa.ChunkedArray) -> pa.DataType:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def mark_columns(stars: StarList) -> list[str]:
    """Return the columns of a list that, by name and first values, hold marks rather than numbers."""
    names = [name for name in stars.units if is_mark_like(name)]
    if not names:
        return []
    head = stars.head(names)
    return [name for name in names if _holds_marks(head[name])]


def _holds_marks(column: pa.ChunkedArray) -> bool:
    kind = _kind(column)
    if pa.types.is_boolean(kind):
        return True
    if is_numeric(kind):
        values = [value for value in column.to_pylist() if value is not None and value == value]
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        texts = [text for text in _text(column) if text is not None]
        if not all(map(is_number, texts)):
            return True
        values = [float(text) for text in texts]
    else:
        return False
    return all(value in (-1, 0, 1) for value in values)


def limited(column: pa.ChunkedArray) -> Bools:
    """Return which rows of a column of marks say that a value is a limit."""
    kind = _kind(column)
    if pa.types.is_boolean(kind):
        return np.array([bool(value) for value in column.to_pylist()], bool)
    if is_numeric(kind):
        numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy()
        limits: Bools = np.isfinite(numbers) & (numbers != 0)
        return limits
    # of texts there are few
    texts = np.array([text or "" for text in _text(column)], object)
    known = {text: _is_limit(text) for text in set(texts)}
    return np.array([known[text] for text in texts], bool)


def _is_limit(text: str) -> bool:
    if is_number(text):
        return float(text) != 0 and math.isfinite(float(text))
    return text.lower() in WORDS or any(sign in text for sign in SIGNS)


def marked(reading: "Reading", columns: "Iterable[str]") -> "Reading":
    """Return a reading that heeds the marks beside its column, and says so.

    Parameters
    ----------
    columns
        Those that hold marks.
    """
    found = {kind: name for name in columns if (kind := marks(name, bare(reading.column)))}
    if limits := found.get("limit"):
        reading = replace(reading, limits=limits).noted(f"limits, marked in {limits}, are no values")
    if uncertain := found.get("uncertain"):
        reading = reading.noted(f"values that {uncertain} marks as uncertain are used")
    return reading
