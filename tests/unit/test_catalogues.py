"""Catalogue adapters: synthetic tables in the catalogues' formats, then the real ones where the mirror is."""

import logging
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from script_job import run_script

from stelnet.catalogues import STARS, david_hillenbrand, standardise
from stelnet.catalogues._common import RawFile, Rows, checked, dex, limits_in_dex, number, text
from stelnet.errors import ConfigError, DataError
from stelnet.io import read_table
from stelnet.terms import STAR_COLUMNS

ROOT = Path(__file__).parents[2]
LN10 = np.log(10.0)
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())


def vizier_entry(dataset):
    """Return what the registry says of a table of VizieR, for a synthetic one of any number of rows."""
    return DATASETS[dataset]["vizier"] | {"rows": [1, 1000]}


# --- synthetic tables: rows of invented stars, by the columns of the real files ----------------------------
DH = {
    "HIP": [900001, 900002, 900003, 900004, 32851, 900006, 900007],
    "Teff": [6500, 7298, 7298, 8000, 6714, 6600, 6700],
    "e_Teff": [220, 248, 248, 270, 228, 224, 228],
    "log(g)": [4.2, 4.13, 4.13, 4.0, 4.37, 4.3, 4.1],
    "Ageavg": [1000.0, 834.0, 834.0, 500.0, 2002.0, None, 5000.0],
    "Age68lo": [500.0, 708.0, 708.0, 400.0, 1464.0, None, 5100.0],
    "Age68up": [4000.0, 1631.0, 1631.0, 700.0, 2822.0, None, 9000.0],
    "Age68t": [68, 68, 68, 11, 68, 0, 68],
    "Mavg": [1.25, 1.52, 1.52, 1.8, 1.39, None, 1.1],
    "M68lo": [1.2, 1.4, 1.4, 1.7, 1.3, None, 1.0],
    "M68up": [1.4, 1.6, 1.6, 1.8, 1.5, None, 1.2],
    "M68t": [68, 68, 68, 68, 68, 0, 68],
    "lum_val": [4.0, 17.0, 4.2, None, 3.6, 5.0, 6.0],
    "lum_percentile_lower": [3.9, 16.9, 4.1, None, 3.5, 4.9, 5.9],
    "lum_percentile_upper": [4.1, 17.1, 4.3, None, 3.7, 5.1, 6.1],
}
FGK = {
    "starid": ["HD1", "HD2", None],
    "Name": ["one", "two", "Sun"],
    "M": [1.0, 1.2, 1.0],
    "M_err": [0.1, 0.06, 0.0],
    "Lum": [0.0, 0.5, 0.0],
    "Lum_err": [0.02, 0.0, 0.0],
    "Teff": [5800, 5000, 5771],
    "Teff_err": [58, 30, 1],
    "[Fe/H]": [-0.1, 0.5, 0.0],
    "age_min": [2.0, 6.0, None],
    "age_max": [4.0, 9.0, None],
    "med_age": [3.0, 7.5, 4.57],
}
GBS = {"StarID1": ["alf One", "Sun"], "StarID2": ["HD 1", ""], "__Fe_H_": [-0.12, 0.03]}
GR = {
    "TIC": [1, 2, 3],
    "Flagfit": ["yes", "no", "yes"],
    "Luminosity": [5.0, None, 4.0],
    "E_Luminosity": [0.2, None, 0.1],
    "e_Luminosity": [0.1, None, 0.1],
    "Teff": [5000, None, 5500],
    "E_Teff": [20, None, 20],
    "e_Teff": [10, None, 20],
    "Mass": [1.28, None, 1.1],
    "E_Mass": [0.23, None, 0.1],
    "e_Mass": [0.2, None, 0.1],
    "Age": [4.0, None, 2.0],
    "E_Age": [4.0, None, 2.0],
    "e_Age": [2.0, None, 1.0],
    "logAge_err": [0.01, None, 0.0],
    "logMass_err": [-0.297, None, -0.31],
}
ONC = {
    "Name": ["000000.1-000001", "000000.2-000002", "000000.3-000003", "000000.4-000004"],
    "logTeff": [3.5, 3.6, None, 3.55],
    "logLum": [0.1, 0.2, None, 0.3],
    "Mass": [0.1, 0.5, None, 0.4],
    "logAge": [6.1, 3.99, None, 4.0],
}
NGC6530 = {
    "Mass": [0.5, 0.7, 0.5],
    "Age": [2.0, 1.0, 2.0],
    "Lbol": [1.0, 4.0, 1.0],
    "Rad": [1.0, 2.0, 1.0],
}


