"""The library installed as users install it: from a wheel, without what only the workflow needs."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from conftest import ROOT, Checkout
from pages import blocks
from waiting import HANG

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SCRATCH = "import sys; sys.argv = ['setup.py']; from setuptools import build_meta as b; "


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A folder with sdist and wheel, built from a copy of the repository with no way to a network."""
    checkout = Checkout.of_repository(tmp_path_factory.mktemp("build") / "stelnet")
    code = SCRATCH + "b.build_sdist('dist'); b.build_wheel('dist')"
    checkout.run(sys.executable, "-c", code)
    return checkout.folder / "dist"


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory) -> Path:
    """An environment that sees what this one has, but not what only training and the workflow need."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text("\n".join(site.getsitepackages()))
    for name in extras():
        (packages / f"{name}.py").write_text(f"raise ModuleNotFoundError(name='{name}')")
    (wheel,) = dist.glob("*.whl")
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install"]
    command += ["--no-deps", "--no-index", "--ignore-installed", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def extras() -> set[str]:
    """Names of the modules that only training and the workflow need."""
    extra = PROJECT["project"]["optional-dependencies"]
    needs = {re.match(r"[\w-]+", need)[0].lower() for needs in extra.values() for need in needs}
    # astropy, which every installation has, brings PyYAML
    needs -= {"stelnet", "pyyaml"}
    modules = {
        (distribution.lower(), module)
        for module, distributions in packages_distributions().items()
        for distribution in distributions
        if distribution.lower() in needs
    }
    assert {distribution for distribution, _ in modules} == needs
    return {module for _, module in modules}


def run(installed: Path, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a program of the environment from another folder, with no variable that leads to the checkout."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "STELNET"))
    } | variables
    program = str(installed / "bin" / arguments[0])
    return subprocess.run(
        [program, *arguments[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG
    )


def test_wheel_holds_all_modules_and_the_models(dist):
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    package = ROOT / "workflow/stelnet"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    modules = {f"stelnet/{path.relative_to(package).as_posix()}" for path in files}
    models = {f"stelnet/pretrained/{path.name}" for path in (ROOT / "resources/pretrained").iterdir()}
    assert len(modules) > 40
    assert "stelnet/pretrained/transfer.safetensors" in models
    assert "stelnet/py.typed" in modules
    assert names == modules | models


def test_wheel_asks_for_no_torch(dist):
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith("/METADATA"))
        needs = re.findall(r"^Requires-Dist: (.+)$", file.read(name).decode(), re.MULTILINE)
    plain = [need for need in needs if "extra ==" not in need]
    assert not [need for need in plain if need.startswith("torch")]
    assert [need for need in needs if need.startswith("torch") and 'extra == "training"' in need]
    assert len(plain) == len(PROJECT["project"]["dependencies"])


def test_an_index_would_take_both(dist):
    pytest.importorskip("twine")
    files = [str(path) for path in dist.iterdir()]
    assert len(files) == 2
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True, timeout=HANG)


def test_sdist_makes_the_same_wheel(dist, tmp_path):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    Checkout(folder).run(sys.executable, "-c", SCRATCH + "b.build_wheel('dist')")
    (one,), (other,) = dist.glob("*.whl"), folder.glob("dist/*.whl")
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        digests = [{info.filename: info.CRC for info in file.infolist()} for file in (first, second)]
    assert digests[0] == digests[1]


def test_installed_package_finds_its_models(installed, tmp_path):
    result = run(installed, tmp_path, "stelnet", "models", "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert {row["name"] for row in rows} == {"baseline", "posterior", "transfer"}
    for row in rows:
        assert Path(row["path"]).is_relative_to(installed)


def test_installed_package_predicts(installed, tmp_path):
    example = ROOT / "resources/examples/bright_stars.csv"
    result = run(installed, tmp_path, "stelnet", "predict", str(example), "-o", "ages.csv")
    assert result.returncode == 0, result.stderr
    names = [line.split(",")[0].strip('"') for line in (tmp_path / "ages.csv").read_text().splitlines()]
    stars = [line.split(",")[0] for line in example.read_text().splitlines()][1:]
    assert stars == names[-len(stars) :]


def test_installed_package_runs_the_notebook(installed, tmp_path):
    shutil.copytree(ROOT / "resources/examples", tmp_path / "resources/examples")
    (tmp_path / "docs").mkdir()
    cells = [block.text for block in blocks("docs/notebook.md", "{code-cell}")]
    (tmp_path / "docs/notebook.py").write_text("\n".join(cells))
    result = run(installed, tmp_path / "docs", "python", "notebook.py", MPLBACKEND="Agg")
    assert result.returncode == 0, result.stderr
    assert "stars can be used as they are" in result.stdout


def test_installed_command_names_its_version(installed, tmp_path):
    (wheel,) = (path.name for path in installed.glob("lib/python*/site-packages/stelnet-*.dist-info"))
    result = run(installed, tmp_path, "stelnet", "--version")
    assert result.stdout == f"{wheel.removesuffix('.dist-info').replace('-', ' ')}\n"


#: In bash, as after `stelnet --install-completion`: what a tab makes of the word.
COMPLETE = """
PATH="$1:$PATH"
eval "$(stelnet --show-completion)"
COMP_WORDS=(stelnet pre) COMP_CWORD=1
_stelnet_completion stelnet
echo "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands(installed):
    command = ["bash", "-c", COMPLETE, "bash", str(installed / "bin")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert result.stdout.split() == ["predict"], result.stderr


def test_command_starts_without_heavy_imports(installed, tmp_path):
    heavy = "torch|pandas|pyarrow|astropy|scipy|matplotlib"
    for arguments in ([], ["models"]):
        code = "import sys; from stelnet.cli import app; app(sys.argv[1:], standalone_mode=False); "
        code += "print('loaded:', *sorted(sys.modules))"
        result = run(installed, tmp_path, "python", "-c", code, *(arguments or ["--help"]))
        assert result.returncode == 0, result.stderr
        loaded = result.stdout.rpartition("loaded:")[2].split()
        assert "stelnet.cli" in loaded
        assert not [name for name in loaded if re.fullmatch(heavy, name)]


def test_csv_is_answered_without_heavy_imports(installed, tmp_path):
    arguments = ["predict", str(ROOT / "resources/examples/bright_stars.csv"), "-o", "ages.csv"]
    code = "import sys; from stelnet.cli import app; app(sys.argv[1:], standalone_mode=False); "
    code += "print('loaded:', *sorted(sys.modules))"
    result = run(installed, tmp_path, "python", "-c", code, *arguments)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "ages.csv").is_file()
    loaded = result.stdout.rpartition("loaded:")[2].split()
    assert "stelnet.starlists.prediction" in loaded
    assert not {"astropy.table", "astropy.io.fits", "torch", "matplotlib", "numba"} & set(loaded)


@pytest.mark.parametrize(("command", "code"), [("audit", 3), ("archive", 2)])
def test_commands_on_a_run_say_which_extra_they_need(installed, tmp_path, command, code):
    result = run(installed, tmp_path, "stelnet", command, *(["--all"] if command == "audit" else []))
    assert result.returncode == code
    assert "pip install 'stelnet[workflow]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1
