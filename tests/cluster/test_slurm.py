"""The workflow on a real SLURM, through Snakemake's plugins, as users run it, with real faults.

Every fault ends in the results of the undisturbed run on this machine, to the byte. Where a fault must meet a
job at work, the job is stopped (SIGSTOP) first.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from conftest import CONFIGURED, SNAKEMAKE, Checkout
from generic_profile import switched_to
from slurm_node import SlurmNode, missing, run
from waiting import HANG, wait_for

SLURM = ["--workflow-profile", "slurm"]
# what differs on a cluster that keeps no accounts of jobs, and to be faster
HERE = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"]
# a result that one job makes in seconds
TABLE = "results/demo/tables/mist_error.csv"
# what two jobs make
NETWORKS = [f"models/transfer/published/pre/{boot}.safetensors" for boot in range(4)]
BLOCKS = [*NETWORKS, "models/transfer/published/pre/block*.csv"]
# what takes a job of most kinds, and the networks of both steps
SOME = [
    *NETWORKS,
    "models/transfer/published/post/0.safetensors",
    "tables/mist_error.csv",
    "figures/fig1.pdf",
]
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

    def end(self, code: int = 0) -> str:
        """Wait for its end, with an exit code; return what it has printed."""
        assert self.process.wait(HANG) == code, self.text()
        return self.text()

    def jobs(self, columns: str, *options: str) -> list[str]:
        """Lines of squeue for the jobs that run in the same folder."""
        lines = SlurmNode.jobs(f"%Z|{columns}", *options)
        return [line.split("|", 1)[1] for line in lines if line.startswith(f"{self.folder}|")]

    def wait_for(self, condition: Callable[[], object], what: str) -> object:
        """Return the first true value of a condition while it runs."""
        value = wait_for(lambda: condition() or self.process.poll() is not None, what)
        assert self.process.poll() is None, self.text()
        return value

    def held(self, name: str) -> tuple[psutil.Process, str]:
        """The process of a rule's script, stopped as soon as it is there, and the number of its job."""
        process = self.wait_for(lambda: script(self.folder, name), f"{name} runs")
        process.send_signal(signal.SIGSTOP)
        (job,) = self.jobs("%i", "--states=running")
        return process, job


def start(checkout: Checkout, *arguments: str, profile: list[str] = SLURM + HERE) -> Controller:
    """Start snakemake on the demo's configuration in a checkout."""
    command = [SNAKEMAKE, *CONFIGURED, *profile, *arguments]
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


def script(folder: Path, name: str) -> psutil.Process | None:
    """The process that runs the script of a rule in a folder."""
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if any(re.fullmatch(rf".*/\.snakemake/scripts/tmp\w+\.{name}\.py", part) for part in line[:3]):
            try:
                if process.cwd() == str(folder):
                    return process
            except psutil.NoSuchProcess:
                pass
    return None


@pytest.fixture(scope="module")
def node():
    if reason := missing():
        pytest.skip(reason)
    # two more than there are: jobs that are stopped need none
    with SlurmNode(cpus=len(os.sched_getaffinity(0)) + 2) as node:
        yield node
        # those that a failed test has left; alive, they would submit their cancelled jobs again
        for process in STARTED:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def early(node, demo, tmp_path_factory) -> dict[str, Checkout]:
    """Runs that mostly wait, started before all others; most tests look at how they end."""

    def begin(name: str, lacking: str, *arguments: str, profile: list[str] = SLURM + HERE) -> Checkout:
        copy = demo.copied(tmp_path_factory.mktemp(name) / "stelnet")
        (copy.folder / "partitions.yaml").write_text(
            "partitions: {main: {max_threads: 8}, gpu: {max_gpu: 1}}"
        )
        generic = copy.folder / "profiles/cluster-generic/config.yaml"
        generic.write_text(switched_to(generic.read_text(), "SLURM"))
        copy.controller = start(without(copy, lacking), *arguments, profile=profile)
        return copy

    table = ("tables/mist_error.*", TABLE)
    card = ("--slurm-partition-config=partitions.yaml", "--config", "training={device: cuda}")
    generic = [
        "--workflow-profile",
        "profiles/cluster-generic",
        "--seconds-between-status-checks",
        "2",
    ]
    strict = ("mist_error:runtime=1+599*(attempt-1)", "mist_error:slurm_partition='strict'")
    runs = {
        "hanging": begin("hanging", *table, "--set-resources", *strict),
        "cancelled": begin("cancelled", *table),
        "generic": begin("generic", *table, profile=generic),
    }
    # stopped, the first will be past its time before it does anything
    held: dict[str, psutil.Process] = {}

    def all_held() -> bool:
        for name, one in runs.items():
            assert one.controller.process.poll() is None, one.controller.text()
            if name not in held and (process := script(one.folder, "mist_error")):
                process.send_signal(signal.SIGSTOP)
                held[name] = process
        return len(held) == len(runs)

    wait_for(all_held, "the scripts run")
    for name in ("cancelled", "generic"):
        (runs[name].cancelled,) = runs[name].controller.jobs("%i", "--states=running")
        run("scancel", runs[name].cancelled)
    return runs | {
        "starved": begin("starved", *table, "--set-resources", "mist_error:mem_mb=350*attempt"),
        "failing": begin("failing", NETWORK, *results([NETWORK]), "--retries=0", *card),
    }


