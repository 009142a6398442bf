"""Write a simulated star list, as a user might bring one."""

from stelnet.io import write_table
from stelnet.provenance.job import job, settings
from stelnet.simulation.field import star_list

with job(snakemake):
    config, name = settings(snakemake), snakemake.wildcards.star_list
    stars = star_list(config["star_lists"][name]["rows"], config["seed"], name)
    write_table(stars, snakemake.output[0], {"simulated": "true"})
