"""Seeded damage: bits that flip, files that are cut, values that are others."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: What a forger or a fault may put in the place of a value.
VALUES = (
    None,
    True,
    -1,
    0,
    1,
    2,
    10**9,
    10**30,
    -0.5,
    1e308,
    float("inf"),
    "",
    "a",
    "true",
    "../..",
    "/dev/zero",
    "/",
    "\0",
    "é",
    "\ud800",
    "\x1b[2J",
    "x" * 5000,
    [],
    {},
    [1],
    ["a"],
    [None],
    {"a": 1},
    [[[]]],
    {"a": {"b": []}},
)


def flipped(content: bytes, generator: np.random.Generator) -> bytes:
    """Return bytes with one bit flipped."""
    changed = bytearray(content)
    changed[generator.integers(len(changed))] ^= 1 << int(generator.integers(8))
    return bytes(changed)


def cut(content: bytes, generator: np.random.Generator) -> bytes:
    """Return the beginning of a file."""
    return content[: generator.integers(len(content))]


def overwritten(content: bytes, generator: np.random.Generator) -> bytes:
    """Return bytes with a stretch of others in them."""
    changed = bytearray(content)
    start = int(generator.integers(len(changed)))
    stretch = generator.bytes(int(generator.integers(1, 64)))
    changed[start : start + len(stretch)] = stretch
    return bytes(changed)


def moved(content: bytes, generator: np.random.Generator) -> bytes:
    """Return bytes with a stretch left out or doubled."""
    start, end = sorted(int(place) for place in generator.integers(len(content), size=2))
    return content[:start] + content[start:end] * int(generator.choice([0, 2])) + content[end:]


DAMAGE: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (flipped, cut, overwritten, moved)


def damaged(content: bytes, generator: np.random.Generator) -> bytes:
    """Return bytes damaged in one of several ways."""
    return DAMAGE[generator.integers(len(DAMAGE))](content, generator)


def value(generator: np.random.Generator) -> Any:
    """Return one of many awkward values."""
    return copy.deepcopy(VALUES[generator.integers(len(VALUES))])


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in nested dictionaries and lists."""
    items = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, part in items for place in [(*path, key), *places(part, (*path, key))]]


def mutated(tree: Any, generator: np.random.Generator) -> Any:
    """Return nested dictionaries and lists with one value dropped, replaced, or put below another key."""
    tree = copy.deepcopy(tree)
    found = places(tree)
    *parents, last = found[generator.integers(len(found))]
    block = tree
    for key in parents:
        block = block[key]
    if isinstance(block, list):
        block[last] = value(generator)
        return tree
    how = generator.integers(4)
    if how == 0:
        del block[last]
    elif how == 1:
        block[str(value(generator))] = block.pop(last)
    else:
        block[last] = value(generator)
    return tree


def as_json(tree: Any) -> str:
    """Return JSON text of what the mutations make; infinities as Python writes them."""
    return json.dumps(tree)
