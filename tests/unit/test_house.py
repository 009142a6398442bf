"""House rules that keep the repository consistent with itself."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCK = dict(
    line.strip().lower().split("==")
    for line in (ROOT / "envs/requirements.lock").read_text().splitlines()
    if "==" in line
)


@pytest.mark.parametrize("name", ["analysis", "torch"])
def test_conda_environments_pin_what_the_lock_pins(name):
    environment = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    (pins,) = (item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert len(pins) > 10
    for pin in pins:
        package, version = pin.lower().split("==")
        assert LOCK[package] == version


def test_library_never_imports_snakemake():
    sources = list((ROOT / "workflow/stelnet").rglob("*.py"))
    assert sources
    for path in sources:
        assert not re.search(r"^\s*(import|from) snakemake", path.read_text(), re.MULTILINE), path


def test_every_rule_has_its_script_and_every_script_its_rule():
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    used = set(re.findall(r'"\.\./scripts/([a-z_0-9]+\.py)"', rules))
    assert used == {path.name for path in (ROOT / "workflow/scripts").glob("*.py")}
    # the digest of the library code that a script uses is a parameter of its rule
    for script in used:
        assert f'code_of("{script}"' in rules, f"rule of {script} has no code=code_of(...)"


def test_no_python_object_is_unpickled():
    for path in (ROOT / "workflow").rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text, path
        for call in re.findall(r"torch\.load\([^)]*\)", text):
            assert "weights_only=True" in call, path
        for call in re.findall(r"np\.load\([^)]*\)", text):
            assert "allow_pickle=False" in call, path
