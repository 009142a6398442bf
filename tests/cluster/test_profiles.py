"""The profiles, read and planned with, but not run: what every job asks for, and where it goes."""

import re
import subprocess

import pytest
import yaml
from conftest import ROOT
from generic_profile import schedulers, switched_to

PROFILES = sorted(path.parent.name for path in (ROOT / "profiles").glob("*/config.yaml"))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_job_says_what_it_needs_and_asks_for_more_at_a_retry(plan, profile):
    jobs = [job for job in plan("--workflow-profile", profile) if job["script"]]
    assert len(jobs) > 50
    for job in jobs:
        for resource in ("mem_mb", "runtime"):
            assert 0 < int(job["resources"][resource]) < int(job["retried"][resource]), job["rule"]


def test_training_asks_for_a_graphics_card_when_told_to(plan):
    def asking(device: str) -> list[str]:
        jobs = plan("--config", f"training={{device: {device}}}")
        return [job["rule"] for job in jobs if int(job["resources"].get("gpu", 0))]

    assert asking("cpu") == []
    assert len(asking("cuda")) == 8, "2 baselines x 2 stages x 2 blocks"
    assert all(rule.startswith("train_baseline") for rule in asking("cuda"))


def test_two_hundred_bootstraps_are_few_submissions(plan, tmp_path):
    """Of the real configuration: both stages, with 200 bootstraps of each in blocks of 100."""
    (tmp_path / "many.yaml").write_text("training: {bootstraps: 200, bootstraps_per_job: 100}\n")
    jobs = plan("--configfile", "config.yaml", str(tmp_path / "many.yaml"))
    submitted = [job["rule"] for job in jobs if job["script"] and not job["local"]]
    of_bootstraps = [rule for rule in submitted if rule.startswith(("train_baseline", "train_transfer"))]
    assert len(of_bootstraps) == 16
    assert len(submitted) <= 40, submitted


@pytest.mark.parametrize("name", ["PBS", "LSF", "Grid Engine", "SLURM"])
def test_commands_of_each_scheduler(name):
    text = (ROOT / "profiles/cluster-generic/config.yaml").read_text()
    assert list(schedulers(text)) == ["PBS", "LSF", "Grid Engine", "SLURM"]
    profile = yaml.safe_load(switched_to(text, name))
    assert profile["cluster-generic-cancel-cmd"] in ("qdel", "bkill", "scancel")
    command = profile["cluster-generic-submit-cmd"]
    for field in ("{rule}", "{threads}", "{resources.mem_mb}", "{resources.runtime}"):
        assert field in command
    filled = re.sub(r"\{[a-z_.]+\}", "1", command)
    assert "{" not in filled
    subprocess.run(["sh", "-n", "-c", f'{filled} "jobscript.sh"'], check=True)
