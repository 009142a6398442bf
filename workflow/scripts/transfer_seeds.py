"""How much the scores of the transfer networks vary when the whole draw is repeated with other seeds."""

import pandas as pd

from stelnet import choices
from stelnet.evaluation import tables
from stelnet.evaluation.scores import scores
from stelnet.io import read_table
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, inputs = settings(snakemake), snakemake.input
    catalogues, max_log_tau = config["catalogues"], config["evaluation"]["max_log_tau"]
    by_stage = choices.samples(catalogues).items()
    main = [
        scores(read_table(path), samples, stage, max_log_tau)
        for path, (stage, samples) in zip(inputs.predictions, by_stage, strict=True)
    ]
    repeated = [pd.read_csv(path).assign(seed=seed) for seed, path in enumerate(inputs.seeds, start=1)]
    columns = ["seed", "sample", "quantity", "metric", "value"]
    rows = pd.concat([*(table.assign(seed=0) for table in main), *repeated], ignore_index=True)[columns]
    paper = tables.paper_transfer_scores(inputs.paper[0]) if inputs.paper else None
    shown = tables.spread(rows, paper).replace({"sample": choices.labels(catalogues)})
    seeds = len(repeated) + 1
    caption = f"Transfer draw and training with {seeds} seeds ({config['report_variant']} catalogues)"
    notes = [
        "Each seed draws other stars, MIST points and bootstraps; the first is that of the other tables.",
        tables.IN_SAMPLE,
        *tables.notes(config),
    ]
    tables.write(rows, snakemake.output.csv, shown, caption, notes)
