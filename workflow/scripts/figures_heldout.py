"""Figures of how far posteriors can be trusted."""

import pandas as pd

from stelnet import choices
from stelnet.io import read_table
from stelnet.plotting import heldout, style
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, inputs = settings(snakemake), snakemake.input
    labels = choices.labels(config["catalogues"])
    forecasts = pd.concat(map(read_table, inputs.forecasts), ignore_index=True)
    figures = {
        "reliability": (heldout.reliability(forecasts, list(labels)), "Reliability of intervals"),
        "ranks": (heldout.ranks(read_table(inputs.ranks)), "Ranks of true values, simulated stars"),
        "coverage": (
            heldout.coverage(forecasts, list(labels)),
            "Coverage and information over the H-R diagram",
        ),
        "agreement": (
            heldout.agreement(read_table(inputs.pairs), labels),
            "Posterior network against exact posterior",
        ),
    }
    for name, (figure, title) in figures.items():
        files = [path for path in snakemake.output if f"/{name}." in path]
        style.save(figure, files, title, config["simulated"])