@pytest.fixture
def read(tmp_path):
    """Write synthetic tables, one a role; return what an adapter makes of them: (stars by id, dropped)."""

    def read(adapter, variant, source="assembled", max_abs_feh=0.5, vizier=(), **tables):
        paths = {role: tmp_path / f"synthetic_{role}.csv" for role in tables}
        for role, columns in tables.items():
            pd.DataFrame(columns).to_csv(paths[role], index=False)
        stars, dropped = standardise(
            adapter,
            paths,
            vizier={role: vizier_entry(dataset) for role, dataset in dict(vizier).items()},
            catalogue="Synthetic",
            stage="post",
            source=source,
            variant=variant,
            max_abs_feh=max_abs_feh,
        )
        return stars.set_index("star_id"), dropped

    return read


def changed(table, **columns):
    """Return a synthetic table with some columns replaced."""
    return table | columns


# --- raw tables --------------------------------------------------------------------------------------------
@pytest.fixture
def raw_file(tmp_path):
    def raw_file(**columns):
        pd.DataFrame(columns).to_csv(tmp_path / "synthetic.csv", index=False)
        return RawFile(tmp_path / "synthetic.csv")

    return raw_file


@pytest.mark.parametrize("spelling", ["[Fe/H]", "__Fe_H_", "Fe/H", "Fe_H", "_Fe_H_"])
def test_columns_are_found_by_any_spelling(raw_file, spelling):
    table = raw_file(**{spelling: [0.1], "e_[Fe/H]": [9.0]}).read({"[Fe/H]": number(-5, 1)})
    assert list(table.columns) == ["[Fe/H]"]
    assert table.loc[1, "[Fe/H]"] == 0.1


def test_upper_and_lower_errors_are_not_confused(raw_file):
    table = raw_file(E__x=[1.0], e__x=[2.0]).read({"e_x": number(0, 9), "E_x": number(0, 9)})
    assert table.loc[1].to_dict() == {"e_x": 2.0, "E_x": 1.0}


def test_two_spellings_of_one_column_are_refused(raw_file):
    with pytest.raises(DataError, match=r"needs one column '\[Fe/H\]' .*; it has Fe/H, Fe_H"):
        raw_file(**{"Fe/H": [0.1], "Fe_H": [0.2]}).read({"[Fe/H]": number(-5, 1)})


def test_empty_cells_are_nan_and_rows_are_counted_from_one(raw_file):
    columns = {"name": text(empty=True), "x": number(0, 9, empty=True)}
    table = raw_file(x=["1.5", "-", " nan "], name=[" one ", "", "--"]).read(columns)
    assert table.loc[1].tolist() == ["one", 1.5]
    assert table.loc[[2, 3]].isna().all(axis=None)
    assert table.index.tolist() == [1, 2, 3]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n4,5,6\n", b"a\n\xff\xfe\n"])
def test_unreadable_file_is_one_clear_error(tmp_path, content):
    (tmp_path / "broken.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.csv: not readable as CSV"):
        RawFile(tmp_path / "broken.csv").read({"a": number(0, 1)})


def test_table_without_rows_is_refused(raw_file):
    with pytest.raises(DataError, match="no row"):
        raw_file(a=[]).read({"a": number(0, 1)})


