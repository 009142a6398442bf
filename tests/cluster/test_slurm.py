"""The workflow on a real SLURM, through Snakemake's plugins, as users run it, with real faults.

Every fault ends in the results of the undisturbed run on this machine, to the byte.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from conftest import Checkout
from generic_profile import switched_to
from slurm_node import SlurmNode, missing, run, wait_for

SLURM = ["--workflow-profile", "workflow/profiles/slurm"]
# what differs on a cluster that keeps no accounts of jobs, and to be faster
HERE = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"]
# a result that one job makes in seconds
TABLE = "results/demo/tables/mist_error.csv"
# what four jobs make
NETWORKS = [
    f"models/transfer/published/{stage}/{boot}.safetensors" for stage in ("pre", "post") for boot in range(4)
]
BLOCKS = [*NETWORKS, "models/transfer/published/*/block*.csv"]
# one for which a graphics card may be asked
NETWORK = "models/baseline/pre/0.safetensors"

STARTED: list[subprocess.Popen] = []


@dataclass
class Controller:
    """A running snakemake that submits jobs; what it prints goes to a file."""

    process: subprocess.Popen
    folder: Path
    output: Path

    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    def end(self, seconds: float = 240) -> str:
        """Wait until it has ended well; return what it has printed."""
        assert self.process.wait(timeout=seconds) == 0, self.text()
        return self.text()

    def jobs(self, columns: str, *options: str) -> list[str]:
        """Lines of squeue for the jobs that run in the same folder."""
        lines = SlurmNode.jobs(f"%Z|{columns}", *options)
        return [line.split("|", 1)[1] for line in lines if line.startswith(f"{self.folder}|")]

    def wait_for(self, condition: Callable[[], object], what: str) -> object:
        """Return the first true value of a condition while it runs."""
        value = wait_for(lambda: condition() or self.process.poll() is not None, 90, what)
        assert self.process.poll() is None, self.text()
        return value

    def running(self) -> str:
        """Number of a job that runs; waits until there is one."""
        return self.wait_for(lambda: self.jobs("%i", "--states=running"), "a job runs")[0]


def start(checkout: Checkout, *arguments: str, profile: list[str] = SLURM + HERE) -> Controller:
    """Start snakemake on the demo's configuration in a checkout."""
    command = [str(Path(sys.executable).with_name("snakemake")), "--configfile", "resources/demo/config.yaml"]
    command += [*profile, *arguments]
    output = checkout.folder / f"snakemake-{len(list(checkout.folder.glob('snakemake-*')))}.txt"
    with output.open("w") as sink:
        process = subprocess.Popen(
            command, cwd=checkout.folder, env=checkout.environment(), stdout=sink, stderr=subprocess.STDOUT
        )
    STARTED.append(process)
    return Controller(process, checkout.folder, output)


def without(checkout: Checkout, *patterns: str) -> Checkout:
    """A checkout of the finished demo, but for the results whose paths match."""
    for pattern in patterns:
        paths = list((checkout.folder / "results/demo").glob(pattern))
        assert paths, pattern
        for path in paths:
            path.unlink()
    return checkout


def results(paths: list[str]) -> list[str]:
    """Paths of results of the demo as snakemake knows them."""
    return [f"results/demo/{path}" for path in paths]


def made(text: str) -> dict[str, list[str]]:
    """Number of each job that snakemake has planned to run -> its outputs."""
    return {
        job: outputs.split(", ")
        for outputs, job in re.findall(
            r"^    output: (.*)\n(?:    .*\n)*?    jobid: (\d+)$", text, re.MULTILINE
        )
    }


def script(checkout: Checkout, name: str) -> psutil.Process | None:
    """The process that runs the script of a rule in a checkout."""
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if any(re.fullmatch(rf".*/\.snakemake/scripts/tmp\w+\.{name}\.py", part) for part in line[:3]):
            try:
                if process.cwd() == str(checkout.folder):
                    return process
            except psutil.NoSuchProcess:
                pass
    return None


