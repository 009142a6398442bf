"""A cube of isochrones: state of stars by [Fe/H], age and equivalent evolutionary point (EEP)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.safetensors_file import read_tensors, write_tensors

#: What a cube holds of each point, along its last axis: initial and current mass [dex Msun], [dex K],
#: [dex Lsun].
STATE = ("log_initial_mass", "log_mass", "log_teff", "log_lum")


@dataclass(frozen=True)
class Cube:
    """Isochrones on a regular grid.

    Attributes
    ----------
    feh, log_age
        Nodes, ascending, float64 (f,) [dex] and (a,) [dex yr].
    state
        float32 (f, a, eeps, 4): :data:`STATE` at each EEP from 1 on; NaN where an isochrone has no point.
    metadata
        Where it comes from: JSON values.
    """

    feh: Floats
    log_age: Floats
    state: Floats
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_rows(cls, rows: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> Self:
        """Arrange standard rows of isochrones (see :mod:`stelnet.data.isochrones`) as a cube.

        A point that is missing between two others of its isochrone is interpolated linearly in EEP.

        Raises
        ------
        DataError
            Fewer than two nodes in [Fe/H] or age.
        """
        feh, at_feh = np.unique(np.asarray(rows["feh"], float), return_inverse=True)
        log_age, at_age = np.unique(np.round(np.asarray(rows["log_age"], float), 4), return_inverse=True)
        if len(feh) < 2 or len(log_age) < 2:
            raise DataError(
                f"The isochrones have {len(feh)} metallicities and {len(log_age)} ages: needs two of each."
            )
        eep = np.asarray(rows["eep"], int)
        state = np.full((len(feh), len(log_age), eep.max(), len(STATE)), np.nan)
        columns = np.log10(rows["initial_mass"]), rows["log_mass"], rows["log_teff"], rows["log_lum"]
        for i, column in enumerate(columns):
            state[at_feh, at_age, eep - 1, i] = column
        for isochrone in state.reshape(-1, *state.shape[2:]):
            known = np.flatnonzero(np.isfinite(isochrone[:, 0]))
            if len(known) and np.ptp(known) + 1 > len(known):
                gap = np.setdiff1d(np.arange(known[0], known[-1]), known)
                for i in range(len(STATE)):
                    isochrone[gap, i] = np.interp(gap, known, isochrone[known, i])
        return cls(feh, log_age, state.astype(np.float32), dict(metadata or {}))

    def write(self, path: str | Path) -> None:
        """Write the cube to a safetensors file."""
        tensors = {"feh": self.feh, "log_age": self.log_age, "state": self.state}
        write_tensors(path, tensors, {"cube": self.metadata})

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a cube that :meth:`write` wrote.

        Raises
        ------
        DataError
            The file is absent, damaged or no cube.
        """
        tensors, metadata, _ = read_tensors(path)
        try:
            return cls(tensors["feh"], tensors["log_age"], tensors["state"], json.loads(metadata["cube"]))
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}: not a cube of isochrones ({error!r} is missing or wrong in it).")

    def plane(self, feh: float) -> Floats:
        """Return the isochrones of a metallicity (a, eeps, 4), linear between nodes at equal age and EEP."""
        i = int(np.clip(np.searchsorted(self.feh, feh) - 1, 0, len(self.feh) - 2))
        f = (feh - self.feh[i]) / (self.feh[i + 1] - self.feh[i])
        plane: Floats = (1 - f) * self.state[i].astype(float) + f * self.state[i + 1].astype(float)
        return plane
