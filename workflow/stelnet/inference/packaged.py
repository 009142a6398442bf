"""The models that come with the library: where they lie, what their card says, and whether they fit it.

Kept light, because every prediction passes here; what makes the card is in the modules beside this one.
"""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stelnet.errors import DataError
from stelnet.files import PACKAGE, ROOT

#: The models by preference: where none is named, the first that is there is used.
PREFERRED = ("posterior", "transfer", "baseline")
#: The card for machines, and the record of what made it and the models; both lie beside the models.
CARD, PROVENANCE = "models.json", "provenance.json"


def folder() -> Path:
    """Return the folder of the packaged models, in an installation or in a checkout."""
    installed = PACKAGE / "pretrained"
    return installed if installed.is_dir() else ROOT / "resources/pretrained"


def read(name: str, where: Path | None = None) -> dict[str, Any]:
    """Return the content of :data:`CARD` or :data:`PROVENANCE` of a folder, by default the packaged one.

    Raises
    ------
    DataError
        The file is absent or malformed.
    """
    path = (where or folder()) / name
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: not readable ({error}); install stelnet again, or name the file of a model."
        )
    return content


def preferred(models: Collection[str]) -> str:
    """Return the one of some models that is used where none is named."""
    return next(name for name in PREFERRED if name in models)


def default(where: Path | None = None) -> str:
    """Return the packaged model that is used where none is named; errors as of :func:`read`."""
    return preferred(read(CARD, where)["models"])


def weights(name: str, where: Path | None = None) -> Path:
    """Return the file of a packaged model.

    Raises
    ------
    DataError
        There is no such model.
    """
    models: dict[str, dict[str, Any]] = read(CARD, where)["models"]
    if name not in models:
        raise DataError(f"there is no packaged model {name!r}; there are {', '.join(models)}.")
    return (where or folder()) / str(models[name]["file"])


def verify(where: Path | None = None) -> None:
    """Raise DataError when a packaged model is not the one that the card describes."""
    for name, model in read(CARD, where)["models"].items():
        path = weights(name, where)
        if not path.is_file():
            raise DataError(f"{path}: the file of the model {name!r} is missing; install stelnet again.")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != model["sha256"]:
            raise DataError(
                f"{path}: SHA-256 {digest[:12]}... is not that of the card, {model['sha256'][:12]}...; "
                "install stelnet again."
            )
