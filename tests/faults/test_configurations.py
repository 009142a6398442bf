"""Hostile configurations: values that nobody would write, files that are none."""

import re

import mutations
import pytest
import yaml
from conftest import ROOT, SNAKEMAKE, Checkout

from stelnet import configuration
from stelnet.errors import ConfigError

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())


def test_mutated_values(faults):
    """A configuration with one value another is refused in a line that names the key, or is taken."""
    for _ in faults.cases(60, 800):
        config = mutations.mutated(CONFIG, faults.generator)
        try:
            configuration.output_folder(config.get("output_dir"))
            configuration.check(config, DATASETS)
        except ConfigError as error:
            faults.refused(str(error).replace("x" * 5000, "x"))
        else:
            faults.came("taken")


def test_mutated_files(faults, tmp_path):
    """A file of the configuration that was cut, overwritten or shifted is refused in one line, or read."""
    content, path = (ROOT / "config.yaml").read_bytes(), tmp_path / "config.yaml"
    for _ in faults.cases(30, 300):
        path.write_bytes(mutations.damaged(content, faults.generator))
        try:
            assert isinstance(configuration.resolve([path], {}), dict)
        except ConfigError as error:
            faults.refused(error)
        else:
            faults.came("read")


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Checkout:
    """A checkout in which nothing has run."""
    return Checkout.of_repository(tmp_path_factory.mktemp("configurations") / "stelnet")


LATIN = "# \u00e9\n".encode("latin-1")


def spoiled(folder, case: str) -> list[str]:
    """Spoil what a run is configured by, and return the arguments that name it."""
    own = folder / "config.yaml"
    if case == "latin config.yaml":
        own.write_bytes(own.read_bytes() + LATIN)
    elif case == "folder config.yaml":
        own.unlink()
        own.mkdir()
    elif case == "list config.yaml":
        own.write_text("- a\n")
    elif case == "file as output folder":
        (folder / "taken").write_text("")
        return ["--config", "output_dir=taken/results"]
    elif case == "working folder as output folder":
        return ["--config", "output_dir=./"]
    elif case == "braces in output folder":
        return ["--config", "output_dir=results/{x}"]
    return []


CASES = [
    "latin config.yaml",
    "folder config.yaml",
    "list config.yaml",
    "file as output folder",
    "working folder as output folder",
    "braces in output folder",
]


def test_what_snakemake_is_given(faults, bare):
    """What is no configuration ends a run in one line and no traceback, before the first job."""
    kept = (bare.folder / "config.yaml").read_bytes()
    for case in CASES if faults.whole else CASES[:4:3]:
        arguments = spoiled(bare.folder, case)
        run = bare.run(SNAKEMAKE, "--dry-run", "--cores", "1", *arguments, check=False)
        assert run.returncode == 1, case
        text = run.stdout + run.stderr
        assert "Traceback" not in text, text
        (line,) = [one for one in text.splitlines() if re.search(r"config\.yaml: |configuration: ", one)]
        faults.refused(line)
        path = bare.folder / "config.yaml"
        if path.is_dir():
            path.rmdir()
        path.write_bytes(kept)


SPELLINGS = [
    "results/demo",
    "./results/demo/",
    "results//demo",
    "results/../results/demo",
    "{cwd}/results/demo",
]


def test_spellings_of_the_output_folder(faults, monkeypatch, tmp_path):
    """All spellings of one output folder are one folder."""
    monkeypatch.chdir(tmp_path)
    for spelling in SPELLINGS:
        assert configuration.output_folder(spelling.format(cwd=tmp_path)) == "results/demo"
        faults.came("the same folder")
    assert configuration.output_folder("../elsewhere") == str(tmp_path.parent / "elsewhere")
