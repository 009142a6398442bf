"""One test per rule: run again alone on the demo's inputs, it makes the same bytes and nothing else."""

import re
import shutil

import pytest
from conftest import ROOT, Checkout

#: Rules that make no file, or one that holds the clock.
TARGETS = {"all", "audit", "index"}


def declared() -> list[str]:
    """The names of all rules of the demo; the numbered ones of the training blocks count as two."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    names = set(re.findall(r"^ *rule ([a-z_0-9]+):", text, re.MULTILINE)) | {
        "train_baseline",
        "train_transfer",
    }
    return sorted(name for name in names - TARGETS if not name.startswith(("fetch", "convert_published")))


@pytest.fixture(scope="module")
def sandbox(demo, tmp_path_factory) -> Checkout:
    """A copy of the finished demo that the tests of this module share."""
    folder = tmp_path_factory.mktemp("rules") / "stelnet"
    shutil.copytree(demo.folder, folder, symlinks=True)
    copy = Checkout.__new__(Checkout)
    copy.folder = folder
    return copy


@pytest.fixture(scope="module")
def made(sandbox) -> dict[str, list[str]]:
    """Rule -> the files that it made, as Snakemake's own summary tells."""
    header, *rows = (line.split("\t") for line in sandbox.snakemake("--summary").stdout.splitlines())
    made: dict[str, list[str]] = {}
    for row in rows:
        entry = dict(zip(header, row, strict=False))
        rule = re.sub(r"^(train_baseline|train_transfer).*", r"\1", entry["rule"])
        made.setdefault(rule, []).append(entry["output_file"])
    return made


@pytest.mark.parametrize("rule", declared())
def test_rule_alone_makes_the_same_bytes(rule, sandbox, made):
    before = sandbox.hashes()
    target = sorted(made[rule])[0]
    (sandbox.folder / target).unlink()
    run = sandbox.snakemake("--cores", "1", target, "--rerun-triggers", "mtime")
    assert re.search(rf"^{rule}\S* +1$", run.stdout + run.stderr, re.MULTILINE), "the rule did not run"
    assert "total      1" in re.sub(r"total +1", "total      1", run.stdout + run.stderr), "other rules ran"
    assert sandbox.hashes() == before
