"""However bootstraps are packed into jobs, every network comes out the same to the byte."""

import hashlib
import re

import pandas as pd
import yaml

STAGE = "models/{}/pre"
FOLDERS = [STAGE.format("baseline"), STAGE.format("transfer/published")]


def networks(results) -> dict[str, str]:
    """Network file -> its digest."""
    return {
        f"{folder}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in (results / folder).glob("*.safetensors")
    }


def losses(results, folder) -> pd.DataFrame:
    """The losses of all blocks, by bootstrap."""
    blocks = [pd.read_csv(path) for path in (results / folder).glob("block*.training.csv")]
    return pd.concat(blocks).set_index("boot").sort_index(kind="stable")


def test_networks_do_not_depend_on_the_packing(checkout):
    """The demo has two in a job, and here all four are in one; tests/unit/test_training.py tries more."""
    size, jobs = 4, 1
    results = checkout.folder / "results/demo"
    before, before_losses = networks(results), [losses(results, folder) for folder in FOLDERS]
    assert len(before) == 2 * 4
    for folder in FOLDERS:
        for path in [*(results / folder).glob("*.safetensors"), *(results / folder).glob("block*")]:
            path.unlink()
    (checkout.folder / "packing.yaml").write_text(
        yaml.safe_dump({"training": {"bootstraps_per_job": size}, "variants": ["published"]})
    )
    run = checkout.snakemake("packing.yaml", "--cores", "2", *(f"results/demo/{name}" for name in before))
    plan = re.findall(r"^(train_baseline_pre|train_transfer_published_pre)_\d+ +1$", run.stderr, re.MULTILINE)
    assert plan.count("train_baseline_pre") == plan.count("train_transfer_published_pre") == jobs
    assert networks(results) == before
    for folder, table in zip(FOLDERS, before_losses, strict=True):
        pd.testing.assert_frame_equal(losses(results, folder), table, check_exact=True)
