"""Simulation-based calibration of the exact posterior and of the posterior network."""

import numba
import pandas as pd

from stelnet.evaluation import tables
from stelnet.evaluation.calibration import CASES, agreement, agreement_rows, calibration, ranks, simulate
from stelnet.evaluation.heldout import Stars
from stelnet.inference.exact import Cube, Exact
from stelnet.inference.mixture_network import MixtureNetwork
from stelnet.inference.observed import JOINT
from stelnet.io import read_table, write_table
from stelnet.provenance.job import job, settings
from stelnet.terms import MISSING

with job(snakemake):
    config, inputs, rows, drawn = settings(snakemake), snakemake.input, [], []
    numba.set_num_threads(snakemake.threads)
    cube, seed = Cube.read(inputs.cube), config["seed"]
    exact, network = Exact(cube), MixtureNetwork.read(inputs.network)
    for prior, feh in CASES:
        stars = simulate(cube, prior, feh, seed, config["evaluation"]["calibration_stars"])
        for name, method in (("exact", exact), ("posterior", network)):
            rank = ranks(method, stars, prior, seed)
            rows.append(calibration(rank, name, prior, feh))
            keys = {"method": name, "prior": prior, "metallicity": feh}
            drawn.append(pd.DataFrame(dict(zip(JOINT, rank, strict=True))).assign(**keys))
    pairs = agreement(exact, network, Stars.of([read_table(path) for path in inputs.catalogues], []), seed)
    write_table(pd.concat(drawn, ignore_index=True), snakemake.output.ranks, {"seed": str(seed)})
    write_table(pairs, snakemake.output.pairs, {"seed": str(seed)})
    scores = pd.concat([*rows, agreement_rows(pairs, seed)], ignore_index=True)
    text = tables.as_text(scores, {"value": 3}).pivot_table(
        index=["method", "prior", "feh", "quantity", "n"],
        columns="metric",
        values="value",
        aggfunc="first",
        sort=False,
    )
    caption = "Ranks of true values among draws from their posteriors, simulated stars of all error sizes"
    notes = [
        "ks: Kolmogorov-Smirnov distance from even ranks; its 1 % level is 1.63 / sqrt(n). "
        "coverage68, coverage95: shares of true values within the central intervals. "
        "w1 [dex] and p_pre_error: mean distance of the network from the exact posterior, stage open."
    ]
    shown = text.fillna(MISSING).reset_index()
    tables.write(scores, snakemake.output.csv, shown, caption, [*notes, *tables.notes(config)])
