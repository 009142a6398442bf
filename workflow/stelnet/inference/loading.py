"""From a name or a file to a model that is ready to predict."""

import os
from pathlib import Path

from stelnet.errors import ConfigError
from stelnet.inference.bundle import read_bundle
from stelnet.inference.ensembles import Ensembles
from stelnet.inference.model import Model
from stelnet.inference.packaged import default, weights
from stelnet.safetensors_file import read_tensors

#: What the metadata of a posterior network's file call it.
POSTERIOR = "posterior"


def load(
    name: str | None = None,
    path: str | Path | None = None,
    *,
    grid: str | Path | None = None,
    threads: int | None = None,
) -> Model:
    """Return a model ready to predict.

    Parameters
    ----------
    name
        One that comes with the package: ``posterior``, the default where it is packaged; ``transfer``,
        ensembles adapted to real stars; ``baseline``, ensembles that know MIST alone.
    path
        A model's file, instead of a name; it tells what kind of model it holds.
    grid
        File of a cube of isochrones, for the exact posterior in place of the network's.
    threads
        Threads that compute, by default one for each core that this process may use. Results do not depend on
        it.

    Raises
    ------
    DataError
        There is no model of that name, or the file is absent, damaged or no model.
    ConfigError
        A grid for a model that has no use for one.
    """
    path = Path(weights(name or default()) if path is None else path)
    if read_tensors(path)[1].get("model") == POSTERIOR:
        # slower to import, and not needed for the ensembles
        from stelnet.inference.posterior_file import read_posterior
        from stelnet.inference.posterior_model import PosteriorModel

        return PosteriorModel(*read_posterior(path), grid, threads)
    if grid is not None:
        raise ConfigError(f"grid {grid}: only the model posterior takes one, not {path.name}.")
    return Ensembles(read_bundle(path), threads)


def load_named(model: str | Path | None, grid: str | Path | None = None) -> Model:
    """Return a packaged model by its name, by default the first one, or one by the path of its file.

    A text is a path where it has a folder in it or the ending of a model's file; errors as of :func:`load`.
    """
    text = str(model or "")
    is_path = isinstance(model, Path) or text.endswith(".safetensors") or os.sep in text
    return load(path=model, grid=grid) if is_path else load(text or None, grid=grid)
