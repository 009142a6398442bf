"""Train the baseline networks of one block of bootstraps as one batched ensemble."""

import json

import torch

from stelnet import choices
from stelnet.files import read_json, sha256_file
from stelnet.io import read_table, write_csv
from stelnet.provenance.job import job, settings
from stelnet.training.baseline import train_block
from stelnet.training.networks import Scaling, save_network

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    params, inputs, config = snakemake.params, snakemake.input, settings(snakemake)
    own = choices.training_settings(config["training"], params.stage)
    rows = read_table(inputs.rows)
    ensemble, losses = train_block(
        rows,
        rows[params.held_out].to_numpy(),
        Scaling(read_json(inputs.bounds)[params.stage]),
        params.boots,
        own,
        seed=config["seed"],
        names=(params.model, params.stage),
    )
    common = {
        "model": params.model,
        "stage": params.stage,
        "held_out": params.held_out,
        "simulated": rows.attrs["simulated"],
        "seed": str(config["seed"]),
        "config": json.dumps(own, sort_keys=True),
        "data": json.dumps({path.rsplit("/", 1)[-1]: sha256_file(path) for path in inputs}, sort_keys=True),
    }
    for index, (boot, path) in enumerate(zip(params.boots, snakemake.output.networks, strict=True)):
        save_network(path, ensemble, index, {**common, "boot": str(boot)})
    write_csv(losses, snakemake.output.losses)
