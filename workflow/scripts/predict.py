"""Predict ages and masses of all stars of a stage with one ensemble."""

from types import SimpleNamespace

import torch

from stelnet import choices
from stelnet.evaluation.scores import predictions
from stelnet.io import read_table, require_one_sky, write_table
from stelnet.provenance.job import job, settings
from stelnet.training.networks import load_ensemble, read_metadata

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    config, stage, paths = settings(snakemake), snakemake.wildcards.stage, snakemake.input.networks
    samples = [name for group in ("catalogues", "clusters") for name in choices.samples(config[group])[stage]]
    stars = dict(zip(samples, map(read_table, snakemake.input.stars), strict=True))
    simulated = require_one_sky({**stars, "networks": SimpleNamespace(attrs=read_metadata(paths[0]))})
    predicted = predictions(stars, load_ensemble(paths).predict)
    metadata = {**snakemake.wildcards, "networks": str(len(paths)), "simulated": str(simulated).lower()}
    write_table(predicted, snakemake.output[0], metadata)
