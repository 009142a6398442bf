"""Simulation-based calibration of the exact posterior and of the posterior network."""

import numba
import pandas as pd

from stelnet.evaluation import tables
from stelnet.evaluation.calibration import CASES, calibration, ranks, simulate
from stelnet.inference.exact import Cube, Exact
from stelnet.inference.mixture_network import MixtureNetwork
from stelnet.inference.observed import JOINT
from stelnet.io import write_table
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, inputs, rows, drawn = settings(snakemake), snakemake.input, [], []
    numba.set_num_threads(snakemake.threads)
    cube, seed = Cube.read(inputs.cube), config["seed"]
    methods = {"exact": Exact(cube), "posterior": MixtureNetwork.read(inputs.network)}
    for prior, feh in CASES:
        stars = simulate(cube, prior, feh, seed)
        for name, method in methods.items():
            rank = ranks(method, stars, prior, seed)
            rows.append(calibration(rank, name, prior, feh))
            keys = {"method": name, "prior": prior, "feh": feh}
            drawn.append(pd.DataFrame(dict(zip(JOINT, rank, strict=True))).assign(**keys))
    write_table(pd.concat(drawn, ignore_index=True), snakemake.output.ranks, {"seed": str(seed)})
    scores = pd.concat(rows, ignore_index=True)
    text = tables.as_text(scores, {"value": 3})
    text = text.pivot_table(
        index=["method", "prior", "feh", "quantity", "n"],
        columns="metric",
        values="value",
        aggfunc="first",
        sort=False,
    )
    caption = "Ranks of true values among draws from their posteriors, simulated stars of all error sizes"
    notes = [
        "ks: Kolmogorov-Smirnov distance from even ranks; its 1 % level is 1.63 / sqrt(n). "
        "coverage68 and coverage95: shares of true values within the central intervals."
    ]
    tables.write(scores, snakemake.output.csv, text.reset_index(), caption, [*notes, *tables.notes(config)])
