"""Catalogues and clusters in one standard form: each module of this folder adapts one kind of raw table.

An adapter of a catalogue has ``read_catalogue(files, *, source, variant, max_abs_feh) -> Rows``, one of
clusters ``read_cluster(files, *, source, stage, names, zams) -> Rows``; docs/catalogues.md shows how to write
one. What they share is in `_common`; a name that begins with an underscore is no adapter.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from stelnet.catalogues._common import MASS_GRID, RawFile, Rows, checked, number, text
from stelnet.errors import ConfigError, DataError
from stelnet.files import PACKAGE
from stelnet.terms import STAR_COLUMNS

_ERROR = number(0.0, 10.0, "dex, or NaN where it is unknown", empty=True)
_NAME = pa.Column(str, unique=True, coerce=True, description="a name that no other star of the table has")

#: What each column of the standard star table holds.
STARS: dict[str, pa.Column] = {
    "star_id": _NAME,
    "catalogue": text(),
    "stage": text("pre", "post"),
    "log_teff": number(3.0, 5.5, "dex(K)"),
    "e_log_teff": _ERROR,
    "log_lum": number(-5.0, 7.5, "dex(Lsun)"),
    "e_log_lum": _ERROR,
    "log_age": number(1.0, 10.5, "dex(yr)"),
    "e_log_age_lo": _ERROR,
    "e_log_age_hi": _ERROR,
    "log_mass": number(
        np.log10(MASS_GRID[0]), np.log10(MASS_GRID[1]), "dex(Msun), a mass of the MIST tracks"
    ),
    "e_log_mass_lo": _ERROR,
    "e_log_mass_hi": _ERROR,
    "feh": number(-5.0, 1.0, "dex", empty=True),
    "feh_source": text("measured", "assumed"),
    "ra": number(0.0, 360.0, "deg", empty=True),
    "dec": number(-90.0, 90.0, "deg", empty=True),
}
assert list(STARS) == list(STAR_COLUMNS)


def standardise(
    adapter: str,
    paths: Mapping[str, Path],
    *,
    vizier: Mapping[str, Mapping[str, Any]],
    catalogue: str,
    stage: str,
    source: str,
    variant: str,
    max_abs_feh: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn the raw files of a catalogue into a standard star table.

    Parameters
    ----------
    adapter
        Module of this folder.
    paths
        Role (as in the configuration's ``inputs``) -> raw file.
    vizier
        Role -> ``vizier`` entry of its dataset in resources/datasets.yaml, for tables of VizieR.
    catalogue, stage
        Key of the catalogue and side of the ZAMS (pre, post), written to every row.
    source
        Where the raw files come from: assembled or vizier.
    variant
        published: as in the paper; corrected: with the catalogue's known faults mended.
    max_abs_feh
        Stars of a measured \\|[Fe/H]\\| [dex] that is not below it are left out.

    Returns
    -------
    The stars, columns :data:`stelnet.terms.STAR_COLUMNS`; the rows left out, columns row (data row of the raw
    file, from 1), star_id, reason.

    Raises
    ------
    DataError
        A raw file, or what the adapter makes of it, is not as it should be.
    ConfigError
        The adapter does not exist or is one of clusters.
    """
    read = _function(adapter, "read_catalogue")
    rows = read(_raw_files(paths, vizier), source=source, variant=variant, max_abs_feh=max_abs_feh)
    return _standard(rows, catalogue, stage)


def standardise_cluster(
    adapter: str,
    paths: Mapping[str, Path],
    *,
    vizier: Mapping[str, Mapping[str, Any]],
    cluster: str,
    stage: str,
    source: str,
    names: list[str],
    zams: pd.DataFrame | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn the raw files of a cluster's members into a standard star table; see :func:`standardise`.

    Parameters
    ----------
    names
        What the raw files call the cluster.
    zams
        Table of :func:`stelnet.data.zams.zams_table`, by which members on the
        other side of the ZAMS are left out;
        None where the raw file holds one side already.
    """
    read = _function(adapter, "read_cluster")
    rows = read(_raw_files(paths, vizier), source=source, stage=stage, names=names, zams=zams)
    return _standard(rows, cluster, stage)


def _raw_files(paths: Mapping[str, Path], vizier: Mapping[str, Mapping[str, Any]]) -> dict[str, RawFile]:
    return {role: RawFile(Path(path), vizier.get(role)) for role, path in paths.items()}


def _function(adapter: str, name: str) -> Callable[..., Rows]:
    """Return a function of an adapter module; ConfigError when there is none."""
    module_name = f"{__name__}.{adapter}"
    try:
        function: Callable[..., Rows] = getattr(importlib.import_module(module_name), name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise ConfigError(f"adapter {adapter!r}: no such module in {PACKAGE / 'catalogues'}.")
    except AttributeError:
        raise ConfigError(f"adapter {adapter!r}: its module has no function {name}.")
    return function


def _standard(rows: Rows, name: str, stage: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Complete and check an adapter's standard columns; without a metallicity, solar is assumed."""
    if rows.table.empty:
        dropped = rows.dropped
        raise DataError(f"{name}: all {len(dropped)} rows were left out, the first: {dropped['reason'][0]}.")
    stars = rows.table.assign(catalogue=name, stage=stage)
    if "feh" not in stars:
        stars = stars.assign(feh=0.0, feh_source="assumed")
    stars = stars.reindex(columns=list(STAR_COLUMNS))
    return checked(stars, STARS, f"stars of {name}").reset_index(drop=True), rows.dropped
