"""The file of the model ``posterior``: the network, where the tracks are, the zero-age main sequence (ZAMS).

A safetensors file with the tensors of :class:`stelnet.inference.mixture_network.MixtureNetwork` and

- ``domain/feh`` (f,) [dex], ``domain/{stage}`` uint8 (f, i, j): distances to the tracks of each stage at each
  metallicity, see :mod:`stelnet.inference.domain`;
- ``zams/log_teff``, ``zams/log_lum`` (m,): the ZAMS of solar metallicity on the H-R diagram;
- ``curves/log_mass`` [dex Msun], ``curves/log_age_zams`` [dex yr] (m,): ages there;
- ``{stage}/shift``, where real stars teach more: see :class:`stelnet.inference.correction.Correction`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stelnet.inference import contents, domain, mixture_network
from stelnet.inference.bundle import decoded, refused
from stelnet.inference.features import COUNT
from stelnet.safetensors_file import read_tensors, write_tensors
from stelnet.terms import LOG_AGE_UNIVERSE, STAGES

if TYPE_CHECKING:
    from stelnet.inference.exact import Cube

#: Name of the model.
NAME = "posterior"
#: Last EEP before the ZAMS.
ZAMS_EEP = 202
#: The model holds between these metallicities [dex].
FEH = (-2.0, 0.5)
#: Nodes of a raster in each direction, and the step of metallicities [dex].
SIZE, FEH_STEP = 128, 0.25


def write_posterior(
    path: str | Path,
    network: str | Path,
    cube: "Cube",
    metadata: Mapping[str, Any],
    size: int = SIZE,
    correction: str | Path | None = None,
) -> None:
    """Write the file of a model, the same bytes for the same inputs.

    Parameters
    ----------
    network
        File of the network.
    cube
        The isochrones that it was trained on.
    metadata
        More to tell, JSON values.
    size
        Nodes of a raster in each direction.
    correction
        File of what real stars teach beyond the isochrones, see :mod:`stelnet.inference.correction`.

    Raises
    ------
    DataError
        The file of the network or of the correction is absent or damaged.
    """
    tensors, text, _ = read_tensors(network)
    if correction is not None:
        shifts, about, _ = read_tensors(correction)
        tensors |= {name: shift.astype(np.float16) for name, shift in shifts.items()}
        text["correction"] = about["correction"]
    feh = np.arange(FEH[0], FEH[1] + FEH_STEP / 2, FEH_STEP)
    feh = feh[(feh >= cube.feh[0] - 1e-6) & (feh <= cube.feh[-1] + 1e-6)]
    ages = cube.log_age <= LOG_AGE_UNIVERSE
    planes = np.stack([cube.plane(value)[ages] for value in feh])[..., 2:]
    stages = {"pre": planes[:, :, :ZAMS_EEP], "post": planes[:, :, ZAMS_EEP - 1 :]}
    low, high = np.nanmin(planes, axis=(0, 1, 2)), np.nanmax(planes, axis=(0, 1, 2))
    limits = dict(zip(("log_teff", "log_lum"), zip(low.tolist(), high.tolist(), strict=True), strict=True))
    raster = domain.Raster.around({"both": limits})
    for stage, isochrones in stages.items():
        fields = [domain.distance_fields(plane, raster, size) for plane in isochrones]
        tensors[f"domain/{stage}"] = np.stack(fields)
    tensors["domain/feh"] = feh.astype(np.float32)
    line = cube.plane(0.0)[ages, ZAMS_EEP - 1]
    known = np.isfinite(line).all(axis=1)
    columns = {"curves/log_mass": line[:, 1], "zams/log_teff": line[:, 2], "zams/log_lum": line[:, 3]}
    columns["curves/log_age_zams"] = cube.log_age[ages]
    # the same numbers for readers in any order: from the lightest
    order = np.flatnonzero(known)[np.argsort(line[known, 1])]
    tensors |= {name: column[order].astype(np.float32) for name, column in columns.items()}
    own = {"name": NAME, "raster": {"log_teff": raster.log_teff, "log_lum": raster.log_lum}}
    write_tensors(path, tensors, {**text, **metadata, **own})


def read_posterior(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    """Return tensors, metadata and SHA-256 of a model's file.

    Raises
    ------
    DataError
        The file is absent, damaged, or not complete.
    """
    tensors, text, sha256 = read_tensors(path)
    try:
        metadata = decoded(text)
        contents.check_marks(metadata, (NAME,))
        contents.raster(metadata["raster"], "raster")
        corrected = metadata["correction"]["limits"] if "correction" in metadata else {}
        for stage, limits in corrected.items():
            contents.raster(limits, f"correction.limits.{stage}")
        outputs = mixture_network.check_metadata(metadata)
        contents.check_tensors(tensors, contents.posterior(COUNT, outputs, list(corrected)))
        if corrected.keys() - set(STAGES):
            raise ValueError(f"a correction of {', '.join(corrected)}")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise refused(path, error) from error
    return tensors, metadata, sha256
