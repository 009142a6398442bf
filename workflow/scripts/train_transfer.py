"""Retrain a baseline network on one block of bootstraps of the transfer sample of a variant and stage."""

import json

import torch

from stelnet import choices
from stelnet.files import sha256_file
from stelnet.io import read_table, write_csv
from stelnet.provenance.job import job, settings
from stelnet.training.networks import load_ensemble, save_network
from stelnet.training.retraining import retrain
from stelnet.training.sample import stream_names

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    params, inputs, config = snakemake.params, snakemake.input, settings(snakemake)
    own = choices.transfer_settings(config["transfer"], params.stage)
    names = stream_names(params.variant, params.stage)
    sample, start = read_table(inputs.sample), load_ensemble([inputs.start])
    ensemble, losses = retrain(start, sample, params.boots, own, config["seed"], names)
    common = {
        "model": "transfer",
        "variant": params.variant,
        "stage": params.stage,
        "simulated": sample.attrs["simulated"],
        "seed": str(config["seed"]),
        "config": json.dumps(own, sort_keys=True),
        "data": json.dumps({name: sha256_file(path) for name, path in inputs.items()}, sort_keys=True),
    }
    for index, (boot, path) in enumerate(zip(params.boots, snakemake.output.networks, strict=True)):
        save_network(path, ensemble, index, {**common, "boot": str(boot)})
    write_csv(losses, snakemake.output.losses)
