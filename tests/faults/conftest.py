"""What the rounds of faults share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "data/stars/stars.vot"


@pytest.fixture
def rounds() -> Callable[[int], int]:
    """How many cases to try: a few, or with STELNET_FAULTS=N in the environment N times as many."""
    factor = int(os.environ.get("STELNET_FAULTS", "1"))
    return lambda few: factor * few
