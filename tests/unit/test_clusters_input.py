"""Members of clusters: synthetic tables in the real ones' formats, then the real ones where the mirror is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stelnet.catalogues import standardise_cluster, wright_bossini
from stelnet.catalogues._common import RawFile
from stelnet.data.zams import zams_table
from stelnet.errors import ConfigError, DataError

DATASETS = yaml.safe_load((Path(__file__).parents[2] / "resources/datasets.yaml").read_text())

MEMBERS = {
    "2mass_name": ["00000000+0000001", "-", "-", "-"],
    "Star_name": ["-", "SYN 2", "SYN 3", "SYN 3"],
    "Cluster_name": ["Syn 7", "Syn7", "syn_7", "Other"],
    "RA": ["10.5", "-", "11", "12"],
    "DEC": ["-20.5", "-", "-21", "-22"],
    "Teff": [3700, 4000, 5000, 6000],
    "Lbol": [0.04, 0.1, 0.5, 1.0],
    "Mass": [0.45, 0.6, 0.9, 1.0],
    "logA_boss": [8.0] * 4,
    "e_logA_boss": [8.1] * 4,
    "E_logA_boss": [7.95] * 4,
}
WRIGHT = {
    "Name": ["SYN 1", "SYN 1", "", "SYN 4", "SYN 5", "SYN 6"],
    "Cluster": ["Syn7", "Syn7", "Syn7", "Syn7", "", "Syn7"],
    "Teff": [3500.0, 6000.0, 5500.0, 3000.0, 5000.0, 2900.0],
    "L*": [0.02, 1.2, 0.8, 0.0, 0.5, 0.01],
    "M*": [0.4, 1.1, 1.0, 0.15, 0.9, 0.09],
}
BOSSINI = {
    "Cluster": ["NGC7", "NGC8"],
    "logA": [8.0, 9.0],
    "e_logA": [8.1, 9.1],
    "E_logA": [7.95, 8.9],
    "[Fe/H]": [0.07, 0],
}
ZAMS = pd.DataFrame({"log_mass": [-1.0, 0.0, 1.0], "log_age_zams": [9.0, 7.5, 5.5]})


@pytest.fixture
def read(tmp_path):
    """Write synthetic tables, one a role; return what the adapter makes of them: (members, dropped)."""

    def read(source="assembled", stage="post", names=("Syn7", "NGC7"), zams=None, **tables):
        paths = {role: tmp_path / f"synthetic_{role}" for role in tables}
        for role, columns in tables.items():
            pd.DataFrame(columns).to_csv(paths[role], index=False)
        entries = {"members": DATASETS["wright2011"], "ages": DATASETS["bossini2019"]}
        vizier = {role: entry["vizier"] | {"rows": [1, 9]} for role, entry in entries.items()}
        return standardise_cluster(
            "wright_bossini",
            paths,
            vizier=vizier if source == "vizier" else {},
            cluster="Syn",
            stage=stage,
            source=source,
            names=list(names),
            zams=zams,
        )

    return read


def test_assembled_members(read):
    stars, dropped = read(members=MEMBERS)
    # members of other clusters are no concern of this one: they are not listed as left out
    assert dropped.empty
    assert stars["star_id"].tolist() == ["2MASS J00000000+0000001", "SYN 2", "SYN 3"]
    assert set(stars["catalogue"]) == {"Syn"}
    assert set(stars["stage"]) == {"post"}
    np.testing.assert_allclose(stars["log_teff"], np.log10([3700, 4000, 5000]))
    np.testing.assert_allclose(stars["log_lum"], np.log10([0.04, 0.1, 0.5]))
    np.testing.assert_allclose(stars["log_mass"], np.log10([0.45, 0.6, 0.9]))
    np.testing.assert_array_equal(stars["ra"], [10.5, np.nan, 11.0])
    np.testing.assert_array_equal(stars["dec"], [-20.5, np.nan, -21.0])
    assert stars["e_log_mass_lo"].isna().all()


@pytest.mark.parametrize("swapped", [False, True])
def test_bounds_of_the_age_become_errors(read, swapped):
    upper, lower = ("E_logA_boss", "e_logA_boss") if swapped else ("e_logA_boss", "E_logA_boss")
    stars, _ = read(members=MEMBERS | {upper: [8.1] * 4, lower: [7.95] * 4})
    np.testing.assert_allclose(stars["log_age"], 8.0)
    np.testing.assert_allclose(stars["e_log_age_hi"], 0.1)
    np.testing.assert_allclose(stars["e_log_age_lo"], 0.05)


def test_errors_where_bounds_belong_are_refused(read):
    wrong = MEMBERS | {"e_logA_boss": [0.1] * 4, "E_logA_boss": [0.05] * 4}
    with pytest.raises(DataError, match=r"e_logA = 0\.1 and E_logA = 0\.05 are not bounds of logA = 8"):
        read(members=wrong)


def test_vizier_members_of_the_old_side(read):
    stars, dropped = read(source="vizier", zams=ZAMS, members=WRIGHT, ages=BOSSINI)
    # a name that two stars share, and none, give way to the row
    assert stars["star_id"].tolist() == ["Syn7-002", "Syn7-003"]
    np.testing.assert_allclose(stars["log_lum"], np.log10([1.2, 0.8]), rtol=1e-6)
    np.testing.assert_allclose(stars["log_mass"], np.log10([1.1, 1.0]), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(stars[["log_age", "e_log_age_lo", "e_log_age_hi"]], [[8.0, 0.05, 0.1]] * 2)
    assert stars["feh"].tolist() == [0.07, 0.07]
    assert set(stars["feh_source"]) == {"measured"}
    assert dropped.values.tolist() == [
        [1, "Syn7-001", "before the ZAMS, which a star of its mass reaches at log age 8.10"],
        [4, "SYN 4", "no luminosity above 0"],
        [6, "SYN 6", "mass 0.09 Msun is off the MIST tracks' range of 0.1 to 300 Msun"],
    ]


def test_vizier_members_of_the_young_side(read):
    stars, dropped = read(source="vizier", stage="pre", zams=ZAMS, members=WRIGHT, ages=BOSSINI)
    assert stars["star_id"].tolist() == ["Syn7-001"]
    assert dropped["reason"].str.startswith("after the ZAMS").sum() == 2


def test_cluster_without_a_metallicity_is_assumed_solar(read):
    ages = BOSSINI | {"[Fe/H]": [np.nan, 0.0]}
    stars, _ = read(source="vizier", zams=ZAMS, members=WRIGHT, ages=ages)
    assert set(stars["feh"]) == {0.0}
    assert set(stars["feh_source"]) == {"assumed"}


@pytest.mark.parametrize("role", ["members", "ages"])
def test_unknown_cluster_names_those_there_are(read, role):
    tables = {"members": WRIGHT, "ages": BOSSINI}
    names = {"members": ["NGC8"], "ages": ["Syn7"]}[role]
    with pytest.raises(
        DataError, match=f"synthetic_{role}: no row of {names[0]} in column 'Cluster'; it has "
    ):
        read(source="vizier", zams=ZAMS, names=names, **tables)


BAD_INPUT = {
    "missing column": ({k: v for k, v in MEMBERS.items() if k != "Teff"}, "needs one column 'Teff'"),
    "empty needed cell": (MEMBERS | {"Teff": [3700, None, 5000, 6000]}, "row 2, column 'Teff' is empty"),
    "text in a number's cell": (MEMBERS | {"Lbol": [0.1, "?", 1, 1]}, r"row 2, column 'Lbol' holds '\?'"),
    "mass of nothing": (MEMBERS | {"Mass": [0.5, 0.0, 1, 1]}, r"row 2, column 'Mass' holds '0\.0'"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_error(read, case):
    table, message = BAD_INPUT[case]
    with pytest.raises(DataError, match=message):
        read(members=table)


def test_catalogue_adapter_is_refused():
    with pytest.raises(ConfigError, match="'onc': its module has no function read_cluster"):
        standardise_cluster(
            "onc", {}, vizier={}, cluster="Syn", stage="pre", source="assembled", names=["x"], zams=None
        )


# --- the real clusters -------------------------------------------------------------------------------------
REAL = [
    ("praesepe_post", "post", ["Praesepe", "NGC2632"], 19, 8.875, 0.004, 0.002),
    ("ngc2547_pre", "pre", ["NGC2547"], 69, 7.432, 0.018, 0.017),
    ("pleiades_post", "post", ["Pleiades"], 86, 7.937, 0.012, 0.029),
    ("pleiades_pre", "pre", ["Pleiades"], 60, 7.937, 0.012, 0.029),
]


@pytest.mark.parametrize(("file", "stage", "names", "count", "age", "e_lo", "e_hi"), REAL)
def test_real_clusters(mirror, file, stage, names, count, age, e_lo, e_hi):
    path = mirror / f"clusters/{file}.csv"
    common = {"vizier": {}, "cluster": names[0], "stage": stage, "source": "assembled", "names": names}
    stars, dropped = standardise_cluster("wright_bossini", {"members": path}, zams=None, **common)
    assert (len(stars), len(dropped)) == (count, 0)
    np.testing.assert_allclose(
        stars[["log_age", "e_log_age_lo", "e_log_age_hi"]], [[age, e_lo, e_hi]] * count
    )
    raw = pd.read_csv(path)
    for column, assembled in {"log_teff": "logTeff", "log_lum": "logLum", "log_mass": "logMass"}.items():
        np.testing.assert_allclose(stars[column], raw[assembled], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("file", "stage", "names"), [row[:3] for row in REAL])
def test_real_members_lie_on_the_side_that_the_zams_tells(mirror, file, stage, names):
    """The paper's split into sides, rebuilt with the ages of MIST at EEP 202."""
    mist = pd.read_csv(mirror / "mist/mist_v1.2_feh0.00_vvcrit0.4_exact_rows.csv.gz")
    tracks = mist[mist["EEP"].isin([201, 202, 203])].rename(columns={"EEP": "eep"})
    zams = zams_table(tracks, zams_eep=202, end_eep=203)
    common = {"vizier": {}, "cluster": names[0], "source": "assembled", "names": names, "zams": zams}
    paths = {"members": mirror / f"clusters/{file}.csv"}
    _, dropped = standardise_cluster("wright_bossini", paths, stage=stage, **common)
    assert dropped.empty
    with pytest.raises(DataError, match=r"all \d+ rows were left out"):
        standardise_cluster("wright_bossini", paths, stage={"pre": "post", "post": "pre"}[stage], **common)


def test_real_bounds_enclose_the_ages_of_all_clusters(mirror):
    entry = DATASETS["bossini2019"]["vizier"] | {"rows": 265}
    ages = RawFile(mirror / "vizier/BOSSINI2019.csv", entry).read(wright_bossini.BOSSINI)
    lower, upper = wright_bossini.errors_from_bounds(ages.assign(star_id=ages["Cluster"]))
    assert len(ages) == 265
    ngc2547 = ages["Cluster"] == "NGC2547"
    np.testing.assert_allclose([*lower[ngc2547], *upper[ngc2547]], [0.018, 0.017])
