"""Figures 2 and 3: predicted against reported ages and masses of the training samples of a stage."""

import pandas as pd

from stelnet import choices
from stelnet.io import read_table, require_one_sky
from stelnet.plotting import comparison, style
from stelnet.provenance.job import job, settings

with job(snakemake):
    params = snakemake.params
    models = {model: read_table(snakemake.input[model]) for model in style.MODELS}
    simulated = require_one_sky(models)
    pearson = pd.read_csv(snakemake.input.pearson)
    coefficients = comparison.coefficients(pearson, models, params.variant, params.stage)
    figure = comparison.figure(models, coefficients, choices.labels(settings(snakemake)["catalogues"]))
    title = f"Predicted and reported ages and masses, {params.stage}-ZAMS"
    style.save(figure, snakemake.output, title, simulated)
