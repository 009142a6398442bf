"""The audit names what is wrong with a file: on a small made-up run of a download, a table and a figure."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from small_run import DATASET, FIGURE, RAW, SIDECAR, TABLE, Run, edit_record
from typer.testing import CliRunner

from stelnet.audit import hashes
from stelnet.audit.audit import Audit, output_folder
from stelnet.audit.findings import Verdict
from stelnet.cli import app
from stelnet.errors import DataError
from stelnet.files import write_json
from stelnet.provenance import records
from stelnet.provenance.ledger import Ledger


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    yield Run(tmp_path, monkeypatch)
    records.registry.cache_clear()


def test_everything_is_verified(run):
    findings = Audit(run.out, run.root, run.mirror).findings()
    assert {finding.path for finding in findings} == {FIGURE, TABLE, RAW, SIDECAR}
    assert [finding.verdict for finding in findings] == [Verdict.VERIFIED] * 4
    lineage = [finding.path for finding in Audit(run.out, run.root).of(run.out / FIGURE).lineage()]
    assert lineage == [FIGURE, TABLE, RAW]


def test_record_leads_to_the_raw_file_and_its_paper(run):
    source = Audit(run.out, run.root).of_output(RAW).record["source"]
    assert source["via"] == "mirror"
    assert source["retrieved"]
    assert source["citations"] == DATASET["citations"]


def test_changed_digit(run):
    (run.out / TABLE).write_text("mass\n1.1\n")
    for name in (TABLE, FIGURE):
        verdict, why = run.audit(name)
        assert verdict is Verdict.ALTERED
        assert why == f"{TABLE}: it is not the file that was recorded"


def test_figure_replaced_by_another(run):
    run.figure("fig2")
    shutil.copy(run.out / "figures/fig2.png", run.out / FIGURE)
    verdict, why = run.audit()
    assert verdict is Verdict.ALTERED
    assert "its content is that of figures/fig2.png" in why


@pytest.mark.parametrize(("script", "name"), [("figure1", FIGURE), ("stars", TABLE), ("fetch", RAW)])
def test_edited_script(run, script, name):
    (run.root / f"workflow/scripts/{script}.py").write_text("# other\n")
    assert run.audit() == (
        Verdict.STALE,
        f"{name}: script workflow/scripts/{script}.py has changed since",
    )


def test_changed_config_value(run):
    run.set(training={"learning_rate": 0.001, "epochs": {"pre": 6}})
    assert run.audit() == (
        Verdict.STALE, f"{TABLE}: config key training.learning_rate was 0.003, is 0.001",
    )  # fmt: skip
    assert run.audit(RAW)[0] is Verdict.VERIFIED


def test_new_removed_and_unused_config_keys(run):
    run.set(training={"epochs": {"pre": 6}, "loss": "mse"}, variants=["a", "b"], unused=3)
    verdict, why = run.audit()
    assert verdict is Verdict.STALE
    assert "config key training.learning_rate was 0.003, is gone" in why
    assert 'config key training.loss is new, "mse"' in why
    assert "unused" not in why


def test_changed_file_of_the_repository(run):
    (run.root / "resources/paper.yaml").write_text("printed: 2\n")
    assert run.audit() == (Verdict.STALE, f"{FIGURE}: input resources/paper.yaml has changed since")


def test_input_made_again_and_different(run):
    run.job("stars", "stars", [f"results/{RAW}"], {TABLE: "mass\n2.0\n"}, "seed", "training.*")
    verdict, why = run.audit()
    assert verdict is Verdict.STALE
    assert f"{FIGURE}: input {TABLE} was made again since, and is another" in why


def test_input_made_again_by_other_code_with_the_same_bytes_is_verified(run):
    (run.root / "workflow/scripts/stars.py").write_text("# a comment\n")
    run.table()
    assert run.audit() == (Verdict.VERIFIED, "")


def test_deleted_intermediate(run):
    (run.out / TABLE).unlink()
    verdict, why = run.audit()
    assert verdict is Verdict.UNKNOWN
    assert why.startswith(f"{TABLE}: it is missing")


def test_deleted_record(run):
    records.record_path(run.out, TABLE).unlink()
    assert run.audit() == (Verdict.UNKNOWN, f"{TABLE}: it has no record")


def test_raw_file_changed_in_the_mirror(run):
    (run.mirror / "mine/raw.csv").write_text("other\n")
    assert run.audit()[0] is Verdict.VERIFIED
    verdict, why = run.audit(mirror=run.mirror)
    assert verdict is Verdict.STALE
    assert (
        why
        == f"{RAW}: raw download {run.mirror}/mine/raw.csv has changed in the mirror since it was retrieved"
    )


def test_registry_names_another_file(run):
    file = {**DATASET["files"][0], "sha256": "0" * 64}
    (run.root / "resources/datasets.yaml").write_text(yaml.safe_dump({"mine": {**DATASET, "files": [file]}}))
    records.registry.cache_clear()
    assert run.audit() == (
        Verdict.STALE,
        f"{RAW}: resources/datasets.yaml registers another raw.csv than it did",
    )


@pytest.mark.parametrize("key", ["commit", "seed", "wall_seconds", "started"])
def test_record_edited_by_hand(run, key):
    edit_record(run, TABLE, lambda record: record["job"].update({key: "9"}))
    verdict, why = run.audit()
    assert verdict is Verdict.ALTERED
    assert why == f"{TABLE}: its record (provenance/{TABLE}.json) was edited by hand"


def test_record_edited_and_sealed_again(run):
    """Who seals it anew is found by the id, and who mends that too, by the record of what follows."""

    def forge(record):
        record["job"]["config"]["values"]["seed"] = 1.0
        record["job"]["config"]["values"]["training.learning_rate"] = 0.002
        record["seal"] = records.seal(record)

    run.set(training={"learning_rate": 0.002, "epochs": {"pre": 6}})
    record = edit_record(run, TABLE, forge)
    assert run.audit()[0] is Verdict.ALTERED
    record["id"] = records.record_id(record)
    record["seal"] = records.seal(record)
    write_json(record, records.record_path(run.out, TABLE))
    assert run.audit(TABLE)[0] is Verdict.VERIFIED
    verdict, why = run.audit()
    assert verdict is Verdict.ALTERED
    assert f"its record and that of its input {TABLE} do not fit" in why


def test_records_forged_into_a_circle(run):
    record = json.loads(records.record_path(run.out, TABLE).read_text())
    record["inputs"][FIGURE] = {"sha256": "0" * 64, "id": None}
    record["id"] = records.record_id(record)
    write_json(record | {"seal": records.seal(record)}, records.record_path(run.out, TABLE))
    assert run.audit()[0] is Verdict.ALTERED
    assert {finding.verdict for finding in Audit(run.out, run.root).findings()} >= {Verdict.ALTERED}


def test_copy_of_a_figure_whose_records_do_not_fit(run, tmp_path):
    shutil.copy(run.out / FIGURE, tmp_path / "mailed.png")
    record = json.loads(records.record_path(run.out, TABLE).read_text())
    record["job"]["wildcards"] = {"any": "other"}
    record["id"] = records.record_id(record)
    write_json(record | {"seal": records.seal(record)}, records.record_path(run.out, TABLE))
    assert Audit(run.out, run.root).of(tmp_path / "mailed.png").verdict is Verdict.ALTERED


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seal": "0"}', "null"])
def test_broken_record(run, text):
    records.record_path(run.out, TABLE).write_text(text)
    verdict, why = run.audit()
    assert verdict is Verdict.ALTERED
    assert "was edited by hand" in why
    Audit(run.out, run.root).findings()


def test_copied_figure_is_traced_by_its_id(run, tmp_path):
    copy = tmp_path / "mailed.png"
    shutil.copy(run.out / FIGURE, copy)
    finding = Audit(run.out, run.root).of(copy)
    assert (finding.verdict, finding.path, finding.copy) == (Verdict.VERIFIED, FIGURE, str(copy))
    (run.out / FIGURE).unlink()
    assert Audit(run.out, run.root).of(copy).verdict is Verdict.VERIFIED
    copy.write_text(copy.read_text() + "retouched")
    finding = Audit(run.out, run.root).of(copy)
    assert finding.verdict is Verdict.ALTERED
    assert [cause.path for cause in finding.causes] == [str(copy)]


def test_copied_figure_of_another_commit(run, tmp_path):
    """Made again at another commit by the same code, a figure has the same id and other bytes."""
    copy = tmp_path / "mailed.png"
    copy.write_text((run.out / FIGURE).read_text().replace("c0ffee", "decade"))
    finding = Audit(run.out, run.root).of(copy)
    assert finding.verdict is Verdict.UNKNOWN
    assert "made at commit decade, these results at c0ffee" in finding.causes[0].message


def test_copied_table_is_traced_by_its_content(run, tmp_path):
    shutil.copy(run.out / TABLE, tmp_path / "mailed.csv")
    finding = Audit(run.out, run.root).of(tmp_path / "mailed.csv")
    assert (finding.verdict, finding.path) == (Verdict.VERIFIED, TABLE)


def test_unknown_files(run, tmp_path):
    (tmp_path / "other.csv").write_text("x")
    (tmp_path / "other.png").write_bytes(f"commit 0; inputs sha256 {0:064}; stelnet-record:{0:064}".encode())
    (run.out / "tables/mine.csv").write_text("x")
    audit = Audit(run.out, run.root)
    for path in (
        tmp_path / "other.csv",
        tmp_path / "none.csv",
        tmp_path / "other.png",
        run.out / "tables/mine.csv",
    ):
        assert audit.of(path).verdict is Verdict.UNKNOWN
    assert "carries the record id 000" in audit.of(tmp_path / "other.png").causes[0].message
    found = {finding.path: finding.verdict for finding in audit.findings()}
    assert found["tables/mine.csv"] is Verdict.UNKNOWN


def test_no_records(tmp_path):
    with pytest.raises(DataError, match="no records of a run"):
        Audit(tmp_path)


def kept_hashes(run) -> dict:
    """What an audit keeps."""
    time.sleep(0.01)
    Audit(run.out, run.root).findings()
    return json.loads((run.out / "provenance/.hashes.json").read_text())


def test_edit_that_keeps_size_and_time_is_seen(run, monkeypatch):
    monkeypatch.setattr(hashes, "TICK", 0)
    assert str(run.out / TABLE) in kept_hashes(run)
    path = run.out / TABLE
    before = path.stat()
    path.write_text("mass\n1.1\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run.audit()[0] is Verdict.ALTERED
    assert run.audit(deep=True)[0] is Verdict.ALTERED


def test_unchanged_files_are_not_hashed_again(run, monkeypatch):
    monkeypatch.setattr(hashes, "TICK", 0)
    kept_hashes(run)
    monkeypatch.setattr(hashes, "sha256_file", lambda path: pytest.fail(f"{path} is hashed"))
    assert run.audit()[0] is Verdict.VERIFIED
    with pytest.raises(pytest.fail.Exception):
        run.audit(deep=True)


def test_file_of_this_moment_is_not_kept(run):
    Audit(run.out, run.root).findings()
    assert not (run.out / "provenance/.hashes.json").exists()


@pytest.mark.parametrize(
    "store", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": [1, 2, 3, 4, 5]}', b"\xe9", b"[" * 100_000]
)
def test_damaged_store_of_hashes_is_ignored_with_a_word(run, store, caplog):
    (run.out / "provenance/.hashes.json").write_bytes(store)
    assert run.audit()[0] is Verdict.VERIFIED
    assert "every file is hashed anew" in caplog.text


def close(run) -> str:
    return Ledger(run.out / "provenance").close()


def test_record_that_no_job_wrote_is_told_where_nothing_follows(run):
    close(run)
    assert run.audit() == (Verdict.VERIFIED, "")

    def forge(record):
        record["job"]["commit"] = "decade"
        record["id"] = records.record_id(record)
        record["seal"] = records.seal(record)

    edit_record(run, FIGURE, forge)
    told = (
        Verdict.ALTERED,
        f"{FIGURE}: its record (provenance/{FIGURE}.json) is not the one that its job wrote "
        "(provenance/records.sha256)",
    )
    assert run.audit() == told
    # the end of another run does not make it good
    run.job("stars", "stars", [f"results/{RAW}"], {"tables/more.csv": "1\n"})
    close(run)
    assert run.audit() == told
    assert run.audit("tables/more.csv")[0] is Verdict.VERIFIED


def test_list_of_records_is_one_of_sha256sum_and_follows_the_run(run):
    first = close(run)
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "records.sha256"], cwd=run.out / "provenance", check=False
    )
    assert checked.returncode == 0
    assert first == Ledger(run.out / "provenance").digest == close(run)
    assert not (run.out / "provenance/.pending").exists()
    # a run that was cut off has announced what it wrote
    run.figure("fig1")
    assert run.audit() == (Verdict.VERIFIED, "")
    assert close(run) != first
    runner = CliRunner()
    shown = runner.invoke(app, ["audit", "--all"])
    assert shown.exit_code == 0, shown.output
    assert Ledger(run.out / "provenance").digest in shown.output


def test_record_that_was_there_and_is_gone(run):
    close(run)
    for path in (run.out / FIGURE, records.record_path(run.out, FIGURE)):
        path.unlink()
    found = {finding.path: finding.verdict for finding in Audit(run.out, run.root).findings()}
    assert found[FIGURE] is Verdict.UNKNOWN
    close(run)
    assert FIGURE not in Audit(run.out, run.root).outputs()


def test_changed_bookkeeping_and_uncommitted_changes_are_remarks(run, monkeypatch):
    module = run.root / "workflow/stelnet/provenance/job.py"
    module.parent.mkdir()
    module.write_text("# one\n")
    monkeypatch.setattr(records.code, "bookkeeping", lambda: frozenset({module}))
    run.dirty = True
    run.table()
    run.dirty = False
    run.figure("fig1")
    module.write_text("# other\n")
    verdict, why = run.audit()
    assert verdict is Verdict.VERIFIED
    assert f"{TABLE}: made with changes that are in no commit, at c0ffee" in why
    assert f"{TABLE}: module workflow/stelnet/provenance/job.py, which keeps records, was another" in why
    runner = CliRunner()
    shown = runner.invoke(app, ["audit", "--all"])
    assert shown.exit_code == 0, shown.output
    assert "2 verified with remarks" in shown.output
    (found,) = json.loads(runner.invoke(app, ["audit", "--json", f"results/{FIGURE}"]).stdout)
    assert found["verdict"] == "verified with remarks"


@pytest.mark.parametrize("damage", ["flip", "record"])
def test_job_refuses_an_input_that_is_not_the_recorded_one(run, damage):
    if damage == "flip":
        content = bytearray((run.out / TABLE).read_bytes())
        content[0] ^= 1
        (run.out / TABLE).write_bytes(content)
    else:
        records.record_path(run.out, TABLE).write_text("{}")
    with pytest.raises(DataError, match=rf"rm results/{TABLE}.*, and run again"):
        run.figure("fig1")
    (run.out / TABLE).unlink()
    run.table()
    run.figure("fig1")
    assert run.audit() == (Verdict.VERIFIED, "")


def test_folder_of_records_within_another_hides_nothing(run):
    (run.out / "figures/provenance").mkdir()
    assert output_folder(run.out / FIGURE) == run.out
    (run.out / "figures/forged.png").write_text("x")
    audit = Audit(run.out, run.root)
    assert {finding.path: finding.verdict for finding in audit.findings()}["figures/forged.png"] is (
        Verdict.UNKNOWN
    )
    # the results of another run within this one's are its own
    (run.out / "demo/provenance/figures").mkdir(parents=True)
    (run.out / "demo/figures").mkdir()
    (run.out / "demo/figures/fig1.png").write_text("x")
    assert output_folder(run.out / "demo/figures/fig1.png") == run.out / "demo"
    assert not [name for name in Audit(run.out, run.root).outputs() if name.startswith("demo")]


def test_record_of_another_version(run):
    edit_record(run, TABLE, lambda record: record.update({"format": 2}))
    verdict, why = run.audit()
    assert verdict is Verdict.UNKNOWN
    assert "is of form 2, which this version does not know" in why


@pytest.mark.parametrize("text", ["# é\n".encode("latin-1"), b"- a\n", b"[" * 5000, None])
def test_configuration_that_cannot_be_read_is_stale(run, text):
    path = run.root / "config.yaml"
    path.unlink()
    path.mkdir() if text is None else path.write_bytes(text)
    verdict, why = run.audit()
    assert verdict is Verdict.STALE
    assert "the configuration cannot be read: config.yaml" in why


@pytest.mark.parametrize("text", [b"\xe9", b"[1, 2]", b"{", b"mine: {files: 3}"])
def test_registry_that_cannot_be_read_is_stale(run, text):
    (run.root / "resources/datasets.yaml").write_bytes(text)
    records.registry.cache_clear()
    assert run.audit() == (Verdict.STALE, f"{RAW}: resources/datasets.yaml cannot be read")


def test_what_a_killed_job_left_is_removed_when_it_starts_again(run):
    halves = [
        run.out / "tables/.stars.a1b2c3d4.csv",
        run.out / f"provenance/tables/.{Path(TABLE).name}.a1b2c3d4.json",
    ]
    others = [run.out / "tables/.other.a1b2c3d4.csv", run.out / "tables/.stars.csv"]
    for path in (*halves, *others):
        path.touch()
    snakemake = SimpleNamespace(
        config={"output_dir": "results"}, rule="stars", params={}, wildcards={}, threads=1, input=[],
        output=[f"results/{TABLE}"],
    )  # fmt: skip
    records.Job(snakemake, run.root / "workflow/scripts/stars.py").remove_halves()
    assert [path.exists() for path in halves] == [False, False]
    assert all(path.exists() for path in others)


def test_id_has_no_clock(run):
    def told(name):
        record = Audit(run.out, run.root).of_output(name).record
        return record["id"], record["seal"]

    first = told(FIGURE)
    run.figure("fig1")
    second = told(FIGURE)
    assert first[0] == second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda run: None, 0),
        (lambda run: run.set(seed=2), 1),
        (lambda run: (run.out / TABLE).write_text("x"), 2),
        (lambda run: (run.out / RAW).unlink(), 3),
        (lambda run: [run.set(seed=2), (run.out / TABLE).write_text("x")], 2),
    ],
)
def test_command_line(run, spoil, code):
    spoil(run)
    runner = CliRunner()
    shown = runner.invoke(app, ["audit", f"results/{FIGURE}"])
    assert shown.exit_code == code, shown.output
    for word in (FIGURE, TABLE, RAW, "workflow/scripts/stars.py", "https://doi.org/10.1/me", "mine/raw.csv"):
        assert word in shown.output
    machine = runner.invoke(app, ["audit", "--all", "--json"])
    assert machine.exit_code == code
    found = {entry["path"]: entry for entry in json.loads(machine.stdout)}
    assert found[FIGURE]["verdict"] == str(Verdict(code))
    assert found[FIGURE]["lineage"] == [TABLE, RAW]
    assert runner.invoke(app, ["audit", "--all"]).exit_code == code


def test_command_line_without_files_or_records(run, tmp_path):
    runner = CliRunner()
    assert runner.invoke(app, ["audit"]).exit_code == 2
    nothing = runner.invoke(app, ["audit", "--all", "--results", str(tmp_path)])
    assert nothing.exit_code == 3
    assert "no records of a run" in nothing.output


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("https://user:secret@host.org/me/repo.git", "https://host.org/me/repo"),
        ("git@host.org:me/repo.git", "https://host.org/me/repo"),
        ("ssh://git@host.org:22/me/repo", "https://host.org/me/repo"),
        ("/somewhere/repo.git", None),
        ("../repo", None),
    ],
)
def test_web_address_of_a_remote(remote, page):
    assert records.web_address(remote) == page
