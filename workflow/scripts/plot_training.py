"""Draw the losses of one block of networks by epoch."""

import pandas as pd

from stelnet.plotting import style
from stelnet.plotting.training import figure
from stelnet.provenance.job import job

with job(snakemake):
    params = snakemake.params
    losses = pd.read_csv(snakemake.input[0])
    style.save(figure(losses, params.title, params.loss), snakemake.output, params.title, params.simulated)
