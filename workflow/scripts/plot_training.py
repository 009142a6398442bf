"""Draw the losses of one block of networks by epoch."""

import pandas as pd

from stelnet.plotting import style
from stelnet.plotting.training import figure
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, wildcards = settings(snakemake), snakemake.wildcards
    losses = pd.read_csv(snakemake.input[0])
    title = f"{wildcards.baseline.replace('_', ' ')}, {wildcards.stage}-ZAMS"
    drawn = figure(losses, title, config["training"]["loss"])
    style.save(drawn, snakemake.output, title, config["simulated"])
