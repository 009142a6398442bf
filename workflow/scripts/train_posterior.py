"""Train the posterior network on draws of exact posteriors."""

import pandas as pd
import torch

from stelnet.io import write_csv
from stelnet.provenance.job import job, settings
from stelnet.safetensors_file import read_tensors
from stelnet.seeds import derived_seed
from stelnet.training.posterior_network import Recipe, train, write_network

with job(snakemake) as log:
    torch.set_num_threads(snakemake.threads)
    config = settings(snakemake)
    sample, about, _ = read_tensors(snakemake.input[0])
    losses = []

    def keep(step: int, parts: dict[str, float]) -> None:
        """Keep the losses of a step."""
        losses.append({"step": step, **parts})
        log.info("step %d: %s", step, ", ".join(f"{name} {value:.4f}" for name, value in parts.items()))

    seed = derived_seed(config["seed"], "posterior", "network") % 2**32
    recipe = Recipe(**config["posterior"])
    network = train(sample, recipe, seed, keep)
    write_network(snakemake.output.network, network, recipe, about)
    write_csv(pd.DataFrame(losses), snakemake.output.losses)
