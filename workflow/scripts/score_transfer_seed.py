"""Repeat the transfer draw and training of both stages with another seed, in one process, and score it."""

import pandas as pd
import torch

from stelnet import choices
from stelnet.evaluation.scores import predictions, scores
from stelnet.io import read_table, write_csv
from stelnet.provenance.job import job, settings
from stelnet.training.networks import load_ensemble
from stelnet.training.retraining import retrain
from stelnet.training.sample import draw_sample, stream_names

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    config, inputs, tables = settings(snakemake), snakemake.input, []
    seed, transfer, repetition = config["seed"], config["transfer"], int(snakemake.wildcards.repetition)
    max_log_tau = config["evaluation"]["max_log_tau"]
    boots = list(range(config["training"]["bootstraps"]))
    for stage, catalogues in choices.samples(config["catalogues"]).items():
        names = stream_names(config["report_variant"], stage, repetition)
        plan = {name: config["catalogues"][name] for name in catalogues}
        stars = dict(zip(plan, map(read_table, inputs[f"{stage}_stars"]), strict=True))
        mist, start = read_table(inputs[f"{stage}_mist"]), load_ensemble([inputs[f"{stage}_start"]])
        sample = draw_sample(stars, mist, plan, transfer["mist_points"], seed, names)
        own = choices.transfer_settings(transfer, stage)
        ensemble, _ = retrain(start, sample, boots, own, seed, names)
        tables.append(scores(predictions(stars, ensemble.predict), plan, stage, max_log_tau))
    write_csv(pd.concat(tables), snakemake.output[0])
