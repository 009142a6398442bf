"""Each rule, run again alone on the demo's inputs, makes the same bytes and nothing else."""

from itertools import groupby

from conftest import numbered_as_one, planned

#: Rules that make no file, or one that holds the clock.
TARGETS = {"all", "index"}


def chosen(plan) -> list[dict]:
    """One job of each rule of the demo, first jobs first."""
    jobs: dict[str, dict] = {}
    for job in sorted(plan(), key=lambda job: job["output"]):
        if job["rule"] not in TARGETS:
            jobs.setdefault(numbered_as_one(job["rule"]), job)
    return sorted(jobs.values(), key=lambda job: job["level"])


def test_each_rule_alone_makes_the_same_bytes(plan, checkout):
    """One run a level of the plan: its jobs do not need each other, so each has the inputs of the demo."""
    before, rules = checkout.hashes(), set()
    for _, level in groupby(chosen(plan), key=lambda job: job["level"]):
        targets = {numbered_as_one(job["rule"]): job["output"][0] for job in level}
        for path in targets.values():
            (checkout.folder / path).unlink()
        run = checkout.snakemake("--cores", "2", *targets.values(), "--rerun-triggers", "mtime")
        assert planned(run.stdout + run.stderr) == dict.fromkeys(targets, 1)
        after = checkout.hashes()
        assert {path for path in before | after if before.get(path) != after.get(path)} == set(), targets
        rules |= targets.keys()
    assert len(rules) > 20
