"""How the workflow grows: planning, overhead of jobs, star lists, and what a run costs.

    python benchmarks/scale.py [--results results] [--checks results/demo ...] [--slurm PROFILE] [PART ...]

The parts are planning, packing, stars and cost, all by default; each writes its section of RESULTS.md. CPU
seconds are given beside wall time, as they depend less on what else the machine does.

planning  a dry run of everything from an empty folder, by numbers of bootstraps and of bootstraps in a job
packing   the demo's training of one epoch, one bootstrap a job and all in one: what a job costs before it
          works; with --slurm through that profile too, which needs a SLURM that takes jobs from here
stars     pieces of a simulated star list, shown to the packaged model by either method
cost      constants of the cost model, from the benchmark files of a finished run (--results); and what the
          model says of other finished runs (--checks), beside what they took
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from stelnet.files import read_json, write_text

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks/RESULTS.md"
#: Rules whose jobs load torch.
NETWORK_RULES = ("train_baseline", "train_transfer", "score_transfer_seed")
#: Rules whose jobs are not counted: raw data and tracks are there.
DATA_RULES = ("fetch", "simulate", "read_mist", "split_zams")
#: Method -> length of the star list that is timed.
STARS = {"exact": 1 << 15, "table": 1 << 20}


# --- running Snakemake ---------------------------------------------------------------------------------


@dataclass
class Run:
    """What a command printed, its wall and CPU seconds with all children, and its largest process [MB]."""

    text: str
    wall: float
    cpu: float
    peak: float


def checkout(folder: Path) -> Path:
    """Copy what git tracks, or would, to a folder."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    ):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run(arguments: Sequence[str], folder: Path) -> Run:
    """Run a program of this environment; RuntimeError with what it said if it fails."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        program = str(Path(sys.executable).with_name(arguments[0]))
        environment = {key: value for key, value in os.environ.items() if key != "STELNET_MIRROR"}
        process = subprocess.Popen(
            [program, *arguments[1:]], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{text[-3000:]}")
    return Run(text, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def snakemake(folder: Path, settings: dict, files: Sequence[str], *arguments: str) -> Run:
    """Run Snakemake with settings that go before those of the configuration files."""
    (folder / "benchmark.yaml").write_text(yaml.safe_dump(settings))
    return run(["snakemake", "--configfile", *files, "benchmark.yaml", *arguments], folder)


# --- planning ------------------------------------------------------------------------------------------


def local_rules() -> set[str]:
    """Return the rules whose jobs run where snakemake runs."""
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    blocks = re.split(r"^ *rule ", text, flags=re.MULTILINE)
    return {block.split(":")[0] for block in blocks if "localrule: True" in block} | {"all"}


def planning(folder: Path) -> str:
    """Measure dry runs."""
    rows, here = [], local_rules()
    for bootstraps in (20, 200, 2000):
        for size in (1, 10, 100):
            settings = {"training": {"bootstraps": bootstraps, "bootstraps_per_job": size}}
            plan = snakemake(folder, settings, ["config.yaml"], "--dry-run", "--cores", "2")
            table = dict(re.findall(r"^(\w+) +(\d+)$", plan.text, re.MULTILINE))
            total = int(table.pop("total"))
            sent = sum(
                int(count)
                for rule, count in table.items()
                if rule not in here and not rule.startswith(DATA_RULES)
            )
            rows.append(
                f"| {bootstraps} | {size} | {total} | {sent} | {plan.wall:.1f} s | {plan.cpu:.1f} s "
                f"| {plan.peak:.0f} MB |"
            )
            print(rows[-1], flush=True)
    return f"""## Planning

Dry run of the whole workflow from an empty folder. "Submitted" are the jobs that go to a scheduler once raw
data and tracks are there; all others run where snakemake runs.

| bootstraps of a stage | in a job | jobs | submitted | wall | CPU | memory |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}
"""


# --- overhead of jobs ----------------------------------------------------------------------------------


def packing(folder: Path, profile: Path | None) -> str:
    """Measure the training of one epoch in one job and in many."""
    count, demo = 8, ["resources/demo/config.yaml"]
    targets = [f"results/demo/models/baseline/pre/{boot}.safetensors" for boot in range(count)]
    ways = {"this machine": ["--cores", "1"]}
    if profile and shutil.which("sinfo") and not subprocess.run(["sinfo"], capture_output=True).returncode:
        slurm = ["--workflow-profile", str(profile.absolute()), "--jobs", "1"]
        ways["SLURM of one node, asked every 2 s"] = slurm
    rows = []
    snakemake(folder, {}, demo, "--cores", "1", "results/demo/mist/pre.parquet")
    for name, way in ways.items():
        runs = []
        for size in (count, 1):
            training = {"bootstraps": count, "bootstraps_per_job": size, "epochs": {"pre": 1, "post": 1}}
            shutil.rmtree(folder / "results/demo/models", ignore_errors=True)
            runs.append(snakemake(folder, {"training": training}, demo, *way, "--", *targets))
        packed, single = runs
        more, of_it = ((getattr(single, x) - getattr(packed, x)) / (count - 1) for x in ("wall", "cpu"))
        rows.append(f"| {name} | {packed.wall:.1f} s | {single.wall:.1f} s | {more:.1f} s | {of_it:.1f} s |")
        print(rows[-1], flush=True)
    if len(ways) == 1:
        rows.append("| SLURM | not measured: run with --slurm where there is one | | | |")
    return f"""## Packing

