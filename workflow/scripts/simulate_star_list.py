"""Write a simulated star list, as a user might bring one."""

from stelnet.io import write_table
from stelnet.provenance.job import job
from stelnet.simulation.field import star_list

with job(snakemake):
    stars = star_list(snakemake.params.rows, snakemake.params.seed, snakemake.wildcards.star_list)
    write_table(stars, snakemake.output[0], {"simulated": "true"})