BAD_INPUT = {
    "missing column": (
        "david_hillenbrand", {k: v for k, v in DH.items() if k != "Ageavg"},
        r"table\.csv: needs one column 'Ageavg' \(a number from 0\.1 to 14000 Myr\); it has HIP, Teff",
    ),
    "text in a number's cell": (
        "onc", changed(ONC, logTeff=[3.5, "hot", None, 3.5]),
        r"row 2, column 'logTeff' holds 'hot'; expected a number from 3 to 5\.5 dex\(K\)",
    ),
    "empty cell in a complete table": (
        "ngc6530", changed(NGC6530, Lbol=[1.0, 4.0, None]),
        r"row 3, column 'Lbol' is empty; expected a number",
    ),
    "mass below the grid": (
        "onc", changed(ONC, Mass=[0.1, 0.05, None, 0.4]),
        r"row 2, column 'Mass' holds '0\.05'; expected .* 0\.1 to 300 Msun, the range of the MIST tracks",
    ),
    "negative mass": ("godoy_rivera", changed(GR, Mass=[-1, None, 1]), r"row 1, column 'Mass' holds '-1\.0'"),
    "infinity": ("ngc6530", changed(NGC6530, Lbol=[1, "inf", 1]), r"row 2, column 'Lbol' holds 'inf'"),
    "age in years": ("fgk_benchmarks", changed(FGK, med_age=[3e9, 7, 4]), r"column 'med_age' holds '30+\.0'"),
    "star twice": ("david_hillenbrand", changed(DH, HIP=[1, 1, 2, 3, 4, 5, 6]), r"column 'HIP' holds '1'"),
    "half an identifier": ("godoy_rivera", changed(GR, TIC=[1.5, 2, 3]), r"column 'TIC' holds '1\.5'"),
    "unknown flag": ("godoy_rivera", changed(GR, Flagfit=["yes", "no", "?"]), r"holds '\?'; expected yes or"),
    "no row left": ("godoy_rivera", changed(GR, Flagfit=["no"] * 3), r"Synthetic: all 3 rows were left out"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_error(read, case):
    adapter, table, message = BAD_INPUT[case]
    with pytest.raises(DataError, match=message):
        read(adapter, "published", table=table)


def test_further_bad_cells_are_counted(read):
    with pytest.raises(DataError, match=r"row 1, column 'Mass' .*\(2 more such cells\)"):
        read("ngc6530", "published", table=changed(NGC6530, Mass=[0.01, 0.02, 0.03]))


# --- errors and rows ---------------------------------------------------------------------------------------
positive = st.floats(1e-6, 1e6)


@given(value=positive, below=st.floats(1e-6, 0.999), above=st.floats(1e-6, 1e3))
def test_limits_in_dex_lead_back_to_the_limits(value, below, above):
    low, high = value * (1 - below), value * (1 + above)
    e_lo, e_hi = (series[0] for series in limits_in_dex(*(pd.Series([x]) for x in (value, low, high))))
    assert e_lo > 0
    assert e_hi > 0
    np.testing.assert_allclose(10 ** (np.log10(value) - e_lo), low, rtol=1e-9)
    np.testing.assert_allclose(10 ** (np.log10(value) + e_hi), high, rtol=1e-9)


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 2.0), (0.5, 1.0), (1.1, 2.0), (0.0, 2.0), (-1.0, 2.0), (np.nan, 2.0)]
)
def test_limits_that_do_not_enclose_the_value_are_unknown(low, high):
    errors = limits_in_dex(*(pd.Series([x]) for x in (1.0, low, high)))
    assert all(np.isnan(side[0]) for side in errors)


def test_dex_is_the_first_order_error_of_the_logarithm():
    value, error = pd.Series([5000.0]), pd.Series([0.5])
    np.testing.assert_allclose(dex(value, error), np.log10(5000.5) - np.log10(5000.0), rtol=1e-3)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_each_row_is_kept_or_listed_once(flags):
    table = pd.DataFrame(flags, columns=["first", "second"], index=range(1, len(flags) + 1))
    rows = Rows(table, table.index.to_series().astype(str))
    rows.drop(rows.table["first"], "first")
    rows.drop(rows.table["second"], "second")
    assert sorted([*rows.table.index, *rows.dropped["row"]]) == list(table.index)
    assert rows.dropped["reason"].tolist() == [
        "first" if one else "second" for one, two in flags if one or two
    ]
    assert rows.dropped["star_id"].tolist() == rows.dropped["row"].astype(str).tolist()
    assert list(rows.dropped) == ["row", "star_id", "reason"]


def test_masses_off_the_grid_are_left_out_with_the_reason():
    table = pd.DataFrame({"m": [0.05, 0.1, 300.0, 301.0]}, index=[1, 2, 3, 4])
    rows = Rows(table, pd.Series(list("abcd"), table.index))
    rows.drop_off_grid("m")
    assert rows.table["star_id"].tolist() == ["b", "c"]
    assert rows.dropped["reason"][0] == "mass 0.05 Msun is off the MIST tracks' range of 0.1 to 300 Msun"


