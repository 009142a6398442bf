"""The audit of a finished run: everything is verified, and each thing that can go wrong is named."""

import json
import os
import re
import shutil

import pytest
import yaml
from conftest import Checkout, numbered_as_one, planned

from stelnet import configuration

RESULTS = "results/demo"


def audit(checkout: Checkout, *arguments: str, code: int | None = None, **settings) -> list[dict]:
    """Run `stelnet audit --json` as a user does and return what it found."""
    result = checkout.stelnet("audit", "--json", *arguments, check=False, **settings)
    assert code in (None, result.returncode), result.stdout[-2000:] + result.stderr
    return json.loads(result.stdout)


def verdict(checkout: Checkout, name: str, **settings) -> tuple[str, str]:
    """Verdict on one output, and its causes in one text."""
    (found,) = audit(checkout, f"{RESULTS}/{name}", **settings)
    return found["verdict"], "; ".join(f"{cause['path']}: {cause['message']}" for cause in found["causes"])


def edit(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def sandbox(demo, tmp_path_factory) -> Checkout:
    """A copy of the finished demo that tests of this module change and put back."""
    return demo.copied(tmp_path_factory.mktemp("audit") / "stelnet")


def test_all_is_verified(demo):
    found = audit(demo, "--all", "--results", RESULTS, code=0)
    assert {entry["verdict"] for entry in found} == {"verified"}
    made = {name for name in demo.hashes() if "/" in name}
    assert made <= {entry["path"] for entry in found}


def test_figure5_leads_to_its_networks_catalogues_and_papers(demo):
    (found,) = audit(demo, f"{RESULTS}/figures/fig5.pdf", code=0)
    lineage = found["lineage"]
    for folder, count in (("models/baseline/post", 4), ("models/transfer/published/post", 4)):
        assert len([p for p in lineage if p.startswith(f"{folder}/") and p.endswith(".safetensors")]) >= count
    for name in ("FGK", "DH", "GR"):
        assert f"catalogues/published/{name}.parquet" in lineage
    assert "clusters/Praesepe.parquet" in lineage
    assert any(path.startswith("data/mist_tarball/") for path in lineage)
    raw = audit(demo, *(f"{RESULTS}/{path}" for path in lineage if path.startswith("data/")))
    sources = [entry["record"].get("source", {}) for entry in raw]
    bibcodes = {citation["bibcode"] for source in sources for citation in source.get("citations", [])}
    assert {"2011ApJ...743...48W", "2019A&A...623A.108B"} <= bibcodes  # Wright et al.; Bossini et al.


@pytest.mark.parametrize("suffix", ["pdf", "png"])
def test_figure_carries_its_identity(demo, suffix, tmp_path):
    record = audit(demo, f"{RESULTS}/figures/fig1.{suffix}")[0]["record"]
    data = (demo.folder / f"{RESULTS}/figures/fig1.{suffix}").read_bytes()
    assert f"stelnet-record:{record['id']}".encode() in data
    assert b"Training samples on the Hertzsprung-Russell diagram" in data
    assert re.search(rb"commit [a-z0-9-]+; inputs sha256 [0-9a-f]{64}", data)


def test_one_digit_changed_in_a_table(checkout):
    path = checkout.folder / RESULTS / "tables/pearson.csv"
    text = path.read_text()
    last = re.search(r"\d(?=\D*$)", text)
    path.write_text(text[: last.start()] + str((int(last[0]) + 1) % 10) + text[last.end() :])
    for name in ("tables/pearson.csv", "figures/fig2.pdf"):
        assert verdict(checkout, name, code=2) == (
            "altered", "tables/pearson.csv: it is not the file that was recorded",
        )  # fmt: skip


def test_figure_replaced_by_another(checkout):
    figures = checkout.folder / RESULTS / "figures"
    shutil.copy(figures / "fig7.png", figures / "fig1.png")
    status, why = verdict(checkout, "figures/fig1.png", code=2)
    assert status == "altered"
    assert "its content is that of figures/fig7.png" in why


def test_model_swapped_with_another_bootstraps(checkout):
    models = checkout.folder / RESULTS / "models/baseline/pre"
    shutil.copy(models / "1.safetensors", models / "0.safetensors")
    for name in ("models/baseline/pre/0.safetensors", "figures/fig3.pdf"):
        status, why = verdict(checkout, name, code=2)
        assert status == "altered"
        assert "models/baseline/pre/0.safetensors: it is not the file that was recorded" in why
        assert "its content is that of models/baseline/pre/1.safetensors" in why


@pytest.mark.parametrize(
    ("file", "culprit", "untouched"),
    [
        ("workflow/scripts/figure1.py", "script", "figures/fig7.pdf"),
        ("workflow/scripts/split_zams.py", "script", "catalogues/published/DH.parquet"),
        ("workflow/stelnet/plotting/hrd.py", "module", "figures/fig7.pdf"),
        ("workflow/stelnet/catalogues/onc.py", "module", "catalogues/published/DH.parquet"),
    ],
)
def test_edited_code(checkout, file, culprit, untouched):
    path = checkout.folder / file
    path.write_text(path.read_text() + "\n# changed\n")
    name = "models/baseline/pre/0.safetensors" if "split" in file else "figures/fig1.pdf"
    status, why = verdict(checkout, name, code=1)
    assert status == "stale"
    assert f"{culprit} {file} has changed since" in why
    assert verdict(checkout, untouched, code=0) == ("verified", "")


def test_touched_code_is_no_change(checkout):
    os.utime(checkout.folder / "workflow/stelnet/io.py")
    assert verdict(checkout, "figures/fig1.pdf", code=0) == ("verified", "")


def test_changed_config_value(checkout):
    edit(checkout.folder / "config.yaml", "learning_rate: 3.0e-3", "learning_rate: 1.0e-3")
    status, why = verdict(checkout, "figures/fig2.pdf", code=1)
    assert status == "stale"
    assert "config key training.learning_rate was 0.003, is 0.001" in why
    assert verdict(checkout, "figures/fig1.pdf", code=0) == ("verified", "")


def test_deleted_intermediate(checkout):
    (checkout.folder / RESULTS / "mist/post.parquet").unlink()
    status, why = verdict(checkout, "figures/fig2.pdf", code=3)
    assert status == "unknown"
    assert why.startswith("mist/post.parquet: it is missing")


def test_record_edited_by_hand(checkout):
    name = "predictions/this_work/baseline/published/post.parquet"
    edit(checkout.folder / RESULTS / f"provenance/{name}.json", '"dirty": ', '"dirty":  ')
    assert verdict(checkout, name, code=2) == (
        "altered",
        f"{name}: its record (provenance/{name}.json) is not the one that its job wrote "
        "(provenance/records.sha256)",
    )
    edit(checkout.folder / RESULTS / f"provenance/{name}.json", '"threads": 1', '"threads": 2')
    for audited in (name, "figures/fig2.pdf"):
        assert verdict(checkout, audited, code=2) == (
            "altered", f"{name}: its record (provenance/{name}.json) was edited by hand",
        )  # fmt: skip


def test_figure_copied_elsewhere(checkout, tmp_path):
    elsewhere = tmp_path / "mail"
    elsewhere.mkdir()
    shutil.copy(checkout.folder / RESULTS / "figures/fig3.pdf", elsewhere / "attachment.pdf")
    where = ("--results", str(checkout.folder / RESULTS))
    (found,) = audit(checkout, "attachment.pdf", *where, cwd=elsewhere, code=0)
    assert found["copy_of"] == "figures/fig3.pdf"
    assert found["verdict"] == "verified"
    with open(elsewhere / "attachment.pdf", "ab") as file:
        file.write(b"% retouched")
    (found,) = audit(checkout, "attachment.pdf", *where, cwd=elsewhere, code=2)
    assert "but is not the file that was recorded" in found["causes"][0]["message"]


def test_raw_download_changed_in_the_mirror(checkout, tmp_path):
    """A run on files from a mirror (the demo's raw files, registered as the true ones)."""
    registry = checkout.folder / "resources/datasets.yaml"
    datasets = yaml.safe_load(registry.read_text())
    (file,) = datasets["dh"]["files"]
    raw = checkout.folder / RESULTS / "data/dh" / file["name"]
    copy = tmp_path / "mirror" / file["mirror"]
    copy.parent.mkdir(parents=True)
    shutil.copy(raw, copy)
    record = audit(checkout, str(raw))[0]["record"]
    file |= {"sha256": record["output"]["sha256"], "bytes": record["output"]["bytes"]}
    registry.write_text(yaml.safe_dump(datasets))
    table = "results/own/catalogues/published/DH.parquet"
    settings = ["output_dir=results/own", "simulated=False"]
    checkout.snakemake("--cores", "2", table, "--config", *settings, STELNET_MIRROR=str(tmp_path / "mirror"))

    (found,) = audit(checkout, table, STELNET_MIRROR=str(tmp_path / "mirror"), code=0)
    copy.write_bytes(copy.read_bytes() + b"\n")
    (found,) = audit(checkout, table, "--mirror", str(tmp_path / "mirror"), code=1)
    assert [cause["path"] for cause in found["causes"]] == [f"data/dh/{file['name']}"]
    assert f"raw download {copy} has changed in the mirror" in found["causes"][0]["message"]
    assert audit(checkout, table, code=0)[0]["verdict"] == "verified", "no mirror is named"


@pytest.mark.parametrize(
    ("group", "values"),
    [
        (None, {"seed": 1}),
        (None, {"max_abs_feh": 0.4}),
        (None, {"report_variant": "corrected"}),
        ("mist", {"zams_eep": 201}),
        ("mist", {"last_eep": 800}),
        ("training", {"learning_rate": 0.001}),
        ("training", {"epochs": {"pre": 26, "post": 50}}),
        ("transfer", {"steps": 90}),
        ("transfer", {"start_bootstrap": 1}),
        ("transfer", {"mist_points": {"whole": 31, "below": 30, "above": 30}}),
        ("evaluation", {"max_log_tau": 2.0}),
        ("catalogues", {"DH": {"draw": 29}}),
        ("catalogues", {"FGK": {"label": "benchmarks"}}),
        ("clusters", {"NGC2547": {"label": "another"}}),
        ("clusters", {"Praesepe": {"names": ["Praesepe"]}}),
    ],
)
def test_stale_is_what_snakemake_would_make_again(sandbox, group, values):
    """The keys that the rules declare are those that they use: nothing verified would be made again."""
    changed = {group: values} if group else values
    demo = sandbox.folder / "resources/demo/config.yaml"
    keys, of_demo = (configuration.flatten(one) for one in (changed, yaml.safe_load(demo.read_text())))
    config = demo if keys.keys() <= of_demo.keys() else sandbox.folder / "config.yaml"
    before = config.read_text()
    config.write_text(yaml.safe_dump(configuration.resolve([config], changed), sort_keys=False))
    try:
        plan = sandbox.snakemake("--dry-run", "--cores", "1").stdout
        found = audit(sandbox, "--all", "--results", RESULTS)
    finally:
        config.write_text(before)
    stale = {
        numbered_as_one(entry["record"]["job"]["rule"]) for entry in found if entry["verdict"] == "stale"
    }
    assert stale == planned(plan).keys() - {"all"}


def test_audit_target(checkout):
    run = checkout.snakemake("--cores", "1", "audit")
    assert re.search(r"^\d+ verified$", run.stdout + run.stderr, re.MULTILINE)
    (checkout.folder / RESULTS / "figures/fig1.pdf").write_bytes(b"%PDF")
    run = checkout.snakemake("--cores", "1", "audit", check=False)
    assert run.returncode != 0
    assert "altered: figures/fig1.pdf: it is not the file that was recorded" in run.stdout + run.stderr


def test_environment_that_differs_from_the_lock_is_told_and_recorded(checkout):
    lock = checkout.folder / "envs/requirements.lock"
    lock.write_text(re.sub(r"(?m)^scipy==.*$", "scipy==0.1", lock.read_text()))
    run = checkout.snakemake("--cores", "1", "--force", f"{RESULTS}/figures/fig7.pdf")
    told = [
        line
        for line in run.stderr.splitlines()
        if "The environment differs from envs/requirements.lock" in line
    ]
    assert len(told) == 1
    assert "locked is 0.1" in told[0]
    (found,) = audit(checkout, f"{RESULTS}/figures/fig7.pdf")
    differences = found["record"]["job"]["environment"]["differences"]
    assert differences["scipy"]["lock"] == "0.1"


def test_a_value_of_one_stage_is_of_no_concern_to_the_other(checkout):
    config = checkout.folder / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    settings["transfer"]["learning_rate"]["pre"] *= 2
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    assert verdict(checkout, "models/transfer/published/pre/0.safetensors", code=1)[0] == "stale"
    assert verdict(checkout, "models/transfer/published/post/0.safetensors", code=0)[0] == "verified"
