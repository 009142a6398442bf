"""Rules stay short: what a rule has in common with others belongs to profiles, constants and functions."""

import re
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
BLOCK = re.compile(r"( *)(?:use )?(?:rule|checkpoint)\b[^=()]*:$")


def lengths(text: str) -> dict[int, int]:
    """Return first line of a rule -> its non-blank lines, up to the next thing that is not below it."""
    found = {}
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if block := BLOCK.fullmatch(line):
            found[number + 1] = 1
            for below in filter(str.strip, lines[number + 1 :]):
                if len(below) - len(below.lstrip()) <= len(block[1]):
                    break
                found[number + 1] += 1
    return found


def test_rules_are_counted():
    text = 'rule one:\n    """A"""\n\n    input:\n        x,\n\nif x:\n    rule:\n        name: "b"\nX = 1\n'
    assert lengths(text) == {1: 4, 8: 2}


def test_rules_are_short():
    counts = {
        f"{path.relative_to(ROOT)}:{line}": count
        for path in FILES
        for line, count in lengths(path.read_text()).items()
    }
    assert len(counts) > 30
    assert {place: count for place, count in counts.items() if count > 30} == {}
    assert median(counts.values()) <= 16


def test_every_rule_says_what_it_is_for():
    """`snakemake --list` reads like a table of contents."""
    for path in FILES:
        lines = path.read_text().splitlines()
        for first in lengths(path.read_text()):
            assert lines[first].strip().startswith('"""'), f"{path.name}:{first}: {lines[first - 1].strip()}"
