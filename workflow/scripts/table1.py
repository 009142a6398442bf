"""Table 1: fractions of stars whose predicted ages and masses agree with their catalogue."""

from functools import partial

import pandas as pd

from stelnet import choices
from stelnet.evaluation import tables
from stelnet.evaluation.scores import consistent_fractions, gather
from stelnet.io import read_table
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, inputs = settings(snakemake), snakemake.input
    max_log_tau = config["evaluation"]["max_log_tau"]
    samples, labels = choices.samples(config["catalogues"]), choices.labels(config["catalogues"])
    score = partial(consistent_fractions, max_log_tau=max_log_tau)
    rows = gather(map(read_table, inputs.predictions), score, samples, tables.TABLE1_COLUMNS)
    rows = pd.concat([*(tables.paper_rows(path, "table1") for path in inputs.paper), rows])
    text = tables.as_text(rows, {"fraction": tables.DECIMALS}).replace({"sample": labels})
    text["n"] = tables.count_text(rows, ["variant", "sample"])
    shown = tables.side_by_side(
        text, ["variant", "model", "sample", "n"], ["quantity", "source"], ["fraction"]
    )
    caption = f"Fraction of stars with a tension ln(tau) below {max_log_tau:g}"
    notes = ["n: stars with error bars; the others do not count.", tables.IN_SAMPLE, *tables.notes(config)]
    tables.write(rows, snakemake.output.csv, shown, caption, notes)
