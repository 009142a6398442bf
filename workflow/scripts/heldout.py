"""Scores of every method on stars that it did not see."""

import pandas as pd

from stelnet import choices
from stelnet.evaluation import tables
from stelnet.evaluation.heldout import summary
from stelnet.evaluation.heldout_table import NOTES, shown
from stelnet.io import read_table
from stelnet.provenance.job import job, settings

with job(snakemake):
    config = settings(snakemake)
    forecasts = pd.concat(map(read_table, snakemake.input), ignore_index=True)
    catalogues = config["catalogues"]
    scores = summary(forecasts, list(catalogues), config["evaluation"]["max_log_tau"], config["seed"])
    labels = choices.labels(catalogues) | choices.labels(config["clusters"])
    caption = "Scores on stars that were not seen, all catalogues of a stage together, stage given"
    tables.write(
        scores, snakemake.output.csv, shown(scores, labels), caption, [*NOTES, *tables.notes(config)]
    )