@pytest.fixture(scope="module")
def node():
    if reason := missing():
        pytest.skip(reason)
    # one more than there are: the job that is stopped for a minute needs none
    with SlurmNode(cpus=len(os.sched_getaffinity(0)) + 1) as node:
        yield node
        # those that a failed test has left; alive, they would submit their cancelled jobs again
        for process in STARTED:
            process.kill()
            process.wait()


@pytest.fixture(scope="module", autouse=True)
def early(node, demo, tmp_path_factory) -> dict[str, Checkout]:
    """Runs that mostly wait, started before all others; the last tests look at how they end."""

    def begin(name: str, lacking: str, *arguments: str) -> Checkout:
        copy = Checkout.__new__(Checkout)
        copy.folder = tmp_path_factory.mktemp(name) / "stelnet"
        shutil.copytree(demo.folder, copy.folder, symlinks=True)
        (copy.folder / "partitions.yaml").write_text(
            "partitions: {main: {max_threads: 8}, gpu: {max_gpu: 1}}"
        )
        copy.controller = start(without(copy, lacking), *arguments)
        return copy

    table = ("tables/mist_error.*", TABLE, "--set-resources")
    card = ("--slurm-partition-config=partitions.yaml", "--config", "training={device: cuda}")
    runs = {
        "hanging": begin("hanging", *table, "mist_error:runtime=attempt"),
        "starved": begin("starved", *table, "mist_error:mem_mb=350*attempt"),
        "failing": begin("failing", NETWORK, *results([NETWORK]), "--retries=0", *card),
    }
    # stopped, this job will be past its time before it does anything
    hanging = runs["hanging"]
    hanging.controller.wait_for(lambda: script(hanging, "mist_error"), "the script runs").send_signal(
        signal.SIGSTOP
    )
    return runs


def test_whole_demo_gives_the_same_bytes(node, demo, tmp_path):
    checkout = Checkout(tmp_path / "stelnet")
    controller = start(checkout)
    text = controller.end(600)
    assert "Trying to restart" not in text
    assert checkout.hashes() == demo.hashes()
    # training goes to SLURM, and what takes a second does not
    sent = " ".join(controller.jobs("%k", "--states=all"))
    assert all(rule in sent for rule in ("rule_train_baseline", "rule_train_transfer", "rule_mist_error"))
    assert not any(rule in sent for rule in ("rule_simulate_sky", "rule_figure1", "rule_table1"))
    # what the jobs left suits their records, and a run on this machine finds nothing to do
    assert checkout.snakemake("--cores", "1", "audit", check=False).returncode == 0
    assert "Nothing to be done" in checkout.snakemake("--cores", "1").stderr


def test_cancelled_job_is_reported_and_run_again(node, demo, checkout):
    controller = start(without(checkout, "tables/mist_error.*"), TABLE)
    job = controller.running()
    run("scancel", job)
    text = controller.end()
    assert f"SLURM-job '{job}' failed, SLURM status is: 'CANCELLED'" in text
    assert "Trying to restart" in text
    assert sorted(controller.jobs("%T", "--states=all")) == ["CANCELLED", "COMPLETED"]
    assert checkout.hashes() == demo.hashes()


def test_daemon_of_the_node_is_stopped_and_started(node, demo, checkout):
    controller = start(without(checkout, *BLOCKS), *results(NETWORKS))
    controller.running()
    node.stop_slurmd()
    time.sleep(3)
    node.start_slurmd()
    assert "Trying to restart" not in controller.end()
    assert controller.jobs("%T", "--states=all") == ["COMPLETED"] * 4
    assert checkout.hashes() == demo.hashes()


