"""Forecasts of one posterior for stars of catalogues and clusters, as it is and corrected by other stars."""

from stelnet.evaluation.heldout import Stars, posterior_forecasts
from stelnet.inference.correction import KERNEL
from stelnet.io import read_table, require_one_sky, write_table
from stelnet.provenance.job import job, settings
from stelnet.safetensors_file import write_tensors

with job(snakemake) as log:
    config, inputs, wildcards = settings(snakemake), snakemake.input, snakemake.wildcards
    catalogues, clusters = (
        {path: read_table(path) for path in inputs[key]} for key in ("catalogues", "clusters")
    )
    simulated = require_one_sky(catalogues | clusters)
    if wildcards.posterior == "exact":
        import numba

        from stelnet.inference.exact import Cube, Exact

        numba.set_num_threads(snakemake.threads)
        method = Exact(Cube.read(inputs.method))
    else:
        from stelnet.inference.mixture_network import MixtureNetwork

        method = MixtureNetwork.read(inputs.method)
    stars = Stars.of(list(catalogues.values()), list(clusters.values()))
    forecasts, correction = posterior_forecasts(method, wildcards.posterior, stars, config["seed"])
    log.info("%d forecasts of %d stars", len(forecasts), len(stars.table))
    metadata = {"simulated": str(simulated).lower(), "seed": str(config["seed"])}
    write_table(forecasts, snakemake.output.forecasts, metadata)
    about = {"limits": correction.limits(), "kernel": KERNEL._asdict()}
    write_tensors(snakemake.output.correction, correction.tensors(), metadata | {"correction": about})
