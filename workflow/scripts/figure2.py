"""Figure 2: predicted against reported ages and masses of the post-ZAMS training samples."""

import pandas as pd

from stelnet.io import read_table, require_one_sky
from stelnet.plotting import comparison, style
from stelnet.provenance.job import job

with job(snakemake):
    models = {model: read_table(snakemake.input[model]) for model in style.MODELS}
    simulated = require_one_sky(models)
    pearson = pd.read_csv(snakemake.input.pearson)
    coefficients = comparison.coefficients(pearson, models, snakemake.params.variant, "post")
    figure = comparison.figure(models, coefficients, snakemake.params.labels)
    style.save(figure, snakemake.output, "Predicted and reported ages and masses, post-ZAMS", simulated)