def test_killed_run_resumes_and_leaves_no_half_file(request, demo, tmp_path):
    """SIGKILL to all in mid-run; resumed, on SLURM where there is one, it ends with the bytes of the demo."""
    slurm = missing() is None
    if slurm:
        request.getfixturevalue("early")
    checkout, targets = Checkout.of_repository(tmp_path / "killed"), results(SOME)
    process = subprocess.Popen(
        [SNAKEMAKE, *CONFIGURED, "--cores", "2", *targets],
        cwd=checkout.folder,
        env=checkout.environment(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    trained = checkout.folder / "results/demo/models/baseline"
    wait_for(
        lambda: list(trained.rglob("*.safetensors")) or process.poll() is not None, "a network is trained"
    )
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(HANG)
    assert not all((checkout.folder / path).exists() for path in targets), "it was over before"
    checkout.snakemake("--unlock")
    # killed in the middle of writing, a job leaves such a file
    half = checkout.folder / "results/demo/models/transfer/published/post/.0.abcd_123.safetensors"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.touch()
    if slurm:
        controller = start(checkout, *targets)
        assert "Trying to restart" not in controller.end()
        # training goes to SLURM, and what takes a second does not
        sent = " ".join(controller.jobs("%k", "--states=all"))
        assert all(rule in sent for rule in ("rule_train_baseline", "rule_train_transfer", "rule_mist_error"))
        assert not any(rule in sent for rule in ("rule_standardise_catalogue", "rule_figure1"))
    else:
        checkout.snakemake("--cores", "2", "--rerun-incomplete", *targets)
    first, second = demo.hashes(), checkout.hashes()
    assert len(second) > 40
    assert {name: first.get(name) for name in second} == second
    hidden = [path for path in (checkout.folder / "results").rglob(".*") if path.is_file()]
    assert not [path for path in hidden if path.suffix != ".json"]
    # what the jobs left suits their records, and a run on this machine finds nothing to do
    checkout.stelnet("audit", *targets)
    assert "Nothing to be done" in checkout.snakemake("--cores", "1", *targets).stderr


def test_failed_job_says_where_to_look(early):
    """A job for a graphics card: the scheduler grants one, and torch finds none."""
    failing = early["failing"].controller
    text = failing.end(code=1).split("Error in rule train_baseline")[1]
    job = re.search(r"SLURM-job '(\d+)' failed, SLURM status is: 'FAILED'", text)[1]
    granted = run("scontrol", "show", "job", job)
    assert "TresPerJob=gres:gpu:1" in granted
    assert "Partition=gpu" in granted
    own, of_slurm = re.search(r"log: (\S+), (\S+) \(check log file", text).groups()
    assert "training.device: torch sees no CUDA device here" in (failing.folder / own).read_text()
    assert of_slurm.endswith(f"/{job}.log")
    assert own in Path(of_slurm).read_text()


def test_cancelled_job_is_reported_and_run_again(demo, early):
    cancelled = early["cancelled"]
    text = cancelled.controller.end()
    assert f"SLURM-job '{cancelled.cancelled}' failed, SLURM status is: 'CANCELLED'" in text
    assert "Trying to restart" in text
    assert sorted(cancelled.controller.jobs("%T", "--states=all")) == ["CANCELLED", "COMPLETED"]
    assert cancelled.hashes() == demo.hashes()


def test_generic_profile_runs_and_retries(demo, early):
    """The profile for other schedulers, with its lines for SLURM switched on as a user does."""
    generic = early["generic"]
    text, job = generic.controller.end(), generic.cancelled
    assert "Error in rule mist_error" in text
    assert f"external_jobid: {job}" in text
    assert "Trying to restart" in text
    states = dict(line.split() for line in generic.controller.jobs("%i %T", "--states=all"))
    assert sorted(states.values()) == ["CANCELLED", "COMPLETED"]
    assert states[job] == "CANCELLED"
    assert all((generic.folder / f".snakemake/cluster/{job}.log").is_file() for job in states)
    assert generic.hashes() == demo.hashes()


def test_job_killed_for_memory_has_more_at_its_retry(demo, early):
    starved = early["starved"]
    text = starved.controller.end()
    assert sorted(starved.controller.jobs("%m %T", "--states=all")) == ["350M FAILED", "700M COMPLETED"]
    log = re.search(r"SLURM-job '\d+' failed.*?(/\S+\.log) \(check", text, re.DOTALL)[1]
    assert "Exceeded job memory limit" in Path(log).read_text()
    assert "Trying to restart" in text
    assert starved.hashes() == demo.hashes()


def test_job_past_its_time_has_more_at_its_retry(demo, early):
    hanging = early["hanging"]
    text = hanging.controller.end()
    assert sorted(hanging.controller.jobs("%l %T", "--states=all")) == ["10:00:00 COMPLETED", "1:00 TIMEOUT"]
    assert "SLURM status is: 'TIMEOUT'" in text
    assert "Trying to restart" in text
    assert hanging.hashes() == demo.hashes()


def test_run_goes_on_after_its_controller_was_killed(node, demo, checkout):
    first = start(without(checkout, *BLOCKS), *results(NETWORKS), "--jobs", "1")
    first.wait_for(lambda: "Finished jobid" in first.text(), "one job is done")
    process, _ = first.held("train_transfer")
    first.process.kill()
    first.process.wait()
    assert first.jobs("%i", "--states=running"), "no job outlives its controller"
    done = re.findall(r"Finished jobid: (\d+)", first.text())
    complete = [checkout.folder / path for job in done for path in made(first.text())[job]]
    times = [path.stat().st_mtime_ns for path in complete]

    checkout.snakemake("--unlock")
    # while a job of the first run is still at it
    second = start(checkout, *results(NETWORKS))
    second.wait_for(lambda: len(second.jobs("%i", "--states=running")) > 1, "the job is submitted again")
    process.send_signal(signal.SIGCONT)
    again = {checkout.folder / path for paths in made(second.end()).values() for path in paths}
    assert again
    assert not again & set(complete)
    assert times == [path.stat().st_mtime_ns for path in complete]
    wait_for(lambda: not first.jobs("%i", "--states=running,completing"), "all jobs have ended")
    assert checkout.hashes() == demo.hashes()
    assert "Nothing to be done" in checkout.snakemake("--cores", "1").stderr
    assert checkout.snakemake("--cores", "1", "audit", check=False).returncode == 0


def test_daemon_of_the_node_is_stopped_and_started(node, demo, checkout):
    """The last test: a job that begins while the daemon is away would be lost."""
    wait_for(lambda: not SlurmNode.jobs("%i", "--states=running,completing"), "no other job runs")
    controller = start(
        without(checkout, *BLOCKS[:2], "models/transfer/published/pre/block0.*"), *results(NETWORKS[:2])
    )
    process, _ = controller.held("train_transfer")
    node.stop_slurmd()
    node.start_slurmd()
    process.send_signal(signal.SIGCONT)
    assert "Trying to restart" not in controller.end()
    assert controller.jobs("%T", "--states=all") == ["COMPLETED"]
    assert checkout.hashes() == demo.hashes()
