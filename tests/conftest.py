"""Fixtures shared by all tests."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


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
    """A copy of the repository in which the workflow is run as a user runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for name in names:
            if (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)

    def snakemake(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess:
        """Run snakemake on the demo's configuration, with no mirror and no way to a network."""
        command = [
            str(Path(sys.executable).with_name("snakemake")),
            "--configfile",
            "resources/demo/config.yaml",
        ]
        result = subprocess.run(
            command + list(arguments), cwd=self.folder, env=self.environment() | environment,
            capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of a run: no mirror, and a proxy that refuses every connection."""
        kept = {
            key: value for key, value in os.environ.items() if key not in ("STELNET_MIRROR", "PYTHONPATH")
        }
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


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Checkout:
    """A checkout in which the demo has run from nothing; tests leave its results as they found them."""
    checkout = Checkout(tmp_path_factory.mktemp("demo") / "stelnet")
    checkout.first_run = checkout.snakemake("--cores", "2")
    return checkout


@pytest.fixture
def checkout(demo, tmp_path) -> Checkout:
    """A copy of the finished demo that a test may change."""
    shutil.copytree(demo.folder, tmp_path / "stelnet", symlinks=True)
    copy = Checkout.__new__(Checkout)
    copy.folder = tmp_path / "stelnet"
    return copy
