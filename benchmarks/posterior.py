"""How close the posterior network is to the exact posterior, how well calibrated, and how fast both are.

    python benchmarks/posterior.py [--results results] [--stars 4000]

Needs the cube of isochrones and the network of a finished run (results/models/posterior). Stars are simulated
anywhere on the grid, others than the network learned from; its section of RESULTS.md is written anew. Speeds
are stars for each CPU second, the best of three.
"""

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from scipy.special import ndtr
from scipy.stats import kstest

from stelnet.files import write_text
from stelnet.inference.exact import Cube, Exact
from stelnet.inference.gaussians import Coordinates
from stelnet.inference.mixture_network import MixtureNetwork
from stelnet.inference.observed import AgePrior, Observed
from stelnet.training.posterior_sample import Places

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks/RESULTS.md"
QUANTITIES = {"log_age": "log age", "log_mass": "log mass", "feh": "[Fe/H]"}
#: Errors [dex K], [dex Lsun] -> what they are called; stars are sorted into the first that encloses theirs.
SIZES = {"small": (0.025, 0.1), "middling": (0.06, 0.3), "large": (np.inf, np.inf)}
#: Stars of the measurements of speed.
TIMED = 16384
DRAWS = 16


def distances(
    network: MixtureNetwork, exact: Exact, stars: Observed, prior: AgePrior
) -> dict[str, np.ndarray]:
    """Return the first Wasserstein distances (n,) [dex] of age and mass, and the differences of p_pre."""
    found: dict[str, np.ndarray] = {
        name: np.full(len(stars), np.nan) for name in ("log_age", "log_mass", "p_pre")
    }
    for factor, rows in exact.groups(stars):
        some = stars[rows]
        true = exact.densities(some, factor, np.full(len(rows), prior.gamma), prior, None)
        mixtures = network.mixtures(some, prior)
        means, sds = mixtures.marginals()
        for i, density in enumerate((true.log_age, true.log_mass)):
            name = ("log_age", "log_mass")[i]
            edges = exact.edges[name]
            values = np.zeros((len(edges), 3))
            values[:, i] = edges
            y = Coordinates.of(values)[:, i].astype(float)
            cumulated = sum(
                weight[:, None] * ndtr((y - mean[:, None]) / sd[:, None])
                for weight, mean, sd in zip(mixtures.weights, means[i], sds[i], strict=True)
            )
            expected = np.cumsum(density.sum(axis=1), axis=1)
            difference = cumulated[:, 1:] - expected / expected[:, -1:]
            found[name][rows] = np.abs(difference).sum(axis=1) * (edges[1] - edges[0])
        by_stage = true.planes.sum(axis=2)
        found["p_pre"][rows] = np.abs(mixtures.p_pre - by_stage[:, 0] / by_stage.sum(axis=1))
    return found


def ranks(network: MixtureNetwork, stars: Observed, truth: np.ndarray, prior: AgePrior) -> np.ndarray:
    """Return where the truths (3, n) are in the posteriors, as shares of their probability."""
    mixtures = network.mixtures(stars, prior)
    y = np.moveaxis(Coordinates.of(np.moveaxis(truth, 0, -1)), -1, 0)
    means, sds = mixtures.marginals()
    return (mixtures.weights * ndtr((y[:, None] - means) / sds)).sum(axis=1)


def speed(work: Callable[[], object], stars: int) -> float:
    """Return stars for each CPU second."""
    best = np.inf
    work()
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return stars / best


def section(network: MixtureNetwork, exact: Exact, count: int) -> str:
    """Return the section's text."""
    rng = np.random.default_rng(20_230_117)
    places = Places(exact)
    closeness, calibration = [], []
    for text in ("field", "log"):
        prior = AgePrior.parse(text)
        stars = places.draw(rng, count)
        drawn, _ = exact.draws(stars, prior, 1, seed=7)
        known = np.isfinite(drawn[0, :, 0])
        stars, truth = stars[np.flatnonzero(known)], drawn[:, known, 0]
        apart = distances(network, exact, stars, prior)
        rank = ranks(network, stars, truth, prior)
        size = np.full(len(stars), "", object)
        for name, (teff, lum) in SIZES.items():
            size[(size == "") & (stars.e_log_teff <= teff) & (stars.e_log_lum <= lum)] = name
        for name in SIZES:
            own = size == name
            values = [f"{np.median(apart[key][own]):.3f} / {np.mean(apart[key][own]):.3f}" for key in apart]
            closeness.append(f"| {text} | {name} | {own.sum()} | {' | '.join(values)} |")
        for i, quantity in enumerate(QUANTITIES.values()):
            u = rank[i]
            cover = [((u > low) & (u < 1 - low)).mean() for low in (0.16, 0.025)]
            calibration.append(
                f"| {text} | {quantity} | {cover[0]:.3f} | {cover[1]:.3f} "
                f"| {kstest(u, 'uniform').statistic:.4f} | {1.63 / len(u) ** 0.5:.4f} |"
            )
    stars = Observed.of(*(np.resize(array, TIMED) for array in (stars.log_teff, stars.log_lum)), 0.01, 0.02)
    numba.set_num_threads(1)
    slow = speed(lambda: exact.answer(stars[np.arange(512)]), 512)
    prior = AgePrior()
    fast = {
        "network, all columns": speed(lambda: network.answer(stars), TIMED),
        f"network, {DRAWS} draws": speed(lambda: network.draws(stars, prior, DRAWS, 1), TIMED),
        "network, all columns, stage given": speed(lambda: network.answer(stars, prior, "post"), TIMED),
    }
    ways = [f"| exact | {slow:,.0f} | 1 |"]
    ways += [f"| {name} | {value:,.0f} | {value / slow:,.0f} |" for name, value in fast.items()]
    return "\n".join(
        [
            "## Posterior network\n",
            f"Against the exact posterior over {count} simulated stars of each prior: median / mean of the",
            "first Wasserstein distance (dex) and of the difference of p_pre, by the size of the errors:\n",
            "| prior | errors | stars | log age | log mass | p_pre |\n|---|---|---|---|---|---|",
            *closeness,
            "\nHow often its 68 % and 95 % intervals cover the truth, and the Kolmogorov-Smirnov distance of",
            "the ranks from uniform ones, with its 1 % level:\n",
            "| prior | quantity | 68 % | 95 % | distance | 1 % level |\n|---|---|---|---|---|---|",
            *calibration,
            "\nStars for each CPU second, [Fe/H] unknown, errors at their floors:\n",
            "| way | stars / s | ratio |\n|---|---|---|",
            *ways,
            "",
        ]
    )


def main() -> None:
    """Measure and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--stars", type=int, default=4000)
    arguments = parser.parse_args()
    folder = arguments.results / "models/posterior"
    exact = Exact(Cube.read(folder / "cube.safetensors"))
    text = section(MixtureNetwork.read(folder / "network.safetensors"), exact, arguments.stars)
    marked = f"<!-- posterior: begin, written by benchmarks/posterior.py -->\n{text}<!-- posterior: end -->\n"
    report = REPORT.read_text()
    old = re.compile(r"<!-- posterior: begin.*<!-- posterior: end -->\n", re.DOTALL)
    report = old.sub(lambda _: marked, report) if old.search(report) else f"{report.rstrip()}\n\n{marked}"
    write_text(report, REPORT)
    print(marked)


if __name__ == "__main__":
    main()
