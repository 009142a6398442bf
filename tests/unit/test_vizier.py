"""Tables of VizieR, from a server on this machine that answers astroquery's requests in VizieR's own format.

All rows are synthetic; the columns, units and spellings are those of resources/datasets.yaml.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import votable
from astropy.io.votable.tree import Field, VOTableFile
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from loopback import HTML, Loopback, Reply
from script_job import registry_of, run_script
from vizier_server import FILE, SPEC, Answer, asu, document, vizier

from stelnet.data.vizier import fetch_vizier, parse, read_vizier
from stelnet.errors import DataError, DownloadError
from stelnet.provenance import records
from stelnet.spelling import match_columns
from stelnet.units import same_unit

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*W(03|50)"
)  # VizieR's identifiers and units are not the standard's
REGISTRY = {
    name: dataset
    for name, dataset in yaml.safe_load((ROOT / "resources/datasets.yaml").read_text()).items()
    if "vizier" in dataset
}


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "results/data/stars/stars.vot"


def nothing_in(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


def test_answer_is_kept_as_received_with_its_query_and_date(point_astroquery_at, target):
    with Loopback(vizier(Answer())) as server:
        point_astroquery_at(server)
        fetch_vizier("stars", FILE, SPEC, target, None)
    ((method, path, body),) = server.requests
    assert (method, path) == ("POST", "/viz-bin/votable")
    asked = asu(body)
    assert asked["-source"] == "J/Synth/1/stars"
    assert asked["-out"] == "HIP,Name,Lum,log(g),[Fe/H],Fe/H"
    assert asked["HIP"] == ">0"
    assert asked["-out.max"] == "unlimited"

    columns = ["HIP", "Name", "Lum", "log(g)", "[Fe/H]", "Fe/H"]
    sent = document(Answer(), asked=columns)
    assert target.read_bytes() == sent
    source = json.loads(target.with_name("stars.vot.source.json").read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", source.pop("retrieved"))
    assert set(source.pop("first_seen")) == {"sha256", "retrieved"}
    assert source == {
        "dataset": "stars",
        "via": "network",
        "address": f"https://{server.address}/viz-bin/votable?-source=J/Synth/1/stars",
        "sha256": hashlib.sha256(sent).hexdigest(),
        "bytes": len(sent),
        "query": {
            "server": server.address,
            "table": "J/Synth/1/stars",
            "columns": columns,
            "constraints": {"HIP": ">0"},
        },
    }


def test_reader_gives_registered_names_decimals_and_nan(tmp_path):
    path = tmp_path / "stars.vot"
    path.write_bytes(document(Answer()))
    table = read_vizier(path, SPEC)
    expected = pd.DataFrame(
        {
            "HIP": np.array([11, 12, 13, 14], np.int32),
            "Name": ["Synthetic 1", "Synthetic 2", np.nan, "Synthetic 4"],
            "Lum": [0.35, 1.0, np.nan, 120.7],
            "log(g)": [4.4, 4.1, 3.9, np.nan],
            "[Fe/H]": [0.03, -0.41, np.nan, 0.0],
        }
    )
    pd.testing.assert_frame_equal(table, expected, check_exact=True)


@pytest.mark.parametrize("name", REGISTRY)
def test_each_registered_table_is_asked_for_and_read(name, point_astroquery_at, target):
    spec = REGISTRY[name]["vizier"] | {"rows": 3}
    units = {key: column.get("unit") for key, column in spec["columns"].items()}
    values = {}
    for key, column in spec["columns"].items():
        low, high = column.get("range", (None, None))
        middle = [low, (low + high) / 2, high] if "unit" in column else ["S1", "S2", "S3"]
        values[key] = middle if column.get("complete") or "unit" not in column else [*middle[1:], None]
    columns = {
        # of the accepted units a server sends VizieR's own, which is the last that is not empty
        key: (None, "char", values[key])
        if unit is None
        else (unit if isinstance(unit, str) else [u for u in unit if u][-1], "double", values[key])
        for key, unit in units.items()
    }
    other = Answer("J/Synth/1/refs", {"Ref": (None, "char", ["a"])})
    with Loopback(vizier(other, Answer(spec["table"], columns))) as server:
        point_astroquery_at(server)
        fetch_vizier(name, REGISTRY[name]["files"][0], spec, target, None)
    asked = asu(server.requests[0][2])
    assert asked["-source"] == spec["table"]
    assert set(spec["columns"]) <= set(asked["-out"].split(","))
    assert {key: asked[key] for key in spec.get("constraints", {})} == spec.get("constraints", {})
    table = read_vizier(target, spec)
    assert list(table) == list(spec["columns"])
    for key, cells in values.items():
        pd.testing.assert_series_equal(table[key], pd.Series(cells, name=key), check_dtype=False)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([Answer().without("Lum")], r"no column Lum; there are HIP, Name, log\(g\), \[Fe/H\]"),
        ([Answer().changed("Lum", unit="W")], "the unit of column Lum is W, expected is Lsun"),
        ([Answer().changed("Lum", unit="")], "the unit of column Lum is none, expected is Lsun"),
        ([Answer().changed("[Fe/H]", unit="K")], r"unit of column \[Fe/H\] is K, expected is dex or \[Sun\]"),
        (
            [Answer("x", {k: (*v[:2], v[2][:3]) for k, v in Answer().columns.items()})],
            "3 rows, expected are 4",
        ),
        ([Answer("x", {k: (*v[:2], []) for k, v in Answer().columns.items()})], "0 rows, expected are 4"),
        (
            [Answer(), Answer("J/Synth/1/again")],
            r"2 tables with the columns HIP, Name, Lum, log\(g\), \[Fe/H\]",
        ),
        ([], "0 tables with the columns HIP"),
        ([Answer("J/Synth/1/refs", {"Ref": (None, "char", ["a"])})], "no column HIP, Name, Lum"),
        (
            [Answer("x", Answer().columns | {"Lum": ("Lsun", "char", ["1.0", "bright", "2", "3"])})],
            "column Lum holds more than numbers.*bright",
        ),
    ],
)
def test_table_that_is_not_the_registered_one_is_refused(answers, message, point_astroquery_at, target):
    with Loopback(vizier(*answers)) as server:
        point_astroquery_at(server)
        with pytest.raises(DataError, match=message) as error:
            fetch_vizier("stars", FILE, SPEC, target, None)
    assert re.match(r"stars: the answer of 127\.0\.0\.1:\d+: ", str(error.value))
    assert "see table J/Synth/1/stars in resources/datasets.yaml" in str(error.value)
    assert len(server.requests) == 1, "what a sound answer holds does not change when asked again"
    assert nothing_in(target.parent)


def test_rows_may_be_a_range(tmp_path):
    for rows, ok in (([3, 4], True), ([4, 9], True), ([5, 9], False), ([1, 3], False)):
        spec = SPEC | {"rows": rows}
        if ok:
            assert len(parse(document(Answer()), spec, "stars")) == 4
        else:
            with pytest.raises(DataError, match=f"stars: 4 rows, expected are {rows[0]} to {rows[1]}"):
                parse(document(Answer()), spec, "stars")


SOUND = document(Answer())


@pytest.mark.parametrize(
    "bad",
    [
        Reply(b"overloaded", 503),
        Reply(b"not found", 404),
        Reply(HTML),
        Reply(b"<?xml version='1.0'?>" + HTML),
        Reply(SOUND[: len(SOUND) // 2]),
        Reply(SOUND[:-30], promised=len(SOUND)),
        Reply(b""),
    ],
    ids=["503", "404", "html", "xhtml", "cut", "broken off", "empty"],
)
class TestBadReply:
    def test_twice_is_overcome(self, bad, point_astroquery_at, target):
        with Loopback(bad, bad, vizier(Answer())) as server:
            point_astroquery_at(server)
            fetch_vizier("stars", FILE, SPEC, target, None)
        assert len(server.requests) == 3
        assert len(read_vizier(target, SPEC)) == 4

    def test_always_is_one_error_and_no_file(self, bad, point_astroquery_at, target):
        with Loopback(bad) as server:
            point_astroquery_at(server)
            with pytest.raises(DownloadError, match=r"stars: .*-source=J/Synth/1/stars, 3 times.*What to do"):
                fetch_vizier("stars", FILE, SPEC, target, None)
        assert len(server.requests) == 3
        assert nothing_in(target.parent)


def test_no_network_and_no_mirror_says_what_was_tried_and_both_ways_out(point_astroquery_at, target):
    point_astroquery_at("127.0.0.1:9")
    with pytest.raises(DownloadError) as error:
        fetch_vizier("stars", FILE, SPEC, target, None)
    for part in (
        "stars: stars.vot could not be had",
        "a mirror: none is named",
        "https://127.0.0.1:9/viz-bin/votable?-source=J/Synth/1/stars, 3 times: ",
        "STELNET_MIRROR=FOLDER",
        "FOLDER/vizier/stars.vot there",
        "connect this machine to the network",
    ):
        assert part in str(error.value)
    assert nothing_in(target.parent)


def fits_export(path: Path, units: bool) -> None:
    """An export as users make them: rewritten column names, padded text, units or none."""
    table = Table(
        {
            "hip": np.array([11, 12, 13, 14], np.int32),
            "Name": np.array([b"Synthetic 1     ", b"Synthetic 2     ", b"Synthetic 3", b"Synthetic 4"]),
            "Lum_X": np.array([0.35, 1.0, np.nan, 120.7], np.float32),
            "log_g_": np.array([4.4, 4.1, 3.9, 4.0], np.float32),
            "__Fe_H_": np.array([0.03, -0.41, 0.1, 0.0], np.float32),
        }
    )
    if units:
        table["Lum_X"].unit = "Lsun"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, format="fits", overwrite=True)


EXPORTED = SPEC | {"columns": SPEC["columns"] | {"Lum": {"unit": "Lsun", "spellings": ["Lum_X"]}}}


class TestMirrorCopy:
    def entry(self, mirror: Path) -> dict:
        content = (mirror / FILE["mirror"]).read_bytes()
        return FILE | {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def test_goes_before_the_server(self, point_astroquery_at, tmp_path, target):
        fits_export(tmp_path / FILE["mirror"], units=False)
        with Loopback(vizier(Answer())) as server:
            point_astroquery_at(server)
            fetch_vizier("stars", self.entry(tmp_path), EXPORTED, target, tmp_path)
        assert server.requests == []
        assert target.read_bytes() == (tmp_path / FILE["mirror"]).read_bytes()
        source = json.loads(target.with_name("stars.vot.source.json").read_text())
        assert (source["via"], source["address"]) == ("mirror", FILE["mirror"])
        assert "query" not in source
        table = read_vizier(target, EXPORTED)
        assert list(table["Lum"])[:2] == [0.35, 1.0]
        assert np.isnan(table["Lum"][2])
        assert list(table["Name"])[:2] == ["Synthetic 1", "Synthetic 2"]

    def test_with_some_units_must_have_the_right_ones(self, point_astroquery_at, tmp_path, target):
        fits_export(tmp_path / FILE["mirror"], units=True)
        with pytest.raises(
            DataError, match=r"of the mirror: the unit of column log_g_ is none, expected is \[cm"
        ):
            fetch_vizier("stars", self.entry(tmp_path), EXPORTED, target, tmp_path)
        assert nothing_in(target.parent)

    def test_with_a_wrong_checksum_is_refused_by_both_digests(self, point_astroquery_at, tmp_path, target):
        fits_export(tmp_path / FILE["mirror"], units=False)
        entry = self.entry(tmp_path)
        found = entry["sha256"]
        with pytest.raises(DownloadError, match=f"stars: .*{FILE['mirror']} is not .*{found}.*{'0' * 64}"):
            fetch_vizier("stars", entry | {"sha256": "0" * 64}, EXPORTED, target, tmp_path)
        assert nothing_in(target.parent)

    def test_without_checksum_is_checked_for_its_rows(self, point_astroquery_at, tmp_path, target):
        fits_export(tmp_path / FILE["mirror"], units=False)
        with pytest.raises(
            DataError, match=r"stars: vizier/stars\.vot of the mirror: 4 rows, expected are 5"
        ):
            fetch_vizier("stars", FILE, EXPORTED | {"rows": 5}, target, tmp_path)
        assert nothing_in(target.parent)

    def test_lacking_it_the_mirror_leaves_it_to_the_server(self, point_astroquery_at, tmp_path, target):
        with Loopback(vizier(Answer())) as server:
            point_astroquery_at(server)
            fetch_vizier("stars", FILE, SPEC, target, tmp_path)
        assert len(server.requests) == 1


def test_csv_export_is_read(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(
        "HIP,Name,Lum,logg,Fe/H\n"
        "11,Synthetic 1      ,0.35,4.4,0.03\n"
        "12,      Synthetic 2,1,4.1,-0.41\n"
        "13,,,3.9,\n"
        "14,Synthetic 4,120.7,,0\n"
    )
    expected = parse(document(Answer()), SPEC, "stars")
    pd.testing.assert_frame_equal(read_vizier(path, SPEC), expected, check_dtype=False)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", HTML, SOUND[:-40], b"SIMPLE  = nothing"])
def test_what_is_no_table_is_refused_by_name(content, tmp_path):
    path = tmp_path / "stars.table"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"stars\.table: "):
        read_vizier(path, SPEC)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["[Fe/H]", "e_[Fe/H]"], {"[Fe/H]": "[Fe/H]"}),
        (["__Fe_H_", "e__Fe_H_"], {"[Fe/H]": "__Fe_H_"}),
        (["Fe/H"], {"[Fe/H]": "Fe/H"}),
        (["fe_h", "E_LOGA"], {"[Fe/H]": "fe_h"}),
        (["e_logA", "E_logA"], {"e_logA": "e_logA", "E_logA": "E_logA"}),
        (["E_logA"], {"E_logA": "E_logA"}),
        (["e_loga", "E_logA"], {"e_logA": "e_loga", "E_logA": "E_logA"}),
        (["__Fe_H_", "Fe/H"], {}),
        ([], {}),
    ],
)
def test_columns_are_known_by_any_of_their_spellings(columns, found):
    spellings = {key: [key] for key in ("[Fe/H]", "e_logA", "E_logA")}
    assert match_columns(columns, spellings) == found


names = st.lists(st.text(alphabet="aAbB_/[]", min_size=1, max_size=4), unique=True, max_size=8)


@given(columns=names, keys=names)
def test_no_column_serves_two_names(columns, keys):
    found = match_columns(columns, {key: [key] for key in keys})
    assert len(set(found.values())) == len(found)
    assert {key: found.get(key) for key in keys if key in columns} == {
        key: key for key in keys if key in columns
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[yr]", "log(yr)"),
        ("[yr]", "dex(yr)"),
        ("[cm/s2]", "log(cm.s-2)"),
        ("solMass", "Msun"),
        (None, ""),
        ("Lsun", "solLum"),
    ],
)
def test_notations_of_one_unit_agree(one, other):
    assert same_unit(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("[yr]", "yr"), ("Myr", "Gyr"), ("Msun", "Lsun"), ("K", ""), ("[Sun]", "")]
)
def test_units_that_differ_do_not(one, other):
    assert not same_unit(one, other)


def test_units_read_from_any_version_of_the_format():
    for version in ("1.3", "1.4", "1.5"):
        file = VOTableFile(version=version)
        for text in ("[cm/s2]", "Msun", "[Sun]", "Myr"):
            unit = Field(file, name="x", datatype="float", unit=text).unit
            assert same_unit(unit, text), (version, text)


def test_script_fetches_for_its_rule(point_astroquery_at, tmp_path, target, monkeypatch):
    monkeypatch.delenv("STELNET_MIRROR", raising=False)
    monkeypatch.setattr(records, "registry", lambda root: registry_of(stars=[FILE]))
    with Loopback(vizier(Answer())) as server:
        point_astroquery_at(server)
        run_script(
            "fetch_vizier",
            tmp_path,
            output={"file": target},
            params={"file": FILE, "vizier": SPEC},
            wildcards={"vizier": "stars"},
        )
    assert len(read_vizier(target, SPEC)) == 4
    assert votable.is_votable(str(target))


@pytest.mark.parametrize("name", ["gbs", "ngc6530_vizier"])
def test_real_export_in_the_mirror_is_the_registered_table(name, mirror, tmp_path):
    file, spec = REGISTRY[name]["files"][0], REGISTRY[name]["vizier"]
    path = tmp_path / file["name"]
    fetch_vizier(name, file, spec, path, mirror)
    table = read_vizier(path, spec)
    assert list(table) == list(spec["columns"])
    assert table.notna().all(axis=None) or name == "gbs"
    if name == "ngc6530_vizier":
        # the assembled table lists each star twice
        listed = pd.read_csv(mirror / "catalogues/ngc6530.csv")[list(table)].drop_duplicates()
        both = pd.merge(table, listed, how="outer", indicator=True)
        assert (both["_merge"] == "both").all()


def test_real_export_that_lacks_clusters_is_refused(mirror):
    spec = REGISTRY["bossini2019"]["vizier"]
    path = mirror / "vizier/BOSSINI2019.csv"
    with pytest.raises(DataError, match=r"BOSSINI2019\.csv: 265 rows, expected are 269"):
        read_vizier(path, spec)
    ages = read_vizier(path, spec | {"rows": 265}).set_index("Cluster")["logA"]
    assert (ages["NGC2632"], ages["NGC2547"]) == (8.875, 7.432)
