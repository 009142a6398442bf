"""What rules and scripts read off the configuration, or off the part of it that a script is given."""

from collections.abc import Mapping
from typing import Any

from stelnet.terms import STAGES


def samples(blocks: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return stage -> its catalogues or clusters, in the order of the configuration."""
    return {stage: [name for name in blocks if blocks[name]["stage"] == stage] for stage in STAGES}


def labels(blocks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return catalogue or cluster -> its label."""
    return {name: block["label"] for name, block in blocks.items()}


def training_settings(training: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Return what shapes the networks of a stage: not how many there are, nor how they share jobs."""
    counts = ("bootstraps", "bootstraps_per_job")
    own = {key: value for key, value in training.items() if key not in counts}
    return own | {"epochs": training["epochs"][stage]}


def transfer_settings(transfer: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Return what shapes the transfer networks of a stage."""
    own = {key: transfer[key] for key in ("steps", "loss", "optimiser")}
    return own | {"learning_rate": transfer["learning_rate"][stage]}
