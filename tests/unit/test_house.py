"""House rules that keep the repository consistent with itself."""

import ast
import re
import runpy
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["analysis", "torch"])
def test_conda_files_follow_the_lock(name):
    conda_file = runpy.run_path(str(ROOT / "envs/conda_files.py"))["conda_file"]
    text = (ROOT / f"envs/{name}.yaml").read_text()
    assert text == conda_file(name), "run `make lock`"
    (pins,) = (item["pip"] for item in yaml.safe_load(text)["dependencies"] if isinstance(item, dict))
    assert any(pin.startswith("torch==") for pin in pins) == (name == "torch")
    assert "numpy" in {pin.partition("==")[0] for pin in pins}


def test_lock_holds_one_version_of_all_that_is_needed_and_allowed():
    locks = [(ROOT / f"envs/{name}.lock").read_text() for name in ("requirements", "torch")]
    pins = re.findall(r"^([\w.-]+)==(\S+)", "".join(locks), re.MULTILINE)
    locked = {canonicalize_name(name): version for name, version in pins}
    assert len(locked) == len(pins)
    assert all(
        re.search(rf"^{name}==.*\\\n +--hash=sha256:", locks[0], re.MULTILINE)
        for name in locked.keys() - {"torch"}
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    for text in chain(
        project["project"]["dependencies"], *extras.values(), *project["dependency-groups"].values()
    ):
        need = Requirement(text)
        assert set(need.extras) <= set(extras), text
        if need.name != "stelnet":
            assert need.specifier, f"{text} has no lower bound"
            assert locked[canonicalize_name(need.name)] in need.specifier, f"{text}: run `make lock`"


def test_library_never_imports_snakemake():
    sources = list((ROOT / "workflow/stelnet").rglob("*.py"))
    assert sources
    for path in sources:
        assert not re.search(r"^\s*(import|from) snakemake", path.read_text(), re.MULTILINE), path


def test_no_python_object_is_unpickled():
    for path in (ROOT / "workflow").rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text, path
        for call in re.findall(r"torch\.load\([^)]*\)", text):
            assert "weights_only=True" in call, path
        for call in re.findall(r"np\.load\([^)]*\)", text):
            assert "allow_pickle=False" in call, path


def test_every_import_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {canonicalize_name(Requirement(line).name) for line in [*project["dependencies"], *extras]}
    packages = packages_distributions()
    for path in [*(ROOT / "workflow").rglob("*.py"), ROOT / "docs/refresh.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in {name.split(".")[0] for name in names} - {"stelnet", *sys.stdlib_module_names}:
                found = set(map(canonicalize_name, packages.get(name, [name])))
                assert found & declared, f"{path}: {name} is no dependency in pyproject.toml"
