"""Figure 6: predicted ages and masses of the members of the second test cluster."""

from stelnet.evaluation.scores import of_samples
from stelnet.io import read_table, require_one_sky
from stelnet.plotting import clusters, style
from stelnet.provenance.job import job

with job(snakemake):
    models = {model: read_table(snakemake.input[model]) for model in style.MODELS}
    simulated = require_one_sky(models)
    cluster, label = snakemake.params.cluster, snakemake.params.label
    members = {model: of_samples(stars, [cluster]) for model, stars in models.items()}
    figure = clusters.predictions_figure(members, label)
    style.save(figure, snakemake.output, f"Predicted ages and masses of {label}", simulated)
