"""What the plans of the demo and of the paper say of all rules."""

import pytest
from conftest import ROOT

from stelnet.provenance.code import source_digest

SCRIPTS = ROOT / "workflow/scripts"


@pytest.fixture(scope="module")
def jobs(plan) -> list[dict]:
    """The jobs of every rule."""
    compared = plan("results/tables/catalogue_diff.csv", "--configfile", "config.yaml")
    return [*plan(), *plan("--configfile", "config.yaml"), *plan("audit"), *compared]


def test_every_script_has_its_rule(jobs):
    assert {job["script"] for job in jobs} - {None} == {path.name for path in SCRIPTS.glob("*.py")}


def test_a_job_runs_again_when_the_library_code_of_its_script_changes(jobs):
    """The digest of that code is among the parameters of the rule."""
    for job in jobs:
        if job["script"]:
            assert source_digest(SCRIPTS / job["script"])[:16] in str(job["params"]), job["rule"]


def test_another_output_folder_moves_everything(plan):
    """The star list that the demo simulates too."""
    moved = plan("--config", "output_dir=./elsewhere//x/../demo/")
    assert {job["rule"] for job in moved} == {job["rule"] for job in plan()}
    for job in moved:
        for path in (*job["output"], *job["input"]):
            assert not path.startswith("results/"), job["rule"]
    (stars,) = [job for job in moved if job["rule"] == "simulate_star_list"]
    assert stars["output"] == ["elsewhere/demo/data/star_lists/field.parquet"]
