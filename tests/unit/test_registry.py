"""The registry of the raw data is sound, and the mirror, where there is one, holds what it says."""

import copy
from pathlib import Path

import pytest
import yaml

from stelnet import configuration
from stelnet.errors import ConfigError
from stelnet.files import sha256_file

ROOT = Path(__file__).parents[2]
REGISTRY = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
#: Large grids that a mirror need not hold: the package index and their makers have them.
ELSEWHERE = {"mist_cube", "mist_isochrones"}
FILES = [(name, file) for name, dataset in REGISTRY.items() for file in dataset["files"]]


def test_registry_follows_its_schema():
    configuration.validate(REGISTRY, "datasets", "resources/datasets.yaml")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("dh", "files", 0, "sha256"), "bf3a18", r"dh\.files\.0\.sha256: 'bf3a18' does not match"),
        (("dh", "files", 0, "url"), "http://example.org/DH.csv", r"dh\.files\.0\.url"),
        (("dh", "files", 0, "mirror"), "/etc/passwd", r"dh\.files\.0\.mirror"),
        (("dh", "files", 0, "name"), "../DH.csv", r"dh\.files\.0\.name"),
        (("dh", "files", 0, "md5"), "x", r"dh\.files\.0: unknown key md5; allowed are name, mirror, url"),
        (("dh", "citations"), [], r"dh\.citations"),
        (("dh", "citations", 0, "bibcode"), "2015ApJ...804..146", r"dh\.citations\.0\.bibcode"),
        (("gbs", "vizier", "rows"), "many", r"gbs\.vizier\.rows"),
        (("gbs", "vizier", "rows"), [36], r"gbs\.vizier\.rows"),
        (
            ("gbs", "vizier", "columns", "StarID1"),
            {"units": "K"},
            r"StarID1: unknown key units; allowed are ask",
        ),
        (("D&H",), {}, "D&H"),
    ],
)
def test_schema_names_what_is_wrong(path, value, message):
    registry = copy.deepcopy(REGISTRY)
    place = registry
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ConfigError, match=f"datasets.yaml: .*{message}"):
        configuration.validate(registry, "datasets", "datasets.yaml")


def test_files_of_a_dataset_and_of_a_mirror_have_names_of_their_own():
    assert len({(name, file["name"]) for name, file in FILES}) == len(FILES)
    assert len({file["mirror"] for _, file in FILES}) == len(FILES)


def test_every_file_can_be_had_and_be_verified():
    for name, file in FILES:
        known = (file["bytes"] is None) == (file["sha256"] is None)
        assert known, f"{name}: bytes and sha256 are known together"
        if file["url"] is None and "vizier" not in REGISTRY[name]:
            assert file["sha256"], f"{name}: a file that only mirrors have must be known by its digest"
        if "raw.githubusercontent.com" in (file["url"] or ""):
            commit = file["url"].split("/")[5]
            assert len(commit) == 40, f"{name}: the address must be pinned to a commit"
            assert commit[:7] in REGISTRY[name]["version"]


def test_datasets_of_several_files_have_a_rule():
    several = {name for name, dataset in REGISTRY.items() if len(dataset["files"]) > 1}
    assert several == {"published_networks"}
    assert len(REGISTRY["published_networks"]["files"]) == 84


def test_ranges_of_rows_are_ranges():
    for name, dataset in REGISTRY.items():
        rows = dataset.get("vizier", {}).get("rows", 1)
        assert isinstance(rows, int) or rows[0] < rows[1], name


def test_mirror_holds_the_registered_files(mirror):
    checked = 0
    for name, file in FILES:
        if file["sha256"] and name not in ELSEWHERE:
            path = mirror / file["mirror"]
            assert path.stat().st_size == file["bytes"], f"{name}: {path}"
            assert sha256_file(path) == file["sha256"], f"{name}: {path}"
            checked += 1
    assert checked >= 94
