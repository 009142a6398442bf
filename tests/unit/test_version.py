"""The version is one, wherever it is written."""

import re
import subprocess

import pytest
import yaml
from conftest import ROOT

from stelnet._version import __version__


def test_changelog_and_citation_name_the_version():
    (first, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first == __version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__


def test_tag_at_the_commit_is_the_version():
    command = ["git", "-C", str(ROOT), "tag", "--points-at", "HEAD", "v*"]
    tags = subprocess.run(command, capture_output=True, text=True).stdout.split()
    if not tags:
        pytest.skip("no tag of a version at this commit")
    assert f"v{__version__}" in tags
