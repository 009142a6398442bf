"""What lists in text have in common: values that are text until the whole column is known."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from stelnet.starlists.base import WORDS, StarList, present, rebatched


class TextualList(StarList):
    """A list in text.

    Attributes
    ----------
    descriptions
        Of those columns that have some.
    """

    def __init__(self, label: str, units: dict[str, str], descriptions: dict[str, str] | None = None) -> None:
        super().__init__(label, units)
        self.descriptions = descriptions or {}
        self._types: dict[str, pa.DataType] = {}

    def _batches(self, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        """Yield columns, all by default, as the text that they are."""
        raise NotImplementedError

    def _blocks(self, size: int, names: Sequence[str] | None, typed: bool) -> Iterator[pa.Table]:
        names = list(names or self.units)
        text = pa.schema([(name, pa.string()) for name in names])
        if typed and not self._types:
            self._types = _types_of(self._batches(None), list(self.units))
        for block in rebatched(self._batches(names), size, text):
            if typed:
                columns = [_typed(block[name], self._types[name]) for name in names]
                fields = [pa.field(name, self._types[name], metadata=self._about(name)) for name in names]
                block = pa.table(columns, schema=pa.schema(fields))
            yield block

    def _about(self, name: str) -> dict[str, str]:
        about = {"unit": self.units[name], "description": self.descriptions.get(name, "")}
        return {part: text for part, text in about.items() if text}

    def header(self) -> dict[str, Any]:
        about = [{"name": name, **self._about(name)} for name in self.units if self._about(name)]
        return {"datatype": about}


#: Types that a column of text may turn out to have, each with a pattern of what its values must look like:
#: leading zeros and more digits than a number holds are names of things, and stay text.
CANDIDATES = {
    pa.int64(): r"^[+-]?(0|[1-9][0-9]*)$",
    pa.float64(): r"^[+-]?([1-9][0-9]{0,14}|0)?([.][0-9]*)?([eE][+-]?[0-9]+)?$|^[+-]?(?i:nan|inf|infinity)$",
    pa.bool_(): r"^(?i:true|false)$",
}


def _types_of(batches: Iterator[pa.RecordBatch], names: Sequence[str]) -> dict[str, pa.DataType]:
    """Return the narrowest type that holds all values of each column."""
    possible = {name: dict(CANDIDATES) for name in names}
    seen, worded = dict.fromkeys(names, False), dict.fromkeys(names, False)
    for batch in batches:
        for name, candidates in possible.items():
            if not candidates:
                continue
            values = present(batch[name]).drop_null()
            seen[name] |= len(values) > 0
            worded[name] |= not seen[name] and _has_words(batch[name])
            for kind, pattern in list(candidates.items()):
                if not _fits(values, kind, pattern):
                    del candidates[kind]
    return {
        name: next(iter(candidates), pa.string())
        if seen[name]
        else pa.string()
        if worded[name]
        else pa.float64()
        for name, candidates in possible.items()
    }


def _has_words(text: pa.Array) -> bool:
    from pyarrow import compute

    lower = compute.utf8_lower(compute.utf8_trim_whitespace(text))
    return bool(compute.any(compute.is_in(lower, pa.array(WORDS, text.type)), min_count=0).as_py())


def _fits(values: pa.Array, kind: pa.DataType, pattern: str) -> bool:
    from pyarrow import compute

    if not compute.all(compute.match_substring_regex(values, pattern), min_count=0).as_py():
        return False
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        # an integer too big
        return False
    return True


def _typed(text: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    from pyarrow import compute

    if kind != pa.string():
        return present(text).cast(kind)
    return compute.if_else(compute.equal(text, ""), pa.scalar(None, kind), text)
