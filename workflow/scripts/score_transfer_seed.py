"""Repeat the transfer draw and training of both stages with another seed, in one process, and score it."""

import pandas as pd
import torch

from stelnet.evaluation.scores import predictions, scores
from stelnet.io import read_table, write_csv
from stelnet.provenance.job import job
from stelnet.training.networks import load_ensemble
from stelnet.training.retraining import retrain
from stelnet.training.sample import draw_sample

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    params, inputs, tables = snakemake.params, snakemake.input, []
    for stage, plan in params.plans.items():
        names = (*params.names, stage)
        stars = dict(zip(plan, map(read_table, inputs[f"{stage}_stars"]), strict=True))
        mist, start = read_table(inputs[f"{stage}_mist"]), load_ensemble([inputs[f"{stage}_start"]])
        sample = draw_sample(stars, mist, plan, params.mist_points, params.seed, names)
        ensemble, _ = retrain(start, sample, params.boots, params.settings[stage], params.seed, names)
        tables.append(scores(predictions(stars, ensemble.predict), plan, stage, params.max_log_tau))
    write_csv(pd.concat(tables), snakemake.output[0])
