"""The raw files of the demo, over the network: the real clients, jobs and checks; a server with faults."""

import hashlib
from functools import cache
from pathlib import Path

import bad_answers
import pandas as pd
import pytest
import yaml
from loopback import Loopback, Reply
from script_job import registry_of, run_script
from vizier_server import Answer, document

from stelnet.data import network
from stelnet.data.vizier import read_vizier
from stelnet.files import read_json
from stelnet.provenance import records
from stelnet.simulation.sky import SIMULATORS, simulate

ROOT = Path(__file__).parents[2]
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
#: Faults that come before the file, two at a time.
FAULTS = 2


@cache
def content(dataset: str, folder: Path) -> bytes:
    """The simulated file of a dataset."""
    path = folder / DATASETS[dataset]["files"][0]["name"]
    simulate(dataset, path, 1)
    return path.read_bytes()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("simulated")


@pytest.fixture(autouse=True)
def _from_the_network(monkeypatch):
    monkeypatch.setattr(network, "PAUSES", (0.0,) * FAULTS)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("STELNET_MIRROR", raising=False)


def faulty(sound: bytes, generator) -> list[Reply]:
    """Two bad answers in the place of a file, then the file."""
    bad = bad_answers.malformed(sound)
    return [bad[name] for name in generator.choice(list(bad), FAULTS, replace=False)] + [Reply(sound)]


@pytest.mark.parametrize("dataset", SIMULATORS)
def test_files(faults, dataset, simulated, tmp_path, monkeypatch):
    """The demo's file of {dataset} is had over the network after two bad answers, whole."""
    if dataset == "mist_cube" and not faults.whole:
        pytest.skip("part of the whole round: it takes long to make")
    sound = content(dataset, simulated)
    file = DATASETS[dataset]["files"][0] | {"package": None, "url": None}
    file |= {"bytes": len(sound), "sha256": hashlib.sha256(sound).hexdigest()}
    file.pop("tracks", None)
    monkeypatch.setattr(records, "registry", lambda *_: registry_of(**{dataset: [file]}))
    for number in faults.cases(1, 10):
        path = tmp_path / f"data/{dataset}/{number}" / file["name"]
        with Loopback(*faulty(sound, faults.generator)) as server:
            address = f"http://{server.address}/{file['name']}"
            run_script(
                "fetch",
                tmp_path,
                output={"file": path, "source": f"{path}.source.json"},
                params={"file": file | {"url": address}},
                wildcards={"dataset": dataset},
            )
        assert path.read_bytes() == sound
        origin = read_json(f"{path}.source.json")
        assert (origin["via"], origin["address"]) == ("network", address)
        assert {one.name for one in path.parent.iterdir()} == {path.name, f"{path.name}.source.json"}
        faults.came("had")


#: Table of VizieR -> the demo's file that has its columns.
TABLES = {"dh_vizier": "dh", "ngc6530_vizier": "ngc6530"}


@pytest.mark.parametrize("dataset", TABLES)
def test_tables_of_vizier(faults, dataset, simulated, tmp_path, monkeypatch, point_astroquery_at):
    """The table {dataset}, as VizieR would send the demo's, is had after two bad answers, value by value."""
    content(TABLES[dataset], simulated)
    stars = pd.read_csv(simulated / DATASETS[TABLES[dataset]]["files"][0]["name"])
    spec = DATASETS[dataset]["vizier"]
    spec = spec | {"rows": len(stars), "constraints": {}}
    columns = {}
    for name, about in spec["columns"].items():
        unit = about.get("unit")
        cells = [None if pd.isna(value) else value for value in stars[name].tolist()]
        kind = "double" if unit is not None else "int"
        columns[name] = (unit[0] if isinstance(unit, list) else unit, kind, cells)
    sound = document(Answer(spec["table"], columns))
    file = DATASETS[dataset]["files"][0]
    monkeypatch.setattr(records, "registry", lambda *_: registry_of(**{dataset: [file]}))
    monkeypatch.setattr(network, "PAUSES", (0.0,) * FAULTS)
    for number in faults.cases(1, 50):
        path = tmp_path / f"data/{dataset}/{number}" / file["name"]
        with Loopback(*faulty(sound, faults.generator)) as server:
            point_astroquery_at(server)
            run_script(
                "fetch_vizier",
                tmp_path,
                output={"file": path, "source": f"{path}.source.json"},
                params={"file": file, "vizier": spec},
                wildcards={"vizier": dataset},
            )
        found = read_vizier(path, spec)
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), stars[list(found)], check_dtype=False, check_index_type=False
        )
        assert read_json(f"{path}.source.json")["via"] == "network"
        faults.came("had")
