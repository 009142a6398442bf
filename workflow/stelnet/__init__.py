"""Stellar ages and masses from neural networks: the library behind the workflow.

Each rule of the workflow calls one small script, and each script a few functions of this package.
Nothing here imports snakemake, and no module knows where files are: paths live in the rules.

>>> import stelnet
>>> stelnet.load().predict([3.7617], [0.0], e_log_teff=0.01, e_log_lum=0.02)["log_age_median"]
"""

from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # numpy and the rest are imported by those who predict only
    if name == "load":
        return import_module("stelnet.inference.model").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