# --- the standard table ------------------------------------------------------------------------------------
STAR = dict.fromkeys(STAR_COLUMNS, np.nan) | {
    "star_id": "a", "catalogue": "c", "stage": "pre", "feh_source": "assumed",
    "log_teff": 3.7, "log_lum": 0.0, "log_age": 9.0, "log_mass": 0.0,
}  # fmt: skip
WRONG = {
    "star_id": None, "catalogue": None, "stage": "zams", "log_teff": 5800.0, "e_log_teff": -0.1,
    "log_lum": np.nan, "e_log_lum": -0.1, "log_age": 4.6e9, "e_log_age_lo": -0.1, "e_log_age_hi": np.inf,
    "log_mass": -1.1, "e_log_mass_lo": -0.1, "e_log_mass_hi": -0.1, "feh": 3.0, "feh_source": None,
    "ra": 361.0, "dec": -91.0,
}  # fmt: skip


@pytest.mark.parametrize("column", STAR_COLUMNS)
def test_standard_table_is_checked_before_it_is_written(column):
    checked(pd.DataFrame([STAR]), STARS, "stars")
    with pytest.raises(DataError, match=f"stars: row 0, column '{column}' "):
        checked(pd.DataFrame([STAR | {column: WRONG[column]}]), STARS, "stars")


# --- David & Hillenbrand -----------------------------------------------------------------------------------
def test_dh_published(read):
    stars, dropped = read("david_hillenbrand", "published", table=DH)
    assert list(stars.index) == ["HIP 900001", "HIP 900002", "HIP 900003", "HIP 32851", "HIP 900007"]
    assert dropped.to_dict("list") == {
        "row": [4, 6],
        "star_id": ["HIP 900004", "HIP 900006"],
        "reason": ["no luminosity", "no age, mass"],
    }
    star = stars.loc["HIP 900001"]
    np.testing.assert_allclose(star[["log_teff", "log_lum", "log_age"]].tolist(), np.log10([6500, 4, 1e9]))
    np.testing.assert_allclose(star["e_log_teff"], 220 / 6500 / LN10)
    np.testing.assert_allclose(star["e_log_lum"], np.log10(4.1 / 3.9) / 2)
    # the narrower side of the ages, the upper side of the masses
    np.testing.assert_allclose([star["e_log_age_lo"], star["e_log_age_hi"]], 500 / 1000 / LN10)
    np.testing.assert_allclose([star["e_log_mass_lo"], star["e_log_mass_hi"]], 0.15 / 1.25 / LN10)
    assert (star["feh"], star["feh_source"]) == (0.0, "assumed")


def test_dh_corrected_errors_are_the_distances_to_the_68_percent_limits(read):
    stars, _ = read(
        "david_hillenbrand", "corrected", table=changed(DH, lum_val=[4.0, 17.0, 4.2, 9.0, 3.6, 5.0, 6.0])
    )
    star = stars.loc["HIP 900001"]
    np.testing.assert_allclose([star["e_log_age_lo"], star["e_log_age_hi"]], np.log10([2, 4]))
    np.testing.assert_allclose(
        [star["e_log_mass_lo"], star["e_log_mass_hi"]], np.log10([1.25 / 1.2, 1.4 / 1.25])
    )
    errors = ["e_log_age_lo", "e_log_age_hi", "e_log_mass_lo", "e_log_mass_hi"]
    # limits that hold 11 % of the probability; a limit equal to the rounded mass; a mean below both limits
    assert stars.loc["HIP 900004", errors].isna().all()
    assert stars.loc["HIP 900007", errors].isna().tolist() == [True, True, False, False]


def test_dh_corrected_leaves_out_stars_that_share_their_parameters(read):
    stars, dropped = read("david_hillenbrand", "corrected", table=DH)
    assert not {"HIP 900002", "HIP 900003"} & set(stars.index)
    reason = "several stars share its temperature, gravity, age and mass: HIP 900002, HIP 900003"
    assert dropped.loc[dropped["row"].isin([2, 3]), "reason"].tolist() == [reason] * 2


def test_dh_corrected_leaves_out_the_benchmarks(read):
    stars, dropped = read("david_hillenbrand", "corrected", table=DH)
    assert "HIP 32851" not in stars.index
    assert dropped.set_index("star_id").loc["HIP 32851", "reason"] == "an FGK benchmark: HD 49933"


