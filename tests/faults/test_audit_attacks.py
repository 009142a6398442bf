"""Attempts to fool the audit, and damage to what it reads."""

import json
import os
import shutil
from contextlib import suppress

import mutations
import pytest
import yaml
from small_run import CONFIG, FIGURE, RAW, TABLE, Run
from typer.testing import CliRunner

from stelnet.audit.audit import Audit
from stelnet.cli import app
from stelnet.provenance import records
from stelnet.provenance.ledger import Ledger


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    run = Run(tmp_path, monkeypatch)
    Ledger(run.out / "provenance").close()
    yield run
    records.registry.cache_clear()


@pytest.fixture
def restored(run):
    """A function that puts all files of the run back as they were."""
    kept = {path: path.read_bytes() for path in run.root.parent.rglob("*") if path.is_file()}

    def restore() -> Run:
        shutil.rmtree(run.out / "figures/provenance", ignore_errors=True)
        for path in list(run.root.parent.rglob("*")):
            if path.is_symlink() or (path.is_file() and path not in kept):
                path.unlink()
        for path, content in kept.items():
            if path.is_dir():
                shutil.rmtree(path)
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        records.registry.cache_clear()
        return run

    return restore


def sealed(record: dict) -> str:
    """A record whose id and seal a forger has made fit, where it still is one."""
    with suppress(KeyError, TypeError, AttributeError):
        record["id"] = records.record_id(record)
    with suppress(ValueError, TypeError):
        record["seal"] = records.seal(record)
    return json.dumps(record, indent=2, sort_keys=True)


def told(*arguments: str) -> tuple[int, list[dict]]:
    """Exit code and findings of the command; a traceback is none of them."""
    shown = CliRunner().invoke(app, ["audit", *arguments])
    assert shown.exception is None or isinstance(shown.exception, SystemExit), repr(shown.exception)
    machine = CliRunner().invoke(app, ["audit", "--json", *arguments])
    assert machine.exit_code == shown.exit_code
    return shown.exit_code, json.loads(machine.stdout) if machine.stdout.startswith("[") else []


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])
def test_forged_records(faults, restored, listed):
    """A record with one value another, its id and seal made to fit, ends in no traceback; against the list of
    records it is never verified."""
    names = [FIGURE, TABLE, RAW]
    for _ in faults.cases(40, 600):
        run = restored()
        if not listed:
            (run.out / "provenance/records.sha256").unlink()
        name = names[faults.generator.integers(3)]
        place = records.record_path(run.out, name)
        before = json.loads(place.read_text())
        place.write_text(sealed(mutations.mutated(before, faults.generator)))
        code, found = told("--all")
        if listed and json.loads(place.read_text()) != before:
            assert code != 0
            assert {one["path"]: one["verdict"] for one in found}[name] in ("altered", "unknown")
        assert code in range(4)
        faults.came("found" if code else "not found")


def test_damaged_bookkeeping(faults, restored):
    """Damage to a record, the list of records, the store of hashes, the configuration or the registry ends in
    a verdict."""
    places = [
        "repo/results/provenance/records.sha256",
        "repo/results/provenance/.hashes.json",
        "repo/config.yaml",
        "repo/resources/datasets.yaml",
        *(f"repo/results/provenance/{name}.json" for name in (FIGURE, TABLE, RAW)),
    ]
    for _ in faults.cases(40, 500):
        run = restored()
        # so that there is a store
        Audit(run.out, run.root).findings()
        path = run.root.parent / places[faults.generator.integers(len(places))]
        content = path.read_bytes() if path.is_file() else b"{}"
        path.write_bytes(mutations.damaged(content, faults.generator))
        code, found = told("--all")
        assert code in range(4)
        assert found
        faults.came("found" if code else "harmless")


def seal_again(run: Run, name: str, change) -> None:
    """Edit a record and make its id and seal fit."""
    place = records.record_path(run.out, name)
    record = json.loads(place.read_text())
    change(record)
    place.write_text(sealed(record))


def retouch(run: Run, name: str = FIGURE, old: bytes = b"fig1", new: bytes = b"fig9") -> str:
    """Change a file, and return its digest."""
    path = run.out / name
    path.write_bytes(path.read_bytes().replace(old, new))
    return records.sha256_file(path)


