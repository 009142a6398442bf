"""Star lists in pieces: as many jobs as a list needs, and the result of the plain command."""

import pandas as pd
import pyarrow.parquet as pq
import yaml
from conftest import planned

MINE = {
    "path": "lists/mine.parquet",
    "columns": {"lum": "brightness [Lsun]"},
    "model": "results/demo/pretrained/baseline.safetensors",
    "stage": "post",
    "method": "exact",
    "rows_per_job": 16384,
    "format": "csv",
}


def configure(checkout, **changes) -> None:
    lists = {"star_lists": {"mine": MINE | changes}}
    (checkout.folder / "lists.yaml").write_text(yaml.safe_dump(lists))


def test_the_list_of_the_demo_is_that_of_the_plain_command(demo, tmp_path):
    results, target = demo.folder / "results/demo", tmp_path / "field.parquet"
    model = results / "pretrained/transfer.safetensors"
    stars = results / "data/star_lists/field.parquet"
    demo.stelnet("predict", stars, "--out", target, "--model", model, "--method", "exact")
    pieces = list((results / "stars/field").glob("*.parquet"))
    assert len(pieces) == 2
    assert (results / "stars/field.parquet").read_bytes() == target.read_bytes()
    assert b'"simulated": true' in pq.read_schema(target).metadata[b"stelnet"]


def test_a_list_of_ones_own_needs_a_block_and_a_model_file(checkout):
    """Its length is known before the first job, and nothing is trained for it."""
    stars = pd.read_parquet(checkout.folder / "results/demo/data/star_lists/field.parquet")
    stars = stars.rename(columns={"lum": "brightness"}).drop(columns="e_lum")
    (checkout.folder / "lists").mkdir()
    stars.to_parquet(checkout.folder / MINE["path"])
    configure(checkout)
    run = checkout.snakemake("lists.yaml", "--cores", "2", "results/demo/stars/mine.csv")
    assert planned(run.stdout + run.stderr) == {"predict_star_list": 2, "gather_star_list": 1}
    made = pd.read_csv(checkout.folder / "results/demo/stars/mine.csv")
    assert made["star_id"].tolist() == stars["star_id"].tolist()
    assert made["log_age_median"].notna().sum() > 0.9 * len(stars)
    assert (checkout.folder / "results/demo/provenance/stars/mine.csv.json").is_file()
    # a longer list is answered anew, by as many jobs as it now takes
    pd.concat([stars, stars]).to_parquet(checkout.folder / MINE["path"])
    plan = checkout.snakemake("lists.yaml", "--dry-run", "--cores", "1", "results/demo/stars/mine.csv").stdout
    assert planned(plan)["predict_star_list"] == 3


def test_a_list_that_is_not_there_is_told(checkout):
    configure(checkout)
    run = checkout.snakemake("lists.yaml", "--cores", "1", "results/demo/stars/mine.csv", check=False)
    assert run.returncode != 0
    assert "configuration: star_lists: lists/mine.parquet: no such file." in run.stderr
    assert "Traceback" not in run.stderr
