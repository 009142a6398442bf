"""The code of README.md and of the pages of docs/ does what it says."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache

import pytest
import typer
from conftest import ROOT
from pages import PAGES, blocks, commands
from snakemake.cli import parse_args
from synthetic_model import write_posterior_model
from typer.main import get_command
from waiting import HANG

from stelnet.cli import app

STARS = "name,Teff,e_Teff,L,e_L,[Fe/H]\nA,5800,60,1.0,0.05,0.1\nB,6200,60,2.0,0.1,-0.2\n"
PYTHON = [block for page in PAGES for block in blocks(page, "python")]
# a block that stands on several pages is run once
SHELL = list({block.text: block for page in PAGES for block in blocks(page, "bash")}.values())


@pytest.fixture(scope="module")
def posterior(tmp_path_factory):
    return write_posterior_model(tmp_path_factory.mktemp("posterior"))


@pytest.fixture
def folder(tmp_path, posterior):
    """A folder with what the pages take for granted: examples, a list of stars, a run's model."""
    shutil.copytree(ROOT / "resources/examples", tmp_path / "resources/examples")
    (tmp_path / "stars.csv").write_text(STARS)
    (tmp_path / "results/pretrained").mkdir(parents=True)
    shutil.copy(posterior, tmp_path / "results/pretrained/posterior.safetensors")
    return tmp_path


def skip_if_marked(block):
    if block.reason:
        pytest.skip(f"{block} is not run: {block.reason}")


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_runs(block, folder, monkeypatch):
    skip_if_marked(block)
    monkeypatch.chdir(folder)
    exec(compile(block.text, str(block), "exec"), {"__name__": "page"})


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_shell_runs(block, folder):
    skip_if_marked(block)
    programs = folder / "bin"
    programs.mkdir()
    # what pip installs is tested elsewhere
    for name, action in {"stelnet": f'exec "{sys.executable}" -m stelnet.cli "$@"', "pip": "exit"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{action}\n")
        (programs / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "workflow"),
    }
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@cache
def rules() -> set[str]:
    """Names of the rules of the workflow."""
    texts = (path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    return {name for text in texts for name in re.findall(r"^ *rule (\w+):", text, re.MULTILINE)}


def parse(program: str, *arguments: str) -> None:
    """Raise what the program says of a call that it does not understand; nothing runs."""
    if program == "make":
        result = subprocess.run(
            ["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=HANG
        )
        if result.returncode:
            raise ValueError(result.stderr)
    elif program == "snakemake":
        # N stands for a number
        _, known = parse_args(["1" if argument == "N" else argument for argument in arguments])
        unknown = {target for target in known.targets if "/" not in target and target.islower()} - rules()
        if unknown:
            raise ValueError(f"no rules: {unknown}")
    else:
        command = get_command(app)
        if arguments and not arguments[0].startswith("-"):
            command, arguments = command.commands[arguments[0]], arguments[1:]
        try:
            command.make_context(program, list(arguments))
        except typer.Exit:  # --version and the like
            pass
        except Exception as error:
            # the text may name a command without the rest
            if not str(error).startswith("Missing"):
                raise


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_are_understood(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for call in commands(page):
        try:
            parse(*call)
        except (Exception, SystemExit) as error:
            pytest.fail(f"{page}: {' '.join(call)}: {error}")


@pytest.mark.parametrize(
    "call",
    [
        "make nothing",
        "snakemake --nothing",
        "snakemake --cores 1 nothing",
        "stelnet nothing",
        "stelnet predict --nothing",
        "stelnet predict stars.csv --stage nothing",
    ],
)
def test_a_wrong_command_is_noticed(call, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises((Exception, SystemExit)):
        parse(*call.split())
