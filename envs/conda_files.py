"""Write the conda files of this folder: what the scripts of the rules need, in the versions of the lock.

`make lock` runs this. Standard library only.
"""

import re
import tomllib
from pathlib import Path

ENVS = Path(__file__).parent
EXTRAS = {
    "analysis": ("Downloads, tables and figures: everything that needs no torch", ("exact", "workflow")),
    "torch": ("Training, and what comes with it", ("exact", "training", "workflow")),
}
FILE = """\
# {about}. Made by `make lock` from pyproject.toml and the lock.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - pip:
{pins}
"""


def normal(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def conda_file(name: str) -> str:
    """Return the text of ``<name>.yaml``.

    Snakemake runs outside of these environments: it and its plugins are left out.
    """
    locks = "".join((ENVS / lock).read_text(encoding="utf-8") for lock in ("requirements.lock", "torch.lock"))
    versions = {normal(name): version for name, version in re.findall(r"(?m)^([\w.-]+)==(\S+)", locks)}
    project = tomllib.loads((ENVS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about, extras = EXTRAS[name]
    needs = project["dependencies"] + [
        need for extra in extras for need in project["optional-dependencies"][extra]
    ]
    names = sorted({re.match(r"[\w.-]+", need)[0] for need in needs} - {project["name"]}, key=str.lower)
    pins = [f"      - {one}=={versions[normal(one)]}" for one in names if not one.startswith("snakemake")]
    return FILE.format(about=about, pins="\n".join(pins))


if __name__ == "__main__":
    for name in EXTRAS:
        (ENVS / f"{name}.yaml").write_text(conda_file(name), encoding="utf-8")
