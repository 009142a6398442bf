"""Random streams: one generator per purpose, derived from the configured seed and the purpose's name.

A stream depends on its name alone, so that a bootstrap draws the same numbers in whatever job it travels.
"""

import hashlib

import numpy as np


def derived_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed from the base seed and the names of a purpose, e.g. ``("baseline", "pre", 3)``."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the NumPy generator of a purpose; see :func:`derived_seed`."""
    return np.random.default_rng(derived_seed(seed, *names))
