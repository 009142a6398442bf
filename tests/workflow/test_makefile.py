"""The environment is made whole or not at all."""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from waiting import HANG

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def folder(tmp_path):
    """A folder with the Makefile and what it needs to make an environment, but nothing to install."""
    (tmp_path / "envs").mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "envs/requirements.lock").write_text(f"uv==0.0.0 \\\n    --hash=sha256:{64 * '0'}\n")
    (tmp_path / "envs/torch.lock").write_text("torch==0.0.0\n")
    return tmp_path


def make(folder, *arguments):
    return subprocess.run(
        ["make", f"PYTHON={sys.executable}", *arguments],
        cwd=folder,
        env=os.environ | {"PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        timeout=HANG,
    )


def test_failed_install_leaves_no_environment(folder):
    result = make(folder, ".venv/.complete")
    assert result.returncode != 0
    assert "uv==0.0.0" in result.stdout + result.stderr
    assert not (folder / ".venv").exists()


def test_half_made_environment_is_never_used(folder):
    """What a killed install left behind, an environment without its mark, is removed first."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/snakemake").write_text("half")
    make(folder, ".venv/.complete")
    assert not (folder / ".venv/bin/snakemake").exists()


def test_old_python_is_refused_by_name(folder):
    old = folder / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = make(folder, ".venv/.complete", f"PYTHON={old}")
    assert result.returncode != 0
    assert "Python 3.11 or later is needed" in result.stdout
    assert not (folder / ".venv").exists()