def test_dh_from_vizier_takes_the_luminosities_of_the_tic(read):
    table5 = {re.sub(r"\W", "_", name): DH[name] for name in david_hillenbrand.TABLE}
    # a HIP number that the TIC splits in two, and a star without luminosity
    hip, lum = [900001, 900002, 900002, 900003], [4.5, 1.0, 2.0, None]
    stars, dropped = read(
        "david_hillenbrand",
        "published",
        source="vizier",
        vizier={"table": "dh_vizier", "luminosities": "tic82"},
        table=table5,
        luminosities={"HIP": hip, "Lum": lum, "s_Lum": [0.09, 0.1, 0.1, None]},
    )
    assert list(stars.index) == ["HIP 900001"]
    np.testing.assert_allclose(stars["log_lum"], np.log10(4.5))
    np.testing.assert_allclose(stars["e_log_lum"], 0.02 / LN10)
    assert dropped["reason"].tolist() == ["no luminosity"] * 4 + ["no luminosity, age, mass", "no luminosity"]


# --- FGK benchmarks ----------------------------------------------------------------------------------------
def test_fgk_published(read):
    stars, dropped = read(
        "fgk_benchmarks", "published", table=FGK, metallicities=GBS, vizier={"metallicities": "gbs"}
    )
    assert list(stars.index) == ["HD 1", "Sun"]
    assert dropped.to_dict("records") == [
        {"row": 2, "star_id": "HD 2", "reason": "[Fe/H] = +0.50 is not within 0.5 dex of solar"}
    ]
    star = stars.loc["HD 1"]
    assert (star["log_lum"], star["feh"], star["feh_source"]) == (0.0, -0.1, "measured")
    np.testing.assert_allclose(star["log_age"], np.log10(3e9))
    np.testing.assert_allclose([star["e_log_age_lo"], star["e_log_age_hi"]], 1 / 3 / LN10)
    np.testing.assert_allclose([star["e_log_mass_lo"], star["e_log_mass_hi"]], 0.1 / LN10)


def test_fgk_corrected_errors_are_the_distances_to_the_limits(read):
    stars, _ = read("fgk_benchmarks", "corrected", table=FGK)
    star = stars.loc["HD 1"]
    np.testing.assert_allclose([star["e_log_age_lo"], star["e_log_age_hi"]], np.log10([3 / 2, 4 / 3]))
    np.testing.assert_allclose([star["e_log_mass_lo"], star["e_log_mass_hi"]], np.log10([1 / 0.9, 1.1]))


@pytest.mark.parametrize("variant", ["published", "corrected"])
def test_fgk_unknown_errors_are_nan_not_zero(read, variant):
    stars, _ = read("fgk_benchmarks", variant, table=FGK, max_abs_feh=0.6)
    sun = stars.loc["Sun"]
    assert sun[["e_log_lum", "e_log_age_lo", "e_log_age_hi", "e_log_mass_lo", "e_log_mass_hi"]].isna().all()
    assert sun["e_log_teff"] > 0
    assert np.isnan(stars.loc["HD 2", "e_log_lum"])


@pytest.mark.parametrize(("limit", "kept"), [(0.5, 2), (0.51, 3), (0.1, 1), (0.11, 2)])
def test_metallicity_filter_is_strict(read, limit, kept):
    stars, _ = read("fgk_benchmarks", "published", table=FGK, max_abs_feh=limit)
    assert len(stars) == kept
    assert (stars["feh"].abs() < limit).all()


def test_metallicity_that_differs_from_the_reference_is_an_error(read):
    reference = changed(GBS, __Fe_H_=[-0.16, 0.03])
    with pytest.raises(DataError, match=r"HD 1 \(row 1\): \[Fe/H\] = -0\.10, but -0\.16 in .*0\.05 dex"):
        read(
            "fgk_benchmarks", "published", table=FGK, metallicities=reference, vizier={"metallicities": "gbs"}
        )


def test_star_without_a_reference_metallicity_is_logged(read, caplog):
    with caplog.at_level(logging.WARNING):
        read("fgk_benchmarks", "published", table=FGK, metallicities=GBS, vizier={"metallicities": "gbs"})
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["HD 2"]


