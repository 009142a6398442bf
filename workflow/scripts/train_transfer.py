"""Retrain a baseline network on one bootstrap of the transfer sample of a variant and stage."""

import json

import torch

from stelnet.io import read_table, sha256_file, write_csv
from stelnet.networks import load_ensemble, save_network
from stelnet.scripting import job
from stelnet.transfer import retrain

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    params, inputs, boot = snakemake.params, snakemake.input, int(snakemake.wildcards.boot)
    sample, start = read_table(inputs.sample), load_ensemble([inputs.start])
    ensemble, losses = retrain(start, sample, [boot], params.settings, params.seed, params.names)
    metadata = {
        "model": "transfer",
        "variant": snakemake.wildcards.variant,
        "stage": snakemake.wildcards.stage,
        "boot": str(boot),
        "simulated": sample.attrs["simulated"],
        "seed": str(params.seed),
        "config": json.dumps(params.settings, sort_keys=True),
        "data": json.dumps({name: sha256_file(path) for name, path in inputs.items()}, sort_keys=True),
    }
    save_network(snakemake.output.network, ensemble, 0, metadata)
    write_csv(losses, snakemake.output.losses)
