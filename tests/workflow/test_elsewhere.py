"""The workflow runs in a folder of its own, and as a module of another workflow."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import Checkout

#: What a figure is made from takes a dozen jobs, raw data, tracks and clusters among them.
TARGETS = ["results/demo/figures/fig4.pdf", "results/demo/config.yaml"]


class Elsewhere:
    """A folder outside the repository, from which its workflow is run in one of two ways."""

    def __init__(self, folder: Path, repository: Path, way: str) -> None:
        self.folder = folder
        self.folder.mkdir()
        demo = repository / "resources/demo/config.yaml"
        if way == "directory":
            # from a third folder, by relative paths, as a user may
            self.cwd = folder.parent
            snakefile, demo = (path.relative_to(self.cwd) for path in (repository / "Snakefile", demo))
            self.arguments = ["--directory", folder.name, "--snakefile", snakefile, "--configfile", demo]
        else:
            self.cwd = folder
            config = yaml.safe_load(demo.read_text())
            (folder / "choices.yaml").write_text(yaml.safe_dump({"stelnet": config}))
            (folder / "Snakefile").write_text(
                'configfile: "choices.yaml"\n\n\n'
                f'module stelnet:\n    snakefile: "{repository}/Snakefile"\n'
                '    config: config["stelnet"]\n\n\n'
                "use rule * from stelnet as stelnet_*\n"
            )
            self.arguments = []

    def snakemake(self, *arguments: str) -> str:
        """Run snakemake; return all that it printed."""
        command = [Path(sys.executable).with_name("snakemake"), *self.arguments, *arguments]
        run = subprocess.run(
            list(map(str, command)), cwd=self.cwd, env=Checkout.environment(),
            capture_output=True, text=True, timeout=3600,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout + run.stderr


@pytest.mark.parametrize("way", ["directory", "module"])
def test_demo_runs_elsewhere(tmp_path, way):
    repository = Checkout.of_repository(tmp_path / "stelnet")
    before = {path for path in repository.folder.rglob("*") if "__pycache__" not in path.parts}
    elsewhere = Elsewhere(tmp_path / "elsewhere", repository.folder, way)
    everything = "all" if way == "directory" else "stelnet_all"
    assert "model_card" in elsewhere.snakemake("--cores", "2", "--dry-run", everything)

    elsewhere.snakemake("--cores", "2", *TARGETS)
    for target in TARGETS:
        assert (elsewhere.folder / target).is_file()
    assert "Nothing to be done" in elsewhere.snakemake("--cores", "2", *TARGETS)
    after = {path for path in repository.folder.rglob("*") if "__pycache__" not in path.parts}
    assert after == before, "the repository itself is left alone"

    audit = [sys.executable, "-m", "stelnet.cli", "audit", *TARGETS]
    environment = Checkout.environment() | {"PYTHONPATH": str(repository.folder / "workflow")}
    run = subprocess.run(audit, cwd=elsewhere.folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