def keep_size_and_time(run: Run) -> None:
    before = (run.out / FIGURE).stat()
    retouch(run)
    os.utime(run.out / FIGURE, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced_by_rename(run: Run) -> None:
    path = run.out / FIGURE
    before, other = path.stat(), path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"fig1", b"fig9"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def forge_last_record(run: Run) -> None:
    digest = retouch(run)
    seal_again(run, FIGURE, lambda record: record["output"].update({"sha256": digest}))


def forge_first_record(run: Run) -> None:
    digest = retouch(run, RAW, b"star", b"moon")
    seal_again(run, RAW, lambda record: record["output"].update({"sha256": digest}))


def forge_whole_lineage(run: Run) -> None:
    """Every record is made to fit; the list is not."""
    digest = retouch(run, TABLE, b"1.0", b"9.0")
    seal_again(run, TABLE, lambda record: record["output"].update({"sha256": digest}))
    seal_again(run, FIGURE, lambda record: record["inputs"][TABLE].update({"sha256": digest}))


def forge_then_run_again(run: Run) -> None:
    """The end of a further run takes nothing into the list that no job wrote."""
    forge_last_record(run)
    run.job("stars", "stars", [f"results/{RAW}"], {"tables/more.csv": "1\n"})
    Ledger(run.out / "provenance").close()


def hide_below_records(run: Run) -> None:
    (run.out / "figures/provenance").mkdir()
    retouch(run)


def hide_all_below_records(run: Run) -> None:
    shutil.copytree(run.out / "provenance", run.out / "figures/provenance")
    forge_last_record(run)


def file_without_record(run: Run) -> None:
    (run.out / "figures/new.png").write_text("x")


def record_without_file(run: Run) -> None:
    (run.out / FIGURE).unlink()


def neither_file_nor_record(run: Run) -> None:
    (run.out / FIGURE).unlink()
    records.record_path(run.out, FIGURE).unlink()


def swap_two_records(run: Run) -> None:
    one, two = (records.record_path(run.out, name) for name in (FIGURE, TABLE))
    one_text, two_text = one.read_text(), two.read_text()
    one.write_text(two_text)
    two.write_text(one_text)


def other_setting(run: Run) -> None:
    run.set(seed=2)


def other_setting_in_record(run: Run) -> None:
    run.set(seed=2)
    seal_again(run, TABLE, lambda record: record["job"]["config"]["values"].update({"seed": 2}))


def other_script(run: Run) -> None:
    (run.root / "workflow/scripts/figure1.py").write_text("# other\n")


def link_in_place_of_a_file(run: Run) -> None:
    path = run.out / FIGURE
    other = run.root.parent / "elsewhere"
    other.write_bytes(path.read_bytes() + b"x")
    path.unlink()
    path.symlink_to(other)


def forged_store_of_nothing(run: Run) -> None:
    """A store of another form is no store."""
    path = run.out / FIGURE
    digest = records.sha256_file(path)
    retouch(run)
    status = path.stat()
    store = {str(path): [status.st_size, status.st_mtime_ns, digest]}
    (run.out / "provenance/.hashes.json").write_text(json.dumps(store))


def announce_nothing(run: Run) -> None:
    """An announcement that is no list."""
    forge_last_record(run)
    folder = run.out / "provenance/.pending"
    folder.mkdir()
    (folder / "forged").write_text(FIGURE)


ATTACKS = [
    keep_size_and_time,
    replaced_by_rename,
    forge_last_record,
    forge_first_record,
    forge_whole_lineage,
    forge_then_run_again,
    hide_below_records,
    hide_all_below_records,
    file_without_record,
    record_without_file,
    neither_file_nor_record,
    swap_two_records,
    other_setting,
    other_setting_in_record,
    other_script,
    link_in_place_of_a_file,
    forged_store_of_nothing,
    announce_nothing,
]


@pytest.mark.parametrize("warm", [True, False], ids=["after an audit", "at first"])
def test_attacks(faults, restored, warm):
    """Whoever changes a file, a record, a setting or a script without the list of records is found out."""
    for attack in ATTACKS:
        run = restored()
        if warm:
            for path in run.out.rglob("*"):
                os.utime(path, (0, 0))
            Audit(run.out, run.root).findings()
        attack(run)
        code, found = told("--all")
        assert code != 0, attack.__name__
        assert found
        assert told(f"results/{FIGURE}")[0] != 0 or attack is file_without_record, attack.__name__
        faults.came("found")


def patch_bookkeeping(run: Run) -> None:
    module = run.root / "workflow/stelnet/provenance/job.py"
    module.parent.mkdir(exist_ok=True)
    kept = "# as committed\n"
    module.write_text("# patched\n")
    run.table()
    run.figure("fig1")
    module.write_text(kept)


def uncommitted(run: Run) -> None:
    run.dirty = True
    run.table()
    run.dirty = False
    run.figure("fig1")


@pytest.mark.parametrize("attack", [patch_bookkeeping, uncommitted])
def test_what_is_told_beside_the_verdict(faults, run, monkeypatch, attack):
    """Patched bookkeeping that was put back, and a tree with changes, are told: not plainly verified."""
    module = run.root / "workflow/stelnet/provenance/job.py"
    monkeypatch.setattr(records.code, "bookkeeping", lambda: frozenset({module} if module.is_file() else ()))
    attack(run)
    Ledger(run.out / "provenance").close()
    code, found = told("--all")
    assert code == 0
    assert {one["path"]: one["verdict"] for one in found}[FIGURE] == "verified with remarks"
    faults.came("told")


def test_the_list_itself(faults, restored):
    """Whoever makes the list fit too is told from its digest, which was printed when the run ended."""
    run = restored()
    printed = Ledger(run.out / "provenance").digest
    forge_last_record(run)
    place = records.record_path(run.out, FIGURE)
    path = run.out / "provenance/records.sha256"
    lines = [
        f"{records.sha256_file(place)}  {FIGURE}.json" if line.endswith(f"  {FIGURE}.json") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    shown = CliRunner().invoke(app, ["audit", "--all"])
    assert shown.exit_code == 0, "docs/audit.md concedes it"
    assert printed not in shown.output
    assert Ledger(run.out / "provenance").digest in shown.output
    faults.came("told by the digest")


def test_unreadable_configuration_files(faults, restored):
    """A configuration in another encoding, of another form, or a folder in its place makes results stale."""
    for content in (
        yaml.safe_dump(CONFIG).encode() + b"# \xe9\n",
        b"- a\n",
        b"[" * 3000,
        b"\0",
        b"a: &a [*a]",
        None,
    ):
        run = restored()
        path = run.root / "config.yaml"
        path.unlink()
        path.mkdir() if content is None else path.write_bytes(content)
        assert told("--all")[0] == 1, content
        faults.came("found")
