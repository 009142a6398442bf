"""Draw stars anywhere on the grid, and from their exact posteriors, to train the posterior network on."""

import numba

from stelnet.inference.exact import Cube, Exact
from stelnet.provenance.job import job, settings
from stelnet.safetensors_file import write_tensors
from stelnet.seeds import derived_seed
from stelnet.training.posterior_sample import sample

with job(snakemake) as log:
    numba.set_num_threads(snakemake.threads)
    config, cube = settings(snakemake), Cube.read(snakemake.input[0])
    own = config["posterior"]
    found = sample(
        Exact(cube), own["stars"], own["draws"], derived_seed(config["seed"], "posterior", "sample")
    )
    log.info("%d stars", len(found["p_pre"]))
    write_tensors(snakemake.output[0], found, cube.metadata)
