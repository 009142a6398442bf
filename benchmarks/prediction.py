"""How fast ages and masses are predicted, what memory it takes, and how well the ways agree.

    python benchmarks/prediction.py [--results results] [--model FILE] [--largest 10000000]
                                    [--cap 90] [--ysoisochrone PYTHON]

Needs the MIST tables of a finished run (results/mist) and torch. Every measurement is a process of its own.
The naive way is a loop over networks, each loaded from a PyTorch state dict, with all stars at once; the
brute-force way weighs every MIST point by its likelihood, the initial mass function and the time spent there.
What would take longer than `cap` seconds, judged by fewer stars, is not run.
`ysoisochrone` (PyPI) needs an environment of its own: name its Python, or its row is left out.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks/RESULTS.md"
STAGES = ("pre", "post")
#: Calls that take less [s] are repeated, and the median told.
SHORT, REPEATS = 4.0, 3
#: Stars of the comparisons of table and networks, and of either with the brute-force fit.
COMPARED, FITTED = 20_000, 2_000
#: Way -> what it is called, and the numbers of stars that it is measured with.
WAYS = {
    "naive": ("naive: moments of both stages", (10**3, 10**5, 10**6)),
    "exact_moments": ("networks: moments of both stages", (10**3, 10**5, 10**6)),
    "exact_posterior": ("networks: posterior, inputs without errors", (10**3, 10**5, 10**6)),
    "exact_errors": ("networks: posterior, errors propagated", (10**3, 10**5)),
    "table_moments": ("table: moments of both stages", (10**5, 10**6, 10**7)),
    "table_posterior": ("table: posterior, inputs without errors", (10**5, 10**6, 10**7)),
    "table_errors": ("table: posterior, errors propagated", (10**5, 10**6, 10**7)),
    "brute_force": ("brute-force fit to the MIST points", (10**3, 10**4)),
}
#: Numbers of stars of the whole command; ten are a CSV file.
COMMANDS = (10, 10**3, 10**5, 10**6, 10**7)

PEER_STARS = 300
#: Stars below this age [dex yr] and mass [Msun] are those that the peer's grid of MIST covers.
PEER_AGE, PEER_MASS = (5.8, 7.5), (0.15, 5)
PEER = """
import contextlib, io, json, sys, time
import numpy, pandas, ysoisochrone
t, l, et, el = numpy.load(sys.argv[1])
names = ["Source", "Teff[K]", "e_Teff[K]", "Luminosity[Lsun]", "e_Luminosity[Lsun]"]
teff, lum = 10**t, 10**l
columns = [numpy.arange(len(t)).astype(str), teff, teff * et * numpy.log(10), lum, lum * el * numpy.log(10)]
stars = pandas.DataFrame(dict(zip(names, columns)))
start = time.perf_counter(), time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    fit = ysoisochrone.bayesian.derive_stellar_mass_age(stars, model="MIST_v1p2", force_through=True)
spent = {"seconds": time.perf_counter() - start[0], "cpu": time.process_time() - start[1]}
best = {name: [float(one[0]) for one in value] for name, value in (("mass", fit[0]), ("age", fit[1]))}
print(json.dumps({**spent, **best}))
"""


# --- Processes that are measured --------------------------------------------------------------------------


def prepare(options: argparse.Namespace) -> dict:
    """Write MIST points, stars (such points with the noise of their errors) and the networks' state dicts."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch

    from stelnet.inference.bundle import read_bundle

    random = np.random.default_rng(0)
    tracks = pd.read_parquet(options.results / "mist/tracks.parquet")
    tracks = tracks[tracks["log_age"] < np.log10(13.8e9)]
    steps = tracks.groupby("initial_mass")["log_age"].transform(lambda age: np.gradient(10**age))
    masses = np.unique(tracks["initial_mass"])
    widths = np.gradient(masses)[np.searchsorted(masses, tracks["initial_mass"])]
    slope = np.select([tracks["initial_mass"] < 0.5], [1.3], 2.3)
    # continuous at the break
    imf = tracks["initial_mass"] ** -slope * np.where(slope == 1.3, 2, 1)
    points = tracks[["log_teff", "log_lum", "log_age", "log_mass"]].to_numpy()
    prior = (imf * widths * steps).clip(lower=0).to_numpy()
    np.save(options.folder / "points.npy", np.column_stack([points, prior]))
    stars = np.flatnonzero(tracks["initial_mass"].between(0.1, 8) & (tracks["eep"] <= 605))
    chosen = random.choice(stars, options.largest)
    errors = random.uniform([0.004, 0.01], [0.02, 0.05], (options.largest, 2)).T
    truth = points[chosen].T
    measured = truth[:2] + errors * random.normal(size=errors.shape)
    np.save(options.folder / "stars.npy", np.concatenate([measured, errors]))
    young = (
        (tracks["eep"].to_numpy()[chosen] <= 202)
        & (np.abs(truth[2] - np.mean(PEER_AGE)) < np.ptp(PEER_AGE) / 2)
        & (np.abs(10 ** truth[3] - np.mean(PEER_MASS)) < np.ptp(PEER_MASS) / 2)
    )
    rows = np.flatnonzero(young)[:PEER_STARS]
    np.save(options.folder / "young.npy", np.concatenate([measured, errors])[:, rows])
    bundle = read_bundle(options.model)
    for name, stage in bundle.stages.items():
        for k in range(len(stage.weights[0])):
            pairs = enumerate(zip(stage.weights, stage.biases, strict=True))
            state = {}
            for i, (weight, bias) in pairs:
                state[f"linears.{i}.weight"] = torch.tensor(weight[k])
                state[f"linears.{i}.bias"] = torch.tensor(bias[k])
            torch.save(state, options.folder / f"{name}{k}.pt")
    (options.folder / "bounds.json").write_text(json.dumps(bundle.metadata["bounds"]))
    for n in COMMANDS:
        if n <= options.largest:
            teff, lum = 10 ** measured[:, :n]
            e_teff, e_lum = np.log(10) * errors[:, :n] * (teff, lum)
            columns = {"id": np.arange(n), "teff": teff, "e_teff": e_teff, "lum": lum, "e_lum": e_lum}
            if n == min(COMMANDS):
                pd.DataFrame(columns).to_csv(options.folder / f"{n}.csv", index=False)
            else:
                pq.write_table(pa.table(columns), options.folder / f"{n}.parquet")
    return {}