def test_run_goes_on_after_its_controller_was_killed(node, demo, checkout):
    first = start(without(checkout, *BLOCKS), *results(NETWORKS), "--jobs", "2")
    first.wait_for(
        lambda: "Finished jobid" in first.text() and first.jobs("%i", "--states=running"), "one job is done"
    )
    first.process.kill()
    first.process.wait()
    assert first.jobs("%i", "--states=running"), "no job outlives its controller"
    done = re.findall(r"Finished jobid: (\d+)", first.text())
    complete = [checkout.folder / path for job in done for path in made(first.text())[job]]
    times = [path.stat().st_mtime_ns for path in complete]

    checkout.snakemake("--unlock")
    # while jobs of the first run are still at it
    second = start(checkout, *results(NETWORKS))
    again = {checkout.folder / path for paths in made(second.end()).values() for path in paths}
    assert again
    assert not again & set(complete)
    assert times == [path.stat().st_mtime_ns for path in complete]
    wait_for(lambda: not first.jobs("%i", "--states=running,completing"), 60, "all jobs have ended")
    assert checkout.hashes() == demo.hashes()
    assert "Nothing to be done" in checkout.snakemake("--cores", "1").stderr
    assert checkout.snakemake("--cores", "1", "audit", check=False).returncode == 0


def test_generic_profile_runs_and_retries(node, demo, checkout):
    """The profile for other schedulers, with its lines for SLURM switched on as a user does."""
    profile = checkout.folder / "workflow/profiles/cluster-generic/config.yaml"
    profile.write_text(switched_to(profile.read_text(), "SLURM"))
    controller = start(
        without(checkout, "tables/mist_error.*"), TABLE,
        profile=["--workflow-profile", str(profile.parent), "--seconds-between-status-checks", "2"],
    )  # fmt: skip
    job = controller.running()
    run("scancel", job)
    text = controller.end()
    assert "Error in rule mist_error" in text
    assert f"external_jobid: {job}" in text
    assert "Trying to restart" in text
    states = dict(line.split() for line in controller.jobs("%i %T", "--states=all"))
    assert sorted(states.values()) == ["CANCELLED", "COMPLETED"]
    assert states[job] == "CANCELLED"
    assert all((checkout.folder / f".snakemake/cluster/{job}.log").is_file() for job in states)
    assert checkout.hashes() == demo.hashes()


def test_failed_job_says_where_to_look(node, early):
    """A job for a graphics card: the scheduler grants one, and torch finds none."""
    failing = early["failing"].controller
    assert failing.process.wait(timeout=180) == 1
    text = failing.text().split("Error in rule train_baseline")[1]
    job = re.search(r"SLURM-job '(\d+)' failed, SLURM status is: 'FAILED'", text)[1]
    granted = run("scontrol", "show", "job", job)
    assert "TresPerJob=gres:gpu:1" in granted
    assert "Partition=gpu" in granted
    own, of_slurm = re.search(r"log: (\S+), (\S+) \(check log file", text).groups()
    assert "training.device: torch sees no CUDA device here" in (failing.folder / own).read_text()
    assert of_slurm.endswith(f"/{job}.log")
    assert own in Path(of_slurm).read_text()


def test_job_killed_for_memory_has_more_at_its_retry(node, demo, early):
    starved = early["starved"]
    text = starved.controller.end()
    assert sorted(starved.controller.jobs("%m %T", "--states=all")) == ["350M FAILED", "700M COMPLETED"]
    log = re.search(r"SLURM-job '\d+' failed.*?(/\S+\.log) \(check", text, re.DOTALL)[1]
    assert "Exceeded job memory limit" in Path(log).read_text()
    assert "Trying to restart" in text
    assert starved.hashes() == demo.hashes()


def test_job_past_its_time_has_more_at_its_retry(node, demo, early):
    hanging = early["hanging"]
    text = hanging.controller.end()
    assert sorted(hanging.controller.jobs("%l %T", "--states=all")) == ["1:00 TIMEOUT", "2:00 COMPLETED"]
    assert "SLURM status is: 'TIMEOUT'" in text
    assert "Trying to restart" in text
    assert hanging.hashes() == demo.hashes()
