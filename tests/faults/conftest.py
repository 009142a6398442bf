"""What the rounds of faults share."""

from pathlib import Path

import pytest


@pytest.fixture
def target(tmp_path) -> Path:
    """Where a file of a dataset goes."""
    return tmp_path / "data/stars/stars.vot"
