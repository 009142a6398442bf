"""Each rule, run again alone on the demo's inputs, makes the same bytes and nothing else."""

import json
import sys

from conftest import CONFIGURED, ROOT


def test_each_rule_alone_makes_the_same_bytes(checkout):
    before = checkout.hashes()
    checkout.run(
        sys.executable, ROOT / "tests/each_rule.py", "each_rule.json", *CONFIGURED, "--dry-run", "--forceall",
        PYTHONPATH=str(checkout.folder / "workflow"),
    )  # fmt: skip
    changed = json.loads((checkout.folder / "each_rule.json").read_text())
    assert len(changed) > 35
    results = checkout.folder / "results/demo"
    of_rule = {path: rule for rule, paths in changed.items() for path in paths}
    assert {
        rule for path, rule in of_rule.items() if str((checkout.folder / path).relative_to(results)) in before
    } == set()
    after = checkout.hashes()
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()
