"""Waiting for a condition, for as long as it takes; only what hangs is given up."""

import time
from collections.abc import Callable

#: Seconds after which a process is taken to hang; far more than a slow or busy machine needs.
HANG = 3600


def wait_for(condition: Callable[[], object], what: str) -> object:
    """Return the first true value of a condition; raise TimeoutError where it stays false."""
    end = time.monotonic() + HANG
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {HANG} s")
        time.sleep(0.02)
    return value
