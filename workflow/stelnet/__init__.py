"""Stellar ages and masses from neural networks: the library behind the workflow.

Each rule of the workflow calls one small script, and each script a few functions of this package.
Nothing here imports snakemake, and no module knows where files are: paths live in the rules.
"""

__version__ = "0.1.0"