# --- Godoy-Rivera, ONC, NGC 6530 ---------------------------------------------------------------------------
def test_godoy_rivera_published_errors_are_those_assembled(read):
    stars, dropped = read("godoy_rivera", "published", table=GR)
    assert list(stars.index) == ["TIC 1", "TIC 3"]
    assert dropped[["row", "star_id"]].values.tolist() == [[2, "TIC 2"]]
    assert stars.loc["TIC 1", ["e_log_mass_lo", "e_log_mass_hi"]].tolist() == [0.297, 0.297]
    # zero as in the paper's table: without it Table 1 does not come out
    assert stars.loc["TIC 3", ["e_log_age_lo", "e_log_age_hi"]].tolist() == [0.0, 0.0]


def test_godoy_rivera_corrected_errors_come_from_the_tables_own(read):
    without = {name: values for name, values in GR.items() if not name.startswith("log")}
    stars, _ = read("godoy_rivera", "corrected", table=without)
    star = stars.loc["TIC 1"]
    np.testing.assert_allclose([star["e_log_age_lo"], star["e_log_age_hi"]], np.log10([2, 2]))
    np.testing.assert_allclose(
        [star["e_log_mass_lo"], star["e_log_mass_hi"]], np.log10([1.28 / 1.08, 1.51 / 1.28])
    )


def test_onc(read):
    stars, dropped = read("onc", "published", table=ONC)
    assert list(stars.index) == ["COUP J000000.1-000001", "COUP J000000.2-000002", "COUP J000000.4-000004"]
    assert dropped["reason"].tolist() == ["no temperature, luminosity, age, mass"]
    # 0.1 Msun, the lowest mass of the grid, is on it
    np.testing.assert_allclose(stars["log_mass"], np.log10([0.1, 0.5, 0.4]))


def test_onc_corrected_leaves_out_implausible_ages(read):
    stars, dropped = read("onc", "corrected", table=ONC)
    assert list(stars.index) == ["COUP J000000.1-000001", "COUP J000000.4-000004"]
    assert dropped.loc[0].tolist() == [2, "COUP J000000.2-000002", "implausible age: log age 3.99 is below 4"]


def test_ngc6530_published_keeps_both_listings_of_a_star(read):
    stars, dropped = read("ngc6530", "published", table=NGC6530)
    assert list(stars.index) == ["NGC6530-001", "NGC6530-002", "NGC6530-001-2"]
    assert dropped.empty
    np.testing.assert_allclose(stars["log_teff"], np.log10(5771))
    np.testing.assert_allclose(stars["log_age"], np.log10([2e6, 1e6, 2e6]))


def test_ngc6530_corrected_keeps_each_star_once(read):
    stars, dropped = read("ngc6530", "corrected", table=NGC6530)
    assert list(stars.index) == ["NGC6530-001", "NGC6530-002"]
    assert dropped.loc[0].tolist() == [3, "NGC6530-001-2", "the star of row 1, listed again"]


# --- the dispatcher and the script -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("adapter", "message"), [("nothing", "no such module"), ("wright_bossini", "read_catalogue")]
)
def test_wrong_adapter_is_one_clear_error(read, adapter, message):
    with pytest.raises(ConfigError, match=message):
        read(adapter, "published", table=NGC6530)


USE_IT = """
import yaml
from stelnet import catalogues, configuration

config, datasets = (yaml.safe_load(open(name)) for name in ("config.yaml", "datasets.yaml"))
configuration.check(config, datasets)
block = config["catalogues"]["MySurvey"]
stars, dropped = catalogues.standardise(
    block["adapter"], {"table": "my_survey.csv"}, vizier={}, catalogue="MySurvey", stage=block["stage"],
    source=block["source"], variant="corrected", max_abs_feh=config["max_abs_feh"],
)
print(catalogues.__file__, *stars["star_id"], *dropped["reason"], sep="; ")
"""


