"""The profiles, read and planned with, but not run: what every job asks for, and where it goes."""

import re
import subprocess

import pytest
import yaml
from conftest import ROOT
from generic_profile import schedulers, switched_to

PROFILES = sorted(path.parent.name for path in (ROOT / "workflow/profiles").glob("*/config.yaml"))
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
LOCAL = {
    name
    for names in re.findall(r"^ *localrules:\n((?: +\w+,\n)+)", RULES, re.MULTILINE)
    for name in re.findall(r"\w+", names)
}


@pytest.fixture(scope="module")
def plan(demo):
    """A function that plans a run of everything and returns (rule, its resources) of each job."""

    def planned(*arguments: str) -> list[tuple[str, dict[str, str]]]:
        text = demo.snakemake("--dry-run", "--forceall", *arguments).stdout
        jobs = re.findall(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", text, re.MULTILINE)
        return [(rule, dict(item.split("=", 1) for item in line.split(", "))) for rule, line in jobs]

    return planned


def test_profiles():
    assert PROFILES == ["cluster-generic", "default", "slurm"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_job_says_what_it_needs(plan, profile):
    jobs = plan("--workflow-profile", f"workflow/profiles/{profile}")
    assert len(jobs) > 50
    for rule, resources in jobs:
        if rule != "all":
            assert int(resources["mem_mb"]) > 0, rule
            assert int(resources["runtime"]) > 0, rule


def test_every_rule_asks_for_more_at_a_retry():
    blocks = [block for block in re.split(r"^ *rule \w*:\n", RULES, flags=re.MULTILINE) if "script:" in block]
    assert len(blocks) > 25
    for block in blocks:
        assert re.search(r"^ +threads: ", block, re.MULTILINE), block
        own = re.search(r"mem_mb=by_attempt\(.*\n +runtime=(by_attempt\(|\w+_minutes)", block)
        assert own or re.search(r"\*\*\w+_resources\(", block), block
    assert not re.search(r"(mem_mb|runtime)=\d", RULES)


def test_training_asks_for_a_graphics_card_when_told_to(plan):
    def asking(device: str) -> list[str]:
        jobs = plan("--config", f"training={{device: {device}}}")
        return [rule for rule, resources in jobs if int(resources.get("gpu", 0))]

    assert asking("cpu") == []
    assert len(asking("cuda")) == 8, "2 baselines x 2 stages x 2 blocks"
    assert all(rule.startswith("train_baseline") for rule in asking("cuda"))


def test_two_hundred_bootstraps_are_few_submissions(plan, demo, tmp_path):
    """Of the real configuration: both stages, with 200 bootstraps of each in blocks of 100."""
    (tmp_path / "many.yaml").write_text("training: {bootstraps: 200, bootstraps_per_job: 100}\n")
    text = demo.snakemake("--configfile", "config.yaml", str(tmp_path / "many.yaml"), "--dry-run").stdout
    rules = re.findall(r"^(?:local)?rule (\w+):$", text, re.MULTILINE)
    submitted = [rule for rule in rules if rule not in LOCAL | {"all"}]
    assert 10 < len(submitted) < 25, submitted


@pytest.mark.parametrize("name", ["PBS", "LSF", "Grid Engine", "SLURM"])
def test_commands_of_each_scheduler(name):
    text = (ROOT / "workflow/profiles/cluster-generic/config.yaml").read_text()
    assert list(schedulers(text)) == ["PBS", "LSF", "Grid Engine", "SLURM"]
    profile = yaml.safe_load(switched_to(text, name))
    assert profile["cluster-generic-cancel-cmd"] in ("qdel", "bkill", "scancel")
    command = profile["cluster-generic-submit-cmd"]
    for field in ("{rule}", "{threads}", "{resources.mem_mb}", "{resources.runtime}"):
        assert field in command
    filled = re.sub(r"\{[a-z_.]+\}", "1", command)
    assert "{" not in filled
    subprocess.run(["sh", "-n", "-c", f'{filled} "jobscript.sh"'], check=True)
