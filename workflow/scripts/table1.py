"""Table 1: fractions of stars whose predicted ages and masses agree with their catalogue."""

from functools import partial

import pandas as pd

from stelnet.evaluation import tables
from stelnet.evaluation.scores import consistent_fractions, gather
from stelnet.io import read_table
from stelnet.provenance.job import job

with job(snakemake):
    params, inputs = snakemake.params, snakemake.input
    score = partial(consistent_fractions, max_log_tau=params.max_log_tau)
    rows = gather(map(read_table, inputs.predictions), score, params.samples, tables.TABLE1_COLUMNS)
    rows = pd.concat([*(tables.paper_rows(path, "table1") for path in inputs.paper), rows])
    text = tables.as_text(rows, {"fraction": tables.DECIMALS}).replace({"sample": params.labels})
    text["n"] = tables.count_text(rows, ["variant", "sample"])
    shown = tables.side_by_side(
        text, ["variant", "model", "sample", "n"], ["quantity", "source"], ["fraction"]
    )
    caption = f"Fraction of stars with a tension ln(tau) below {params.max_log_tau:g}"
    notes = ["n: stars with error bars; the others do not count.", tables.IN_SAMPLE, *params.notes]
    tables.write(rows, snakemake.output.csv, shown, caption, notes)
