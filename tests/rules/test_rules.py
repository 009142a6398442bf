"""Each rule, run again alone on the demo's inputs, makes the same bytes and nothing else."""

import json
import sys

from conftest import CONFIGURED, ROOT


def test_each_rule_alone_makes_the_same_bytes(checkout):
    before = checkout.hashes()
    checkout.run(
        sys.executable, ROOT / "tests/each_rule.py", "each_rule.json", *CONFIGURED, "--dry-run", "--forceall"
    )
    changed = json.loads((checkout.folder / "each_rule.json").read_text())
    assert len(changed) > 35
    assert {rule: paths for rule, paths in changed.items() if paths} == {}
    after = checkout.hashes()
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()
