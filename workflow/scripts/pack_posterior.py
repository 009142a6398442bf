"""Pack the posterior network, its correction, domain and zero-age main sequence into one file."""

from stelnet.inference.exact import Cube
from stelnet.inference.posterior_file import write_posterior
from stelnet.provenance.job import job

with job(snakemake):
    params, inputs = snakemake.params, snakemake.input
    about = {"training": params.config["values"], **params.about}
    write_posterior(
        snakemake.output[0], inputs.network, Cube.read(inputs.cube), about, correction=inputs.correction
    )
