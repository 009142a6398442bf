"""Errors of the baseline ensembles, and of plain interpolation, at MIST points held out of training."""

import pandas as pd
import torch

from stelnet.evaluation import tables
from stelnet.evaluation.scores import interpolate, point_errors
from stelnet.io import read_table
from stelnet.provenance.job import job, settings
from stelnet.terms import STAGES
from stelnet.training.networks import load_ensemble

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    config, params, inputs, results = settings(snakemake), snakemake.params, snakemake.input, []
    for stage in STAGES:
        points = read_table(inputs[f"{stage}_points"])
        for split in params.splits:
            held_out = points[f"test_{split}"]
            test = points[held_out].reset_index(drop=True)
            predicted = {("delaunay", "interpolation"): interpolate(points[~held_out], test)}
            for source in params.sources:
                ensemble = load_ensemble(inputs[f"{stage}_{split}_{source}"])
                members = ensemble.predict(test["log_teff"].to_numpy(), test["log_lum"].to_numpy())
                predicted["baseline", source] = members.mean(axis=0)
            for (model, source), values in predicted.items():
                keys = {"stage": stage, "model": model, "source": source, "split": split}
                results.append(point_errors(values, test).assign(**keys))
    columns = ["stage", "model", "source", "split", "quantity", "mae", "median_abs", "n"]
    rows = pd.concat(results, ignore_index=True)[columns]
    text = tables.as_text(rows, {"mae": 4, "median_abs": 4}).replace({"source": tables.WORDS})
    values = ["mae", "median_abs"]
    shown = tables.side_by_side(text, ["stage", "split", "source", "n"], ["quantity"], values)
    notes = [
        "Held-out points that the ensemble never saw (split rows), or whole held-out tracks (split tracks); "
        "interpolation is linear between the other points."
    ]
    if "published_networks" in params.sources:
        notes.append("The published networks were trained on part of these points.")
    caption = "Errors at held-out MIST points [dex]: mean over the networks, against the track"
    tables.write(rows, snakemake.output.csv, shown, caption, [*notes, *tables.notes(config)])
