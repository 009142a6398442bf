"""Faults of whole runs: jobs that are killed, intermediate files in which a bit flips between two jobs."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import mutations
import pytest
from conftest import CONFIGURED, SNAKEMAKE, Checkout
from waiting import HANG

RESULTS = "results/demo"


def left_behind(checkout: Checkout) -> list[str]:
    """Hidden files below the results, beside what an audit keeps."""
    paths = (checkout.folder / RESULTS).rglob(".*")
    return [str(path) for path in paths if path.is_file() and path.name != ".hashes.json"]


def jobs(checkout: Checkout) -> dict[str, float]:
    """Rule -> seconds that its longest job takes."""
    found: dict[str, float] = {}
    for path in (checkout.folder / RESULTS / "provenance").rglob("[!.]*.json"):
        job = json.loads(path.read_text())["job"]
        found[job["rule"]] = max(found.get(job["rule"], 0), job["wall_seconds"])
    return dict(sorted(found.items()))


def killed(checkout: Checkout, rule: str, delay: float) -> bool:
    """Make the files of a rule again, and kill all processes some seconds after its first job began."""
    command = [SNAKEMAKE, *CONFIGURED, "--cores", "2", "--forcerun", rule, "--until", rule]
    log = checkout.folder / "killed.log"
    with open(log, "w") as file:
        run = subprocess.Popen(
            command,
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        limit = time.monotonic() + HANG
        while f"rule {rule}:" not in log.read_text() and run.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        try:
            run.wait(delay)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
    return False


def test_killed_jobs(faults, checkout):
    """A run whose processes are killed at a random moment of a rule is finished by the next one, to the same
    bytes, with no file left behind and every file verified."""
    expected, rules = checkout.hashes(), jobs(checkout)
    chosen = [*rules] if faults.whole else ["figure7"]
    for rule in chosen:
        # a job needs a while to start, and is seldom as fast as it was
        delay = faults.generator.uniform(0, 1.2 * rules[rule] + 1)
        faults.came("killed and finished" if killed(checkout, rule, delay) else "done before the kill")
        checkout.snakemake("--unlock")
    checkout.snakemake("--cores", "2")
    assert checkout.hashes() == expected
    assert left_behind(checkout) == []
    again = checkout.snakemake("--cores", "2")
    assert "Nothing to be done" in again.stdout + again.stderr
    checkout.stelnet("audit", "--all", "--results", RESULTS)


#: An intermediate file -> a file that is made from it.
CHAIN = {
    "mist/tracks.parquet": "figures/fig1.pdf",
    "mist/zams.parquet": "figures/fig4.pdf",
    "clusters/NGC2547.parquet": "figures/fig4.pdf",
    "catalogues/published/ONC.parquet": "figures/fig7.pdf",
    "predictions/this_work/baseline/published/post.parquet": "tables/table1.csv",
    "models/transfer/published/pre/0.safetensors": "predictions/this_work/transfer/published/pre.parquet",
    "models/posterior/network.safetensors": "pretrained/posterior.safetensors",
    "pretrained/transfer.safetensors": "stars/field/0.parquet",
    "stars/field/0.parquet": "stars/field.parquet",
    "heldout/ranks.parquet": "figures/ranks.pdf",
    "tables/mist_error.csv": "pretrained/models.json",
    "data/onc/ONC.csv": "catalogues/published/ONC.parquet",
}


@pytest.fixture(scope="module")
def sandbox(demo, tmp_path_factory) -> Checkout:
    """A copy of the finished demo whose files are damaged and made again, one after the other."""
    return demo.copied(tmp_path_factory.mktemp("flipped") / "stelnet")


def times(folder: Path) -> dict[Path, tuple[int, int]]:
    """When each file below a folder was read and written."""
    return {
        path: (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", CHAIN)
def test_flipped_intermediates(faults, sandbox, name):
    """A job that is given {name} with a bit flipped refuses it; made again as the message says, all is as
    before."""
    if not faults.whole and name != "mist/tracks.parquet":
        pytest.skip("part of the whole round")
    results = sandbox.folder / RESULTS
    path, target = results / name, f"{RESULTS}/{CHAIN[name]}"
    expected, before = sandbox.hashes(), times(results)
    for _ in faults.cases(1, 3):
        path.write_bytes(mutations.flipped(path.read_bytes(), faults.generator))
        os.utime(path, ns=before[path])
        run = sandbox.snakemake("--cores", "1", "--force", target, check=False)
        assert run.returncode != 0
        text = run.stdout + run.stderr
        assert "Traceback" not in text
        line = next(line for line in text.splitlines() if "damaged or edited since it was made" in line)
        assert f"rm {RESULTS}/{name}, and run again" in line
        path.unlink()
        sandbox.snakemake("--cores", "2", target)
        assert sandbox.hashes() == expected
        faults.came("refused and made again")
        # nothing else is to be made again
        for file, when in before.items():
            os.utime(file, ns=when)