def test_new_catalogue_takes_one_module_one_block_and_one_registry_entry(tmp_path):
    """The example of docs/catalogues.md, in a copy of the library, with no other file changed."""
    docs = (ROOT / "docs/catalogues.md").read_text()
    example = re.findall(r"^ *```(?:python|yaml)\n(.*?)^ *```$", docs, re.MULTILINE | re.DOTALL)
    entry, adapter, block, cluster = map(textwrap.dedent, example)
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow", ignore=shutil.ignore_patterns("*.egg-info"))
    (tmp_path / "workflow/stelnet/catalogues/my_survey.py").write_text(adapter)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["catalogues"] |= yaml.safe_load(block)["catalogues"]
    config["clusters"] |= yaml.safe_load(cluster)["clusters"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "datasets.yaml").write_text(yaml.safe_dump(DATASETS | yaml.safe_load(entry)))
    synthetic = "TIC,Teff,e_Teff,L,Age,Age_lo,Age_hi,M\n1,5800,50,1,4,3,6,1\n2,6000,50,,4,3,6,1\n"
    (tmp_path / "my_survey.csv").write_text(synthetic)

    run = subprocess.run(
        [sys.executable, "-c", USE_IT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "workflow")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    copy = tmp_path / "workflow/stelnet/catalogues/__init__.py"
    assert run.stdout.strip() == f"{copy}; TIC 1; no luminosity"


@pytest.fixture
def standardise_new(tmp_path):
    """Run the script as Snakemake does, in this process."""

    def run(table, adapter, variants=("published", "corrected")):
        pd.DataFrame(table).to_csv(tmp_path / "raw.csv", index=False)
        outputs = [tmp_path / f"out/{variant}/New.parquet" for variant in variants]
        dropped = tmp_path / "out/New.dropped.csv"
        run_script(
            "standardise_catalogue",
            tmp_path,
            input={"table": tmp_path / "raw.csv"},
            output={"stars": outputs, "dropped": dropped},
            params={"vizier": {}},
            config={
                "variants": list(variants),
                "max_abs_feh": 0.5,
                "simulated": True,
                "catalogues": {"New": {"adapter": adapter, "stage": "pre", "source": "assembled"}},
            },
            wildcards={"catalogue": "New"},
        )
        return [read_table(path) for path in outputs], pd.read_csv(dropped)

    return run


def test_script_writes_both_variants_and_the_rows_left_out(standardise_new):
    (published, corrected), dropped = standardise_new(NGC6530, "ngc6530")
    assert (len(published), len(corrected)) == (3, 2)
    assert list(published) == list(STAR_COLUMNS)
    assert published.attrs.items() >= {
        "catalogue": "New", "variant": "published", "source": "assembled", "simulated": "true",
    }.items()  # fmt: skip
    assert corrected.attrs["variant"] == "corrected"
    assert dropped.values.tolist() == [["corrected", 3, "NGC6530-001-2", "the star of row 1, listed again"]]


def test_script_writes_the_header_when_no_row_is_left_out(standardise_new):
    _, dropped = standardise_new(NGC6530, "ngc6530", variants=("published",))
    assert list(dropped) == ["variant", "row", "star_id", "reason"]
    assert dropped.empty


def test_script_leaves_nothing_behind_on_bad_input(standardise_new, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        standardise_new(changed(NGC6530, Mass=[0.5, 0.7, 0.05]), "ngc6530")
    assert "column 'Mass' holds '0.05'" in (tmp_path / "logs/standardise_catalogue.log").read_text()
    assert not (tmp_path / "out").exists()


# --- the real catalogues -----------------------------------------------------------------------------------
REAL = {
    "FGK": ("fgk_benchmarks", "FGK.csv", 13, 13),
    "DH": ("david_hillenbrand", "DH.csv", 1869, 1866),
    "GR": ("godoy_rivera", "G-R.csv", 340, 340),
    "ONC": ("onc", "ONC.csv", 551, 549),
    "NGC6530": ("ngc6530", "ngc6530.csv", 580, 290),
}


@pytest.fixture
def real(mirror):
    """Return a function that reads a real catalogue from the mirror: (stars, dropped, raw table)."""

    def read(name, variant):
        adapter, file, *_ = REAL[name]
        paths = {"table": mirror / "catalogues" / file}
        vizier = {}
        if name == "FGK":
            paths["metallicities"] = mirror / "vizier/GBS2.1_III_281_gbs.fits"
            vizier["metallicities"] = DATASETS["gbs"]["vizier"]
        common = {
            "vizier": vizier,
            "catalogue": name,
            "stage": "post",
            "source": "assembled",
            "max_abs_feh": 0.5,
        }
        stars, dropped = standardise(adapter, paths, variant=variant, **common)
        return stars, dropped, pd.read_csv(paths["table"])

    return read


@pytest.mark.parametrize("name", REAL)
def test_real_numbers_of_rows(real, name):
    for variant, count in zip(("published", "corrected"), REAL[name][2:], strict=True):
        stars, dropped, raw = real(name, variant)
        assert len(stars) == count
        assert len(stars) + len(dropped) == len(raw)
        assert dropped["reason"].str.len().min() > 0 or dropped.empty


@pytest.mark.parametrize("name", REAL)
def test_real_published_values_are_those_assembled_for_the_paper(real, name):
    stars, dropped, raw = real(name, "published")
    raw = raw.drop(index=dropped["row"] - 1).reset_index(drop=True)
    for column, assembled in {
        "log_teff": "logTeff", "log_lum": "logLum", "log_age": "logAge", "log_mass": "logMass",
    }.items():  # fmt: skip
        np.testing.assert_allclose(stars[column], raw[assembled], rtol=0, atol=1e-12)
    for quantity in ("Age", "Mass"):
        if f"log{quantity}_err" in raw:
            error = raw[f"log{quantity}_err"].abs()
            if name == "FGK":
                error = error.where(stars["star_id"] != "Sun")
            for side in ("lo", "hi"):
                np.testing.assert_allclose(
                    stars[f"e_log_{quantity.lower()}_{side}"], error, rtol=0, atol=1e-12
                )


def test_real_corrected_rows(real):
    dropped = real("DH", "corrected")[1].set_index("star_id")["reason"]
    assert dropped["HIP 1196"] == dropped["HIP 1197"]
    assert dropped["HIP 32851"] == "an FGK benchmark: HD 49933"
    assert real("ONC", "corrected")[1]["reason"].str.startswith("implausible").sum() == 2
    stars = real("NGC6530", "corrected")[0]
    assert not stars.duplicated(["log_teff", "log_lum", "log_age", "log_mass"]).any()


def test_real_corrected_errors_are_positive_or_unknown(real):
    for name in REAL:
        stars = real(name, "corrected")[0]
        errors = stars[[column for column in stars if column.startswith("e_")]]
        assert (errors.isna() | (errors > 0)).all(axis=None), name
    # the paper's errors of these masses are about 0.3 dex
    stars = real("GR", "corrected")[0]
    assert stars[["e_log_mass_lo", "e_log_mass_hi"]].max(axis=None) < 0.1


def test_real_benchmarks_match_the_reference_and_their_hip_numbers(real, mirror, caplog):
    with caplog.at_level(logging.WARNING):
        stars, *_ = real("FGK", "published")
    assert not caplog.records
    entry = vizier_entry("gbs")
    columns = {"StarID2": text(empty=True), "StarID3": text(empty=True)}
    entry["columns"] = {name: {} for name in columns}
    gbs = RawFile(mirror / "vizier/GBS2.1_III_281_gbs.fits", entry).read(columns).dropna()
    hip = dict(zip(gbs["StarID2"], gbs["StarID3"].str.removeprefix("HIP").astype(int), strict=True))
    ours = stars["star_id"].str.replace(" ", "")
    assert set(ours[ours != "Sun"].map(hip)) == set(david_hillenbrand.BENCHMARKS)
    assert not set(hip.values()) & set(pd.read_csv(mirror / "catalogues/DH.csv")["HIP"]) - {32851}


def test_real_ngc6530_is_the_same_from_vizier(real, mirror):
    paths, vizier = (
        {"table": mirror / "vizier/NGC6530_Henderson2012_x_lit.fit"},
        {"table": DATASETS["ngc6530_vizier"]["vizier"]},
    )
    common = {"catalogue": "NGC6530", "stage": "post", "source": "vizier", "max_abs_feh": 0.5}
    columns = ["log_teff", "log_lum", "log_age", "log_mass"]
    assembled = real("NGC6530", "corrected")[0][columns].sort_values(columns, ignore_index=True)
    for variant in ("published", "corrected"):
        stars, dropped = standardise("ngc6530", paths, vizier=vizier, variant=variant, **common)
        assert dropped.empty
        ours = stars[columns].sort_values(columns, ignore_index=True)
        pd.testing.assert_frame_equal(ours, assembled, rtol=0, atol=1e-12)
