"""Figures 5 and 6, and one of each further cluster: predicted ages and masses of its members."""

from stelnet.evaluation.scores import of_samples
from stelnet.io import read_table, require_one_sky
from stelnet.plotting import clusters, style
from stelnet.provenance.job import job, settings

with job(snakemake):
    models = {model: read_table(snakemake.input[model]) for model in style.MODELS}
    simulated = require_one_sky(models)
    cluster = snakemake.params.cluster
    label = settings(snakemake)["clusters"][cluster]["label"]
    members = {model: of_samples(stars, [cluster]) for model, stars in models.items()}
    figure = clusters.predictions_figure(members, label)
    style.save(figure, snakemake.output, f"Predicted ages and masses of {label}", simulated)
