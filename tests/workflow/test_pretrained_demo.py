"""The models of a finished run, packed; the run is the demo's."""

import json
import shutil
from pathlib import Path

import pytest

from stelnet.cards.packing import FOLDER, pack
from stelnet.errors import DataError
from stelnet.inference import packaged


def test_pack_takes_models_card_and_lineage(demo, tmp_path):
    results = demo.folder / "results/demo"
    pack(results, tmp_path)
    assert json.loads((tmp_path / packaged.CARD).read_text())["simulated"] is True
    for path in (results / FOLDER).iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    packaged.verify(tmp_path)
    outputs = packaged.read(packaged.PROVENANCE, tmp_path)["outputs"]
    for name in ("models/transfer/corrected/post/0.safetensors", "mist/tracks.parquet"):
        assert name in outputs
    assert {one["source"]["via"] for one in outputs.values() if "source" in one} == {"simulated"}


def test_card_of_simulated_models_says_so(demo):
    text = (demo.folder / "results/demo/pretrained/README.md").read_text()
    assert "**Simulated: trained on the demo's sky, of no use for real stars.**" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mist/zams.parquet", "altered: mist/zams.parquet: it is not the file that was recorded"),
        ("pretrained/README.md", "altered: pretrained/README.md: it is not the file that was recorded"),
        ("pretrained/transfer.safetensors", "SHA-256 .* is not that of the card"),
    ],
)
def test_what_is_not_as_recorded_is_not_packed(demo, tmp_path, name, message):
    results = Path(shutil.copytree(demo.folder / "results/demo", tmp_path / "demo"))
    with open(results / name, "ab") as file:
        file.write(b" ")
    with pytest.raises(DataError, match=message):
        pack(results, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()
