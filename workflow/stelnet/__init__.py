"""Stellar ages and masses from neural networks: the library behind the workflow.

Each rule of the workflow calls one small script, and each script a few functions of this package.
Nothing here imports snakemake, and no module knows where files are: paths live in the rules.

>>> import stelnet
>>> from astropy.table import Table
>>> stelnet.predict(Table.read("resources/examples/bright_stars.csv"))
>>> stelnet.load().predict([3.7617], [0.0], e_log_teff=0.01, e_log_lum=0.02)["log_age_median"]
"""

from typing import TYPE_CHECKING

import lazy_loader

from stelnet._version import __version__

if TYPE_CHECKING:
    from stelnet.inference.loading import load as load
    from stelnet.starlists.from_python import predict as predict

# numpy and the rest are imported by those who predict only
__getattr__, __dir__, _lazy = lazy_loader.attach(
    __name__, submod_attrs={"inference.loading": ["load"], "starlists.from_python": ["predict"]}
)
__all__ = ["__version__", *_lazy]