{count} bootstraps of the demo, one epoch each and one job at a time, so that nearly all is overhead: the
start of Python and torch, of Snakemake twice more in a job of SLURM, and waiting for SLURM. CPU is that of
processes started from here, not those of SLURM.

| where | {count} in one job | one in each of {count} jobs | one more job costs | of it CPU |
|---|---|---|---|---|
{chr(10).join(rows)}
"""


# --- star lists ----------------------------------------------------------------------------------------

PIECE = """
import sys
from pathlib import Path
from stelnet.inference.loading import load
from stelnet.starlists.parquet_list import ParquetList
from stelnet.starlists.prediction import Columns, Request
from stelnet.starlists.parquet_list import Rows
from stelnet.starlists.scatter import gather, predict_rows
path, target, model, method, count = *map(Path, sys.argv[1:3]), *sys.argv[3:5], int(sys.argv[5])
if method == "gather":
    gather(ParquetList(path, "list"), [target], target.with_name("gathered.parquet"), "parquet")
else:
    columns = Columns.found(ParquetList(path, "list"))
    rows = Rows(path, "list", 0, count)
    predict_rows(load(path=model, threads=1), rows, columns, Request(method=method), target)
"""


# in a process of its own: what a process holds counts for those that it starts
SIMULATE = """
import sys
from stelnet.io import write_table
from stelnet.simulation.field import star_list
write_table(star_list(int(sys.argv[1]), 1, "benchmark"), "stars.parquet", {"simulated": "true"})
"""


def piece(folder: Path, method: str, count: int) -> Run:
    """Answer for a piece of the star list, or gather a whole of one piece."""
    model = ROOT / "resources/pretrained/transfer.safetensors"
    return run(
        ["python", "-c", PIECE, "stars.parquet", "piece.parquet", str(model), method, str(count)], folder
    )


def stars(folder: Path) -> str:
    """Measure pieces of star lists."""
    run(["python", "-c", SIMULATE, str(max(STARS.values()))], folder)
    rows = []
    for method, count in STARS.items():
        few, many = piece(folder, method, 1024), piece(folder, method, count)
        rate = (many.cpu - few.cpu) / (count - 1024)
        start = few.cpu - 1024 * rate
        rows.append(
            f"| predict, {method} | {count} | {many.cpu:.1f} s | {start:.1f} s | {1 / rate:.0f} "
            f"| {many.peak:.0f} MB |"
        )
        print(rows[-1], flush=True)
    gathered = piece(folder, "gather", 0)
    rows.append(
        f"| gather | {count} | {gathered.cpu:.1f} s | | {count / gathered.cpu:.0f} | {gathered.peak:.0f} MB |"
    )
    found, expected = piece(folder, method, count // 2), start + rate * (count // 2)
    return f"""## Star lists in pieces

A simulated list with errors, shown to the packaged transfer model by one thread. "Start" is what a job costs
with no stars: Python, the model and, with the table method, the table.

| job | stars | CPU | of it start | stars a second | memory |
|---|---|---|---|---|---|
{chr(10).join(rows)}

