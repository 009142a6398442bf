"""How much faster the baseline networks learn than by the naive recipe, measured side by side.

    python benchmarks/training.py [--results results] [--cap 300]

Needs the MIST tables of a finished run (results/mist). The naive recipe is the paper's as printed:
one network at a time, all rows in every step, Adam at 1e-3 on the squared error of min-max scaled
values. Both are asked for the same thing: the CPU seconds, on one thread, until ONE network's mean
absolute error on the held-out rows is that of the ensemble that the paper's authors published. The
naive training is cut off after `cap` seconds a stage; if it has not
come so far by then, its time and the ratio are lower bounds.
"""

import argparse
import re
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from stelnet.files import read_json, write_text
from stelnet.io import read_table
from stelnet.training.baseline import train_block
from stelnet.training.networks import INPUTS, OUTPUTS, Scaling

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks/RESULTS.md"
#: Error of the published ensemble of each stage: log age, log mass [dex].
PUBLISHED = {"pre": (0.030, 0.013), "post": (0.109, 0.023)}
#: Bootstraps that ours trains at once.
BLOCK = 4
#: Shares of the configured epochs that are tried until one gets there.
SHARES = (0.025, 0.05, 0.1, 0.2, 0.4)


def errors(predicted: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """Mean absolute error of log age and log mass of predictions (n, 2)."""
    return np.abs(predicted - rows[list(OUTPUTS)].to_numpy()).mean(axis=0)


def naive(training: pd.DataFrame, test: pd.DataFrame, scaling: Scaling, goal: tuple, cap: float) -> tuple:
    """Return CPU seconds spent, seconds a step, lowest errors (2,), and whether the goal was reached."""
    torch.manual_seed(0)
    sizes = [2] + [50] * 10 + [2]
    layers = [layer for i, o in pairwise(sizes) for layer in (torch.nn.Linear(i, o), torch.nn.ReLU())]
    network = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    x, y = (
        torch.from_numpy(scale(*(training[name] for name in names))).float()
        for scale, names in ((scaling.inputs, INPUTS), (scaling.outputs, OUTPUTS))
    )
    x_test = torch.from_numpy(scaling.inputs(*(test[name] for name in INPUTS))).float()
    spent, steps, curve = 0.0, 0, []
    while spent < cap:
        start = time.process_time()
        for _ in range(25):
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(network(x), y).backward()
            optimiser.step()
        spent += time.process_time() - start
        steps += 25
        with torch.no_grad():
            error = errors(scaling.unscale(network(x_test).double().numpy()), test)
        curve.append([spent, *error])
        if (error <= goal).all():
            return spent, spent / steps, error, True
    return spent, spent / steps, np.min(curve, axis=0)[1:], False


def ours(rows: pd.DataFrame, scaling: Scaling, settings: dict, stage: str, share: float) -> tuple:
    """Return CPU seconds a network, the worst single network's errors and the ensemble's, for some epochs."""
    settings = settings | {"epochs": max(1, round(share * settings["epochs"][stage])), "device": "cpu"}
    held_out = rows["test_rows"].to_numpy()
    start = time.process_time()
    ensemble, _ = train_block(rows, held_out, scaling, range(BLOCK), settings, 0, ("benchmark", stage))
    seconds = (time.process_time() - start) / BLOCK
    test = rows[held_out]
    predicted = ensemble.predict(*(test[name] for name in INPUTS))
    worst = np.max([errors(one, test) for one in predicted], axis=0)
    return seconds, worst, errors(predicted.mean(axis=0), test)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="output_dir of a finished run")
    parser.add_argument("--cap", type=float, default=300, help="CPU seconds of naive training a stage")
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["training"]
    bounds = read_json(options.results / "mist/bounds.json")
    lines, totals = [], np.zeros(2)
    for stage, goal in PUBLISHED.items():
        rows, scaling = read_table(options.results / f"mist/{stage}.parquet"), Scaling(bounds[stage])
        slow, step, best, reached = naive(
            rows[~rows.test_rows], rows[rows.test_rows], scaling, goal, options.cap
        )
        for share in SHARES:
            fast, worst, _ = ours(rows, scaling, settings, stage, share)
            if (worst <= goal).all():
                break
        else:
            raise SystemExit(
                f"{stage}: ours does not reach {goal} in {SHARES[-1]:.0%} of the epochs: {worst}"
            )
        whole, _, final = ours(rows, scaling, settings, stage, 1.0)
        more = "" if reached else "> "
        lines.append(
            f"| {stage} | {goal[0]:.3f} / {goal[1]:.3f} | {more}{slow:.0f} s ({1000 * step:.0f} ms a step) "
            f"| {best[0]:.3f} / {best[1]:.3f} | {fast:.2f} s | {more}{slow / fast:.0f} "
            f"| {whole:.1f} s | {final[0]:.4f} / {final[1]:.4f} |"
        )
        print(lines[-1], flush=True)
        totals += 20 * np.array([fast, whole])
    section = f"""<!-- training: begin, written by benchmarks/training.py -->
## Training of the baseline networks

CPU time of one network on one thread, until its error on held-out rows (mean absolute, log age / log mass,
dex) is that of the published ensemble. Naive: full-batch Adam at 1e-3 on the squared error, one network at a
time, cut off after {options.cap:.0f} s; beside it the lowest errors by then. Where it did not get there, its
time and the ratio are lower bounds. Ours: {BLOCK} networks at once, the worst of them counted;
"whole" is the training as configured, with the error of the ensemble of {BLOCK} at its end.

| stage | to reach | naive | error by then | ours | ratio | ours, whole | error at its end |
|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}

For 2 x 20 networks ours takes {totals[0] / 60:.1f} min to the published error and {totals[1] / 60:.1f} min
for the whole training, of one core's time.
<!-- training: end -->
"""
    text = (
        REPORT.read_text()
        if REPORT.exists()
        else "# Benchmarks\n\nWritten by the scripts beside this file.\n\n"
    )
    old = re.compile(r"<!-- training: begin.*<!-- training: end -->\n", re.DOTALL)
    text = old.sub(lambda _: section, text) if old.search(text) else f"{text.rstrip()}\n\n{section}"
    write_text(text, REPORT)


if __name__ == "__main__":
    main()
