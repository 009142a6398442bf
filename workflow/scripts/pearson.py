"""Pearson coefficients of predicted and reported values, all catalogues of a stage together."""

import pandas as pd

from stelnet import choices
from stelnet.evaluation import tables
from stelnet.evaluation.scores import gather, pearson
from stelnet.io import read_table
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, inputs = settings(snakemake), snakemake.input
    samples = choices.samples(config["catalogues"])
    rows = gather(map(read_table, inputs.predictions), pearson, samples, tables.PEARSON_COLUMNS)
    rows = pd.concat([*(tables.paper_rows(path, "pearson") for path in inputs.paper), rows])
    text = tables.as_text(rows, {"r": tables.DECIMALS})
    text["n"] = tables.count_text(rows, ["variant", "stage"])
    shown = tables.side_by_side(text, ["variant", "stage", "model", "n"], ["quantity", "source"], ["r"])
    caption = "Pearson coefficients of predicted and reported values, all catalogues of a stage together"
    tables.write(rows, snakemake.output.csv, shown, caption, [tables.IN_SAMPLE, *tables.notes(config)])
