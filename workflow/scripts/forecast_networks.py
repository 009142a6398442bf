"""Forecasts of ensembles of networks for stars of catalogues and clusters.

The published networks are scored as they are; ours of transfer learning are retrained for every split.
"""

import pandas as pd
import torch

from stelnet import choices
from stelnet.evaluation.folds import IN_SAMPLE, UNSEEN, by_catalogue, splits
from stelnet.evaluation.heldout import NETWORKS, as_rows, labels_of, of_ensemble
from stelnet.io import read_table, require_one_sky, write_table
from stelnet.provenance.job import job, settings
from stelnet.terms import STAGES
from stelnet.training.networks import load_ensemble
from stelnet.training.retraining import retrain
from stelnet.training.sample import draw_sample

with job(snakemake) as log:
    torch.set_num_threads(snakemake.threads)
    config, inputs, tables = settings(snakemake), snakemake.input, []
    seed, transfer, boots = config["seed"], config["transfer"], list(range(config["training"]["bootstraps"]))

    def score(method, protocol, stars, ensemble):
        members = ensemble.predict(stars["log_teff"].to_numpy(), stars["log_lum"].to_numpy())
        tables.append(as_rows(stars, of_ensemble(members, labels_of(stars)), method, NETWORKS, protocol))

    skies = {}
    for stage in STAGES:
        stars, members = (
            pd.concat(map(read_table, inputs[f"{stage}_{name}"]), ignore_index=True)
            for name in ("catalogues", "clusters")
        )
        mist, baseline = read_table(inputs[f"{stage}_mist"]), load_ensemble(inputs[f"{stage}_baseline"])
        skies |= {f"{stage} stars": read_table(inputs[f"{stage}_catalogues"][0]), f"{stage} MIST": mist}
        both = pd.concat([stars, members], ignore_index=True)
        score("baseline", UNSEEN, both, baseline)
        for model in ("baseline", "transfer") if config["evaluation"]["published_networks"] else ():
            published = load_ensemble(inputs[f"{stage}_published_{model}"])
            score(f"published {model}", UNSEEN if model == "baseline" else IN_SAMPLE, stars, published)
            score(f"published {model}", UNSEEN, members, published)
        start = baseline.select([transfer["start_bootstrap"]])
        own = choices.transfer_settings(transfer, stage)
        for number, (protocol, learnt, scored) in enumerate(splits(stars, seed, stage)):
            names = ("heldout", protocol, number, stage)
            pools = by_catalogue(stars, learnt)
            plan = {name: config["catalogues"][name] for name in pools}
            sample = draw_sample(pools, mist, plan, transfer["mist_points"], seed, names)
            ensemble, _ = retrain(start, sample, boots, own, seed, names)
            score("transfer", protocol, stars[scored], ensemble)
            if protocol == IN_SAMPLE:
                score("transfer", UNSEEN, members, ensemble)
    simulated = require_one_sky(skies)
    forecasts = pd.concat(tables, ignore_index=True)
    write_table(forecasts, snakemake.output[0], {"simulated": str(simulated).lower(), "seed": str(seed)})
