"""Fixtures shared by all tests."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from fault_rounds import faults, pytest_addoption, pytest_configure
from hypothesis import HealthCheck, settings
from waiting import HANG

# what pytest finds here by name
__all__ = ["faults", "pytest_addoption", "pytest_configure"]

ROOT = Path(__file__).parents[1]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
CONFIGURED = ["--configfile", "resources/demo/config.yaml"]

# no test is about the speed of a machine
settings.register_profile("stelnet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stelnet")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of the real raw data, or a skip that says how to have it."""
    folder = os.environ.get("STELNET_MIRROR")
    if not folder:
        pytest.skip(
            "needs the real data: set STELNET_MIRROR to a mirror of the files in resources/datasets.yaml"
        )
    if not (Path(folder) / "catalogues" / "DH.csv").is_file():
        pytest.skip(f"STELNET_MIRROR={folder} is not a mirror of the raw data (no catalogues/DH.csv)")
    return Path(folder)


class Checkout:
    """A folder with the repository's files in which the workflow is run as a user runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_repository(cls, folder: Path) -> "Checkout":
        """Return a new checkout, with the files of the repository as they are now."""
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for name in names:
            if (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        return cls(folder)

    def copied(self, folder: Path) -> "Checkout":
        """Return a copy, results included."""
        return Checkout(
            Path(
                shutil.copytree(
                    self.folder,
                    folder,
                    symlinks=True,
                    ignore=shutil.ignore_patterns(".hashes.json", "..hashes.*"),
                )
            )
        )

    def run(
        self, *command: str | Path, check: bool = True, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess:
        """Run a command in this folder or another, with no mirror and no way to a network."""
        result = subprocess.run(
            command, cwd=cwd or self.folder, env=self.environment() | environment,
            capture_output=True, text=True, timeout=HANG,
        )  # fmt: skip
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def snakemake(self, *arguments: str, **settings) -> subprocess.CompletedProcess:
        """Run snakemake on the demo's configuration; settings as for :meth:`run`."""
        return self.run(SNAKEMAKE, *CONFIGURED, *arguments, **settings)

    def stelnet(self, *arguments: str | Path, **settings) -> subprocess.CompletedProcess:
        """Run the command `stelnet` of this checkout; settings as for :meth:`run`."""
        library = str(self.folder / "workflow")
        return self.run(sys.executable, "-m", "stelnet.cli", *arguments, PYTHONPATH=library, **settings)

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of a run: no mirror, and a proxy that refuses every connection."""
        # each process of a run would compile the library anew if it may not keep what it compiles
        left_out = ("STELNET_MIRROR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        kept = {key: value for key, value in os.environ.items() if key not in left_out}
        closed = dict.fromkeys(
            ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
        )
        return kept | closed

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every result but what holds a clock: logs, records, their page, origins of raw files."""
        results = self.folder / "results/demo"
        return {
            str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(results.rglob("*"))
            if path.is_file()
            and path.relative_to(results).parts[0] not in ("logs", "benchmarks", "provenance")
            and not path.name.endswith(".source.json")
            and path.name != "index.html"
        }


def numbered_as_one(rule: str) -> str:
    """Name of a rule; those of the blocks of bootstraps, which are numbered, share one."""
    return re.sub(r"^(train_baseline|train_transfer)_.*", r"\1", rule)


def planned(text: str) -> dict[str, int]:
    """Rule -> number of its jobs, as the first table tells that Snakemake prints."""
    counts: dict[str, int] = {}
    for row, number in re.findall(r"^([a-z_0-9]+) +(\d+)$", text, re.MULTILINE):
        if row == "total":
            break
        rule = numbered_as_one(row)
        counts[rule] = counts.get(rule, 0) + int(number)
    return counts


@pytest.fixture(scope="session")
def plan(tmp_path_factory) -> Callable[..., list[dict]]:
    """A function that plans a run of everything, of the demo by default; it returns what plan.py tells."""
    bare, target = Checkout.of_repository(tmp_path_factory.mktemp("plan") / "stelnet"), "plan.json"

    @cache
    def plan(*arguments: str) -> list[dict]:
        bare.run(
            sys.executable, ROOT / "tests/plan.py", target, *CONFIGURED, "--dry-run", "--forceall", *arguments
        )
        return json.loads((bare.folder / target).read_text())

    return plan


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Checkout:
    """A checkout in which the demo has run from nothing; tests leave its results as they found them.

    All processes of pytest-xdist share one: the first that needs it runs it, and the others wait.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    checkout, done = Checkout(folder / "demo/stelnet"), folder / "demo.done"
    with open(folder / "demo.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            assert not checkout.folder.exists(), "the demo has failed in another process"
            Checkout.of_repository(checkout.folder).snakemake("--cores", "2")
            done.touch()
    return checkout


@pytest.fixture
def checkout(demo, tmp_path) -> Checkout:
    """A copy of the finished demo that a test may change."""
    return demo.copied(tmp_path / "stelnet")


@pytest.fixture
def point_astroquery_at(monkeypatch):
    """Point astroquery at a server on this machine, by its own configuration, over http instead of https."""
    import astroquery.vizier

    from stelnet.data import network

    monkeypatch.setattr(network, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(
        astroquery.vizier.VizierClass,
        "_server_to_url",
        lambda self, return_type="votable": f"http://{self.VIZIER_SERVER}/viz-bin/{return_type}",
    )
    conf = astroquery.vizier.conf
    # the setting allows only the addresses of VizieR and its mirrors
    monkeypatch.setattr(type(conf).__dict__["server"], "cfgtype", "string")
    yield lambda server: setattr(conf, "server", getattr(server, "address", server))
    conf.reset("server")