By these numbers {count // 2} stars by table take {expected:.1f} s; measured {found.cpu:.1f} s.
"""


# --- cost ----------------------------------------------------------------------------------------------


@dataclass
class Measured:
    """What a finished run took, by its benchmark files [CPU s], and what its size was."""

    bootstraps: int
    variants: int
    seeds: int
    catalogues: int
    work: float  # rows x epochs that one bootstrap of each stage is trained on
    jobs: dict[str, list[float]]

    @classmethod
    def of(cls, results: Path) -> "Measured":
        """Read a finished run."""
        config = yaml.safe_load((results / "config.yaml").read_text())
        work = 0
        for stage, epochs in config["training"]["epochs"].items():
            marks = pd.read_parquet(results / f"mist/{stage}.parquet", columns=["test_rows", "test_tracks"])
            work += epochs * int((~marks).sum().sum())
        records = map(read_json, (results / "provenance").rglob("[!.]*.json"))
        # a record an output: those of one job are alike
        made = {(job["rule"], job["started"]): job["cpu_seconds"] for job in (one["job"] for one in records)}
        jobs: dict[str, list[float]] = {}
        for (rule, _), seconds in sorted(made.items()):
            # the numbered rules of the blocks of bootstraps count as one
            rule = next((name for name in NETWORK_RULES if rule.startswith(name)), rule)
            jobs.setdefault(rule, []).append(seconds)
        return cls(
            config["training"]["bootstraps"],
            len(config["variants"]),
            config["transfer"]["seeds"],
            len(config["catalogues"]),
            work,
            jobs,
        )

    def transfers(self) -> int:
        """Number of networks that are transferred: each stage's, for each variant."""
        return 2 * self.bootstraps * self.variants

    def repeated(self) -> int:
        """Number of those that only serve the scatter of the scores."""
        return 2 * self.bootstraps * (self.seeds - 1)

    def others(self) -> list[float]:
        """CPU seconds of the jobs that neither train nor read raw data."""
        apart = (*DATA_RULES, *NETWORK_RULES, "standardise_catalogue")
        return [time for rule, times in self.jobs.items() if not rule.startswith(apart) for time in times]

    def total(self) -> float:
        """CPU seconds of all jobs but those that fetch or make raw data."""
        return sum(sum(times) for rule, times in self.jobs.items() if not rule.startswith(DATA_RULES))


@dataclass
class Cost:
    """The cost model: CPU seconds of each part of a run."""

    row: float  # a row in an epoch of training, for one bootstrap
    transfer: float  # a transferred network
    start: float  # a job that loads torch
    catalogue: float  # a catalogue
    other: float  # a job of another kind: figures, tables, predictions for the catalogues

    @classmethod
    def fit(cls, run: Measured) -> "Cost":
        """Take the constants from one finished run."""
        jobs = run.jobs
        # two equations: a job of few networks, a job of many
        sizes = np.array([run.transfers() / len(jobs["train_transfer"]), 2 * run.bootstraps])
        times = [np.mean(jobs["train_transfer"]), np.mean(jobs["score_transfer_seed"])]
        start, transfer = np.linalg.solve(np.column_stack([np.ones(2), sizes]), times)
        training = sum(jobs["train_baseline"]) - start * len(jobs["train_baseline"])
        catalogue, other = np.mean(jobs["standardise_catalogue"]), np.mean(run.others())
        return cls(training / (run.bootstraps * run.work), transfer, start, catalogue, other)

    def seconds(self, run: Measured) -> float:
        """Return the CPU seconds that a run of that size and packing takes, star lists left out."""
        return (
            self.row * run.work * run.bootstraps
            + self.transfer * (run.transfers() + run.repeated())
            + self.start * sum(len(run.jobs[rule]) for rule in NETWORK_RULES)
            + self.catalogue * run.catalogues
            + self.other * len(run.others())
        )


def cost(results: Path, checks: Sequence[Path]) -> str:
    """Fit the cost model to one run, and hold it against others."""
    run = Measured.of(results)
    model = Cost.fit(run)
    network = model.row * run.work
    rows = []
    for path in checks:
        other = Measured.of(path)
        expected, found = model.seconds(other), other.total()
        rows.append(
            f"| {other.bootstraps} bootstraps, {other.work / 1e6:.1f} million rows x epochs, "
            f"{sum(map(len, other.jobs.values()))} jobs | {expected:.0f} s | {found:.0f} s "
            f"| {100 * (expected / found - 1):+.0f} % |"
        )
        print(rows[-1], flush=True)
    return f"""## Cost of a run

CPU seconds by the records of a run with {run.bootstraps} bootstraps, {run.total():.0f} s in all; downloads and tracks are
left out.

| constant | CPU s |
|---|---|
| a bootstrap of the baselines: both stages, twice (points, tracks held out), {run.work / 1e6:.1f} million rows x epochs | {network:.1f} |
| a transferred network; there are two (stages) for each bootstrap, in each variant and each repetition of the draw | {model.transfer:.3f} |
| a job that loads torch | {model.start:.1f} |
| a catalogue | {model.catalogue:.1f} |
| any other job: figures, tables, predictions for the catalogues; here {len(run.others())} | {model.other:.2f} |

Runs that served for none of these numbers:

| run | model | measured | off by |
|---|---|---|---|
{chr(10).join(rows)}
"""  # noqa: E501


def write_section(name: str, text: str) -> None:
    """Put a section into RESULTS.md, in the place of an older one."""
    section = f"<!-- {name}: begin, written by benchmarks/scale.py -->\n{text}<!-- {name}: end -->\n"
    report = REPORT.read_text()
    old = re.compile(rf"<!-- {name}: begin.*<!-- {name}: end -->\n", re.DOTALL)
    report = old.sub(lambda _: section, report) if old.search(report) else f"{report.rstrip()}\n\n{section}"
    write_text(report, REPORT)
    print(section, flush=True)


def main() -> None:
    """Measure and write the sections of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--checks", type=Path, nargs="*", default=[Path("results/demo")])
    parser.add_argument("--slurm", type=Path, help="profile through which jobs reach a SLURM")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    measure = {
        "planning": planning,
        "packing": lambda folder: packing(folder, arguments.slurm),
        "stars": stars,
        "cost": lambda folder: cost(arguments.results, arguments.checks),
    }
    for part in arguments.parts or measure:
        with tempfile.TemporaryDirectory() as folder:
            write_section(part, measure[part](checkout(Path(folder))))


if __name__ == "__main__":
    main()
