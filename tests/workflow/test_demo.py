"""The whole workflow, end to end, on the simulated sky, run as a user runs it."""

import os

import pandas as pd
import pytest
import yaml
from conftest import ROOT, Checkout, planned
from PIL import Image

TABLE_COLUMNS = {
    "table1": "variant,model,source,sample,quantity,fraction,n",
    "pearson": "variant,stage,model,source,quantity,r,n",
    "clusters": "cluster,stage,model,source,n,log_age_literature,log_age_median,log_age_p16,log_age_p84,"
    "log_mass_mae,log_mass_bias",
    "mist_error": "stage,model,source,split,quantity,mae,median_abs,n",
}


def remade(checkout: Checkout, *targets: str) -> set[str]:
    """The rules that a run would run, but for the page that shows what they make."""
    return planned(checkout.snakemake("--dry-run", "--cores", "1", *targets).stdout).keys() - {"all", "index"}


def test_demo_makes_every_figure_and_table(demo):
    results = demo.folder / "results/demo"
    for number in range(1, 8):
        assert (results / f"figures/fig{number}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(results / f"figures/fig{number}.png") as image:
            assert image.width > 900
    for name, columns in TABLE_COLUMNS.items():
        table = pd.read_csv(results / f"tables/{name}.csv")
        assert ",".join(table.columns) == columns
        assert len(table)
        assert (results / f"tables/{name}.md").is_file()
        assert (results / f"tables/{name}.tex").is_file()
    assert not list((demo.folder / "results").glob("[!dR]*")), "the demo wrote outside results/demo"


def test_simulated_results_say_so(demo):
    tables = list((demo.folder / "results/demo").rglob("*.md"))
    assert tables
    for path in tables:
        assert "simulated" in path.read_text().lower(), path


def test_second_run_does_nothing(demo):
    assert "Nothing to be done" in demo.snakemake("--cores", "2").stderr


def test_changed_figure_script_reruns_that_figure_alone(checkout):
    script = checkout.folder / "workflow/scripts/figure_of_cluster.py"
    script.write_text(script.read_text() + "\n# changed\n")
    assert remade(checkout) == {"figure_of_cluster"}


def test_changed_library_module_reruns_what_imports_it(checkout):
    module = checkout.folder / "workflow/stelnet/plotting/ages.py"
    module.write_text(module.read_text() + "\n# changed\n")
    assert remade(checkout) == {"figure7"}


def test_touched_library_module_reruns_nothing(checkout):
    os.utime(checkout.folder / "workflow/stelnet/training/baseline.py")
    assert "Nothing to be done" in checkout.snakemake("--dry-run", "--cores", "1").stdout


def test_unknown_key_stops_before_the_first_job(checkout):
    config = checkout.folder / "config.yaml"
    config.write_text(config.read_text().replace("batch_size:", "batchsize:"))
    result = checkout.snakemake("--cores", "1", check=False)
    assert result.returncode != 0
    assert "training: unknown key batchsize; allowed are bootstraps, " in result.stderr
    assert "Traceback" not in result.stderr


def test_adding_a_catalogue_takes_a_module_a_block_and_a_registry_entry(checkout):
    """A catalogue of one's own, added by these three alone, reaches Table 1 and the pooled coefficients."""
    folder = checkout.folder
    catalogues = folder / "workflow/stelnet/catalogues"
    (catalogues / "my_stars.py").write_text((catalogues / "david_hillenbrand.py").read_text())
    registry = folder / "resources/datasets.yaml"
    datasets = yaml.safe_load(registry.read_text())
    datasets["mine"] = datasets["dh"]
    registry.write_text(yaml.safe_dump(datasets))
    raw = folder / "results/demo/data"
    (raw / "mine").mkdir()
    for path in (raw / "dh").iterdir():
        (raw / "mine" / path.name).write_bytes(path.read_bytes())
    config = folder / "resources/demo/config.yaml"
    block = {
        "label": "My stars", "adapter": "my_stars", "stage": "post", "source": "assembled",
        "inputs": {"assembled": {"table": "mine"}}, "copies": 1, "draw": 5,
    }  # fmt: skip
    values = yaml.safe_load(config.read_text())
    values.setdefault("catalogues", {})["Mine"] = block
    config.write_text(yaml.safe_dump(values))
    target = "results/demo/catalogues/published/Mine.parquet"
    checkout.snakemake(
        "--cores", "2", target, "--allowed-rules", "standardise_catalogue", "--rerun-triggers", "mtime"
    )
    assert {"train_transfer", "predict", "table1"} <= remade(checkout, "results/demo/tables/table1.csv")


def test_a_third_cluster_has_a_figure_of_its_own(checkout):
    """Named after it, whatever the order of the configuration."""
    config = checkout.folder / "resources/demo/config.yaml"
    values = yaml.safe_load(config.read_text())
    praesepe = yaml.safe_load((ROOT / "config.yaml").read_text())["clusters"]["Praesepe"]
    values["clusters"] = {"Third": praesepe | {"label": "A third"}}
    config.write_text(yaml.safe_dump(values))
    figures = checkout.folder / "results/demo/figures"
    checkout.snakemake("--cores", "2", *(f"results/demo/figures/Third.{kind}" for kind in ("pdf", "png")))
    assert (figures / "Third.pdf").read_bytes().startswith(b"%PDF")
    with Image.open(figures / "Third.png") as third:
        assert third.width > 900


@pytest.mark.parametrize("rule", ["train_baseline", "train_transfer"])
def test_networks_carry_their_origin(demo, rule):
    from safetensors import safe_open

    family = rule.removeprefix("train_")
    paths = list((demo.folder / f"results/demo/models/{family}").rglob("*.safetensors"))
    assert paths
    for path in paths:
        with safe_open(path, "np") as file:
            metadata = file.metadata()
        assert metadata["simulated"] == "true"
        assert {"bounds", "stage", "boot", "seed", "config"} <= metadata.keys()
