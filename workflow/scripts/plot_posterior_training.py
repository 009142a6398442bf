"""Draw the losses of the posterior network by step."""

import pandas as pd

from stelnet.plotting import style
from stelnet.plotting.training import course
from stelnet.provenance.job import job, settings

with job(snakemake):
    title = "posterior network"
    drawn = course(pd.read_csv(snakemake.input[0]), title)
    style.save(drawn, snakemake.output, title, settings(snakemake)["simulated"])