def naive(folder: Path, log_teff, log_lum) -> None:
    """Moments of both stages, one network after the other, each on all stars."""
    import numpy as np
    import torch

    bounds = json.loads((folder / "bounds.json").read_text())
    for stage in STAGES:
        low, high = np.array(
            [bounds[stage][name] for name in ("log_teff", "log_lum", "log_age", "log_mass")]
        ).T
        inputs = (np.column_stack([log_teff, log_lum]) - low[:2]) / (high - low)[:2]
        x = torch.from_numpy(inputs).float()
        answers = []
        with torch.no_grad():
            for file in sorted(folder.glob(f"{stage}*.pt")):
                state = torch.load(file, weights_only=True)
                sizes = [2, *(len(state[f"linears.{i}.bias"]) for i in range(len(state) // 2))]
                linears = torch.nn.ModuleList(torch.nn.Linear(i, o) for i, o in pairwise(sizes))
                network = torch.nn.ModuleDict({"linears": linears})
                network.load_state_dict(state)
                y = x
                for linear in linears[:-1]:
                    y = torch.relu(linear(y))
                answers.append(low[2:] + (high - low)[2:] * linears[-1](y).numpy())
        np.mean(answers, axis=0), np.std(answers, axis=0)


def brute_force(points, stars, median: bool = False):
    """Fit n stars to every MIST point, one star after the other.

    Parameters
    ----------
    points
        log_teff, log_lum, log_age, log_mass and prior, shape (p, 5).
    stars
        log_teff, log_lum and their errors, shape (4, n).
    median
        Return the medians of log age and log mass, shape (n, 2), not their means and mean squares, (n, 4).
    """
    import numpy as np

    place, prior = points[:, :2].T.astype(np.float32), points[:, 4].astype(np.float32)
    answers = points[:, 2:4]
    moments = np.column_stack([np.ones(len(points)), answers, answers**2]).astype(np.float32)
    ranks = answers.argsort(axis=0).T
    result = []
    for x, y, e_x, e_y in stars.T.astype(np.float32):
        weights = prior * np.exp(-0.5 * (((place[0] - x) / e_x) ** 2 + ((place[1] - y) / e_y) ** 2))
        if median:
            sums = [weights[rank].cumsum(dtype=float) for rank in ranks]
            at = [rank[total.searchsorted(total[-1] / 2)] for rank, total in zip(ranks, sums, strict=True)]
            result.append([answers[at[0], 0], answers[at[1], 1]] if sums[0][-1] > 0 else [np.nan] * 2)
        else:
            total, *sums = weights @ moments
            result.append([value / total for value in sums] if total > 0 else [np.nan] * 4)
    return np.array(result)


def measure(options: argparse.Namespace) -> dict:
    """Time one way of predicting; return seconds of the call and, apart, of the table that it needs."""
    import numpy as np

    stars = np.array(np.load(options.folder / "stars.npy", mmap_mode="r")[:, : options.stars])
    log_teff, log_lum, e_log_teff, e_log_lum = stars
    built = built_cpu = 0.0
    if options.way == "naive":
        # the time of importing it is not what is compared
        import torch  # noqa: F401

        def call():
            naive(options.folder, log_teff, log_lum)

    elif options.way == "brute_force":
        points = np.load(options.folder / "points.npy")

        def call():
            brute_force(points, stars)

    else:
        import stelnet

        model = stelnet.load(path=options.model)
        method, what = options.way.split("_")
        errors = (e_log_teff, e_log_lum) if what == "errors" else (0.0, 0.0)
        if method == "table":
            start = time.perf_counter(), time.process_time()
            model.predict(log_teff[:1], log_lum[:1], method="table")
            built, built_cpu = time.perf_counter() - start[0], time.process_time() - start[1]

        def call():
            if what == "moments":
                model.moments(log_teff, log_lum, method=method)
            else:
                model.predict(log_teff, log_lum, *errors, method=method)

    seconds, spent = [], []
    while not seconds or (len(seconds) < REPEATS and seconds[0] < SHORT):
        start = time.perf_counter(), time.process_time()
        call()
        seconds.append(time.perf_counter() - start[0])
        spent.append(time.process_time() - start[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": statistics.median(seconds),
        "cpu": statistics.median(spent),
        "built": built,
        "built_cpu": built_cpu,
        "peak": peak,
    }


def compare(options: argparse.Namespace) -> dict:
    """Return differences between table and networks, and between the networks and the brute-force fit."""
    import numpy as np

    import stelnet

    stars = np.load(options.folder / "stars.npy", mmap_mode="r")[:, :COMPARED]
    model = stelnet.load(path=options.model)
    result = {}

    def note(name: str, differences) -> None:
        differences = np.abs(differences[np.isfinite(differences)])
        result[name] = [float(differences.mean()), float(np.percentile(differences, 99.9))]

    for what, errors in (("posterior", (0.0, 0.0)), ("errors", stars[2:])):
        exact = model.predict(*stars[:2], *errors, method="exact")
        table = model.predict(*stars[:2], *errors, method="table")
        smooth = np.array(["coarse_table" not in flags for flags in table["flags"]])
        for quantity in ("log_age", "log_mass"):
            median = table[f"{quantity}_median"] - exact[f"{quantity}_median"]
            note(f"{what}/{quantity}/all", median)
            note(f"{what}/{quantity}/unflagged", median[smooth])
        result[f"{what}/flagged"] = float(1 - smooth.mean())
    fitted = brute_force(np.load(options.folder / "points.npy"), stars[:, :FITTED], median=True)
    for q, quantity in enumerate(("log_age", "log_mass")):
        low, median, high = (exact[f"{quantity}_{end}"][:FITTED] for end in ("p16", "median", "p84"))
        known = np.isfinite(median) & np.isfinite(fitted[:, q])
        difference = np.abs(median - fitted[:, q])[known]
        within = ((low <= fitted[:, q]) & (fitted[:, q] <= high))[known]
        result[f"fit/{quantity}"] = [
            float(np.median(difference)),
            float(difference.mean()),
            float(within.mean()),
        ]
    return result


def against_peer(options: argparse.Namespace, peer: dict) -> dict:
    """Return median differences in log age and log mass from the peer, of its stars, all before the ZAMS."""
    import numpy as np

    import stelnet

    stars = np.load(options.folder / "young.npy")
    ours = stelnet.load(path=options.model).predict(*stars, stage="pre")
    return {
        quantity: float(np.nanmedian(np.abs(ours[f"log_{quantity}_median"] - peer[quantity])))
        for quantity in ("age", "mass")
    }


# --- The report -------------------------------------------------------------------------------------------


def child(options: argparse.Namespace, job: str, **arguments: object) -> dict:
    """Do a job of this script in a process of its own and return what it tells."""
    given = [
        f"--{name}={value}" for name, value in (vars(options) | arguments | {"job": job}).items() if value
    ]
    done = subprocess.run([sys.executable, __file__, *given], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def command(options: argparse.Namespace, n: int) -> tuple[float, float, float]:
    """Run `stelnet predict` on n stars, file to file; return wall and CPU seconds and peak memory [MB]."""
    suffix = "csv" if n == min(COMMANDS) else "parquet"
    out = options.folder / f"out.{suffix}"
    arguments = [str(options.folder / f"{n}.{suffix}"), "-o", str(out), "--model", str(options.model)]
    seconds, spent, peaks = [], [], []
    while not seconds or (len(seconds) < REPEATS and seconds[0] < SHORT):
        out.unlink(missing_ok=True)
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "stelnet.cli", "predict", *arguments], stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - start)
        spent.append(usage.ru_utime + usage.ru_stime)
        peaks.append(usage.ru_maxrss / 1024)
        if status:
            raise SystemExit(f"stelnet predict failed with {n} stars.")
    out.unlink()
    return statistics.median(seconds), statistics.median(spent), max(peaks)


def power(n: int) -> str:
    return f"10^{len(str(n)) - 1}" if n > 10 and str(n).strip("0") == "1" else str(n)


def told(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="output_dir of a finished run")
    parser.add_argument("--model", type=Path, default=ROOT / "resources/pretrained/transfer.safetensors")
    parser.add_argument("--largest", type=int, default=10**7, choices=COMMANDS[2:], help="most stars")
    parser.add_argument("--cap", type=float, default=90, help="seconds that one call may take")
    parser.add_argument("--ysoisochrone", type=Path, help="Python of an environment that has it")
    # what follows is for the processes that are measured
    for name, kind in (("job", str), ("way", str), ("stars", int), ("folder", Path), ("peer", str)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job = {"prepare": prepare, "measure": measure, "compare": compare}.get(options.job)
        answer = job(options) if job else against_peer(options, json.loads(options.peer))
        print(json.dumps(answer))
        return
    with tempfile.TemporaryDirectory() as folder:
        options.folder = Path(folder)
        report(options)


def report(options: argparse.Namespace) -> None:
    """Measure everything and write the section of RESULTS.md."""
    load, began = os.getloadavg(), time.perf_counter()
    child(options, "prepare")
    # (way, stars) -> stars per second of wall and of CPU time
    speeds: dict[tuple[str, int], tuple[float, float]] = {}
    lines, built = [], []

    def row(label: str, n: int, found: dict, peak: str) -> str:
        speed = n / found["seconds"], n / found["cpu"]
        naive = speeds["naive", max(m for way, m in speeds if way == "naive" and m <= max(n, 10**3))]
        return (
            f"| {label} | {power(n)} | {told(found['seconds'])} | {told(found['cpu'])} | {speed[0]:,.0f} "
            f"| {speed[0] / naive[0]:.3g} / {speed[1] / naive[1]:.3g} | {peak} |"
        )

    for way, (label, sizes) in WAYS.items():
        expected = 0.0
        for n in sizes:
            if n > options.largest or expected * n > options.cap:
                break
            found = child(options, "measure", way=way, stars=n)
            expected = found["seconds"] / n
            speeds[way, n] = n / found["seconds"], n / found["cpu"]
            built += [(found["built"], found["built_cpu"])] if found["built"] else []
            lines.append(row(label, n, found, f"{found['peak']:,.0f} MB"))
            print(lines[-1], flush=True)
    peer = ""
    if options.ysoisochrone:
        run = subprocess.run(
            [options.ysoisochrone, "-c", PEER, options.folder / "young.npy"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        answer = json.loads(run.stdout.splitlines()[-1])
        lines.append(row("`ysoisochrone`, its grid of MIST", len(answer["age"]), answer, "–"))
        print(lines[-1], flush=True)
        apart = child(options, "against_peer", peer=json.dumps({k: answer[k] for k in ("age", "mass")}))
        peer = (
            f"\n`ysoisochrone` was asked for {len(answer['age'])} stars before the ZAMS; its log age and log "
            f"mass differ\nfrom ours by {apart['age']:.3f} and {apart['mass']:.3f} dex (median).\n"
        )
    commands = []
    for n in COMMANDS:
        if n <= options.largest:
            seconds, spent, peak = command(options, n)
            kind = "CSV" if n == min(COMMANDS) else "Parquet"
            commands.append(
                f"| {power(n)} ({kind}) | {told(seconds)} | {told(spent)} | {n / seconds:,.0f} "
                f"| {peak:,.0f} MB |"
            )
            print(commands[-1], flush=True)
    close = child(options, "compare")
    baseline = options.model.with_name("baseline.safetensors")
    fits = {options.model.stem: close}
    if baseline.is_file():
        fits["baseline"] = child(options, "compare", model=baseline)
    accuracy = [
        f"| table against networks, {words} | {quantity.replace('_', ' ')} "
        f"| {close[f'{what}/{quantity}/all'][0]:.5f} / {close[f'{what}/{quantity}/all'][1]:.4f} "
        f"| {close[f'{what}/{quantity}/unflagged'][0]:.5f} / {close[f'{what}/{quantity}/unflagged'][1]:.4f} |"
        for what, words in (("posterior", "no errors"), ("errors", "errors propagated"))
        for quantity in ("log_age", "log_mass")
    ]
    fitted = [
        f"| {name} | {quantity.replace('_', ' ')} | {fit[0]:.3f} | {fit[1]:.3f} | {100 * fit[2]:.0f} % |"
        for name, found in fits.items()
        for quantity, fit in ((q, found[f"fit/{q}"]) for q in ("log_age", "log_mass"))
    ]
    after, cores = os.getloadavg(), len(os.sched_getaffinity(0))
    minutes = (time.perf_counter() - began) / 60
    building, building_cpu = (statistics.median(times) for times in zip(*built, strict=True))
    coarse, coarse_errors = (100 * close[f"{what}/flagged"] for what in ("posterior", "errors"))
    busy = (
        "\nThe cores were shared with other work meanwhile: wall times are too long, "
        "and CPU times compare better.\n"
        if max(load[0], after[0]) > 2 * cores
        else ""
    )
    section = f"""<!-- prediction: begin, written by benchmarks/prediction.py -->
## Prediction

{cores} cores; load average {load[0]:.1f} before and {after[0]:.1f} after, in {minutes:.1f} min.
{busy}
Stars: MIST points of 0.1 to 8 Msun, younger than the Universe, with the noise of their errors: 0.004 to
0.02 dex in Teff, 0.01 to 0.05 dex in L.

The call alone, each in a process of its own. Ratio: stars per second to those of the naive way with as many
stars, or with its most, in wall / in CPU time. Peak memory is that of the whole process, inputs and libraries
included. The tables of both stages are built once, which takes {building:.1f} s more
({building_cpu:.1f} s of CPU time).

| way | stars | wall time | CPU time | stars/s | ratio | peak memory |
|---|---|---|---|---|---|---|
{chr(10).join(lines)}
{peer}
The whole command, file to file, with errors propagated:

| stars | wall time | CPU time | stars/s | peak memory |
|---|---|---|---|---|
{chr(10).join(commands)}

How close (dex), mean / 99.9th percentile of the absolute difference of medians over {COMPARED} stars;
{coarse:.1f} % (no errors) and {coarse_errors:.1f} % of them are flagged
`coarse_table`:

| what | quantity | all stars | not flagged |
|---|---|---|---|
{chr(10).join(accuracy)}

The networks against the brute-force fit over {FITTED} stars: differences of medians (dex), and how often the
fit's median lies within the networks' 68 % interval:

| model | quantity | median | mean | within |
|---|---|---|---|---|
{chr(10).join(fitted)}
<!-- prediction: end -->
"""
    from stelnet.files import write_text

    text = (
        REPORT.read_text()
        if REPORT.exists()
        else "# Benchmarks\n\nWritten by the scripts beside this file.\n"
    )
    old = re.compile(r"<!-- prediction: begin.*<!-- prediction: end -->\n", re.DOTALL)
    text = old.sub(lambda _: section, text) if old.search(text) else f"{text.rstrip()}\n\n{section}"
    write_text(text, REPORT)


if __name__ == "__main__":
    main()
