"""What a list's columns are taken for: evidence beside names, sentinels, limits, gaps, radii, and advice."""

import re
import shlex
from collections import Counter

import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable import from_table
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stelnet.errors import DataError
from stelnet.inference.inputs import DEFAULT_ERRORS
from stelnet.starlists.opening import open_list
from stelnet.starlists.place import FROM_RADIUS, Columns, usable

SUN = np.log10(5772.0)


def listed(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text)
    return open_list(path)


def understood(stars, **options):
    """Return the columns of a list, and its inputs to a model as a dict of arrays."""
    columns = Columns.found(stars, **options)
    return columns, columns.inputs(stars, stars.head(columns.names), 0)


def read(tmp_path, text, **options):
    return understood(listed(tmp_path, text), **options)


def rows(header, *values):
    return "\n".join([",".join(header), *(",".join(map(str, row)) for row in values)]) + "\n"


# --- evidence beside a name ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "others",
    [["l", "b"], ["l"], ["L", "B"], ["L", "b"], ["J", "H", "K", "L", "M"], ["L", "GLAT"]],
)
def test_a_letter_without_evidence_is_no_luminosity(tmp_path, others):
    header = ["Teff", *others]
    with pytest.raises(DataError, match=r"no column seems to hold the luminosity.*'[lL]' is passed over"):
        read(tmp_path, rows(header, [5772, *[3.0] * len(others)]))
    # another column that holds it is found all the same, and what was passed over is said
    columns, inputs = read(tmp_path, rows([*header, "lum_flame"], [5772, *[3.0] * len(others), 10]))
    assert inputs["log_lum"] == pytest.approx([1])
    assert "is passed over" in columns.described()["log_lum"]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["Teff", "L"], [5772, 10]),
        (["Teff", "l", "e_l"], [5772, 10, 1]),
        (["Teff", "L", "e_L", "b"], [5772, 10, 1, 45]),
        (["Teff", "L [Lsun]", "b"], [5772, 10, 45]),
        (["Teff", "l (erg/s)", "b"], [5772, 3.828e34, 45]),
        (["Teff", "Mass", "L", "M", "R"], [5772, 1, 10, 1, 1]),
    ],
)
def test_evidence_makes_a_letter_a_luminosity(tmp_path, header, row):
    assert read(tmp_path, rows(header, row))[1]["log_lum"] == pytest.approx([1])


def test_what_else_may_share_a_name_is_no_candidate(tmp_path):
    text = rows(["Teff", "L", "MJ", "MH", "MK"], [5772, 1, 3.6, 3.3, 3.2])
    assert read(tmp_path, text, metallicities=True)[0].feh is None
    assert read(tmp_path, rows(["Teff", "L", "MH"], [5772, 1, -0.2]), metallicities=True)[0].feh


@pytest.mark.parametrize("unit", ["deg", "mag", "pc", "K", "km/s", "bananas"])
@pytest.mark.parametrize("name", ["lum", "L", "Lbol"])
def test_a_unit_of_something_else_rules_a_column_out(tmp_path, name, unit):
    table = Table({"Teff": [5772.0], name: [12.0], "x": [100.0]})
    table["x"].unit = "Lsun"
    table[name].unit = u.Unit(unit, parse_strict="silent")
    table.write(tmp_path / "list.ecsv")
    columns, inputs = understood(open_list(tmp_path / "list.ecsv"))
    assert inputs["log_lum"] == pytest.approx([2])
    assert f"{name} is passed over: its unit is" in columns.described()["log_lum"] or name != "lum"


def votable(tmp_path, table, ucds):
    tree = from_table(table)
    for field in tree.get_first_table().fields:
        field.ucd = ucds.get(field.name)
    tree.to_xml(str(tmp_path / "list.vot"))
    return open_list(tmp_path / "list.vot")


def test_ucds_decide(tmp_path):
    table = Table({"temp": [20.0], "T1": [5772.0], "e_T1": [100.0], "lum": [3.0], "x": [10.0]})
    ucds = {
        "temp": "instr.temperature",
        "T1": "phys.temperature.effective",
        "e_T1": "stat.error;phys.temperature.effective",
        "lum": "pos.galactic.lon",
        "x": "phys.luminosity;meta.main",
    }
    columns, inputs = understood(votable(tmp_path, table, ucds))
    assert inputs["log_teff"] == pytest.approx([SUN])
    assert inputs["e_log_teff"] == pytest.approx([0.00752], abs=1e-5)
    assert inputs["log_lum"] == pytest.approx([1])
    assert "lum is passed over: its UCD is pos.galactic.lon" in columns.described()["log_lum"]


def test_two_columns_of_a_ucd_are_ambiguous_unless_a_name_tells_them_apart(tmp_path):
    ucds = {"a": "phys.temperature.effective", "Teff": "phys.temperature.effective"}
    table = Table({"a": [5000.0], "Teff": [5772.0], "L": [1.0]})
    assert understood(votable(tmp_path, table, ucds))[1]["log_teff"] == pytest.approx([SUN])
    table.rename_column("Teff", "c")
    with pytest.raises(DataError, match="a, c; name one with --teff"):
        understood(votable(tmp_path, table, {"a": ucds["a"], "c": ucds["a"]}))


# --- units and forms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        *("log10(Lsun)", "log(Lsun)", "[log10(Lsun)]", "dex(Lsun)", "[Lsun]", "log10 Lsun", "log Lsun"),
        *("log10(L/Lsun)", "log10(Solar)", "[log Lsun]", "log[Lsun]", "dex Lsun", "lg(solLum)", "dex", "log"),
    ],
)
@pytest.mark.parametrize("name", ["st_lum", "L", "logL"])
def test_units_of_logarithms(tmp_path, unit, name):
    text = rows(["Teff", name], [5772, 1.5])
    _, inputs = read(tmp_path, text, lum=f"{name} [{unit}]")
    assert inputs["log_lum"] == pytest.approx([1.5])
    # as a header, and as the unit of a VOTable, too
    _, inputs = read(tmp_path, rows(["Teff", f"{name} [{unit}]"], [5772, 1.5]))
    assert inputs["log_lum"] == pytest.approx([1.5])


def test_a_logarithm_of_another_unit_is_moved_to_solar_ones(tmp_path):
    text = rows(["Teff", "logL [log10(erg/s)]"], [5772, 34.583])
    assert read(tmp_path, text)[1]["log_lum"] == pytest.approx([1], abs=1e-3)


@given(teff=st.lists(st.floats(2.4, 50), min_size=1, max_size=5), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_a_unit_that_is_given_is_believed(tmp_path, teff, data):
    """Whatever the values: kilokelvins look like logarithms."""
    header = data.draw(st.sampled_from(["Teff [kK]", "Teff (kK)", "temperature [10**3 K]"]))
    _, inputs = read(tmp_path, rows([header, "L"], *([value, 1] for value in teff)))
    assert inputs["log_teff"] == pytest.approx(np.log10(teff) + 3)


SENTINELS = st.sampled_from([-9999, -999, -99, -9.99, 9999, 99.99, 9999.99, 99999, -9999.0, -32768])
MORE = st.sampled_from([999, 99, 99.9, -99.99])


@given(sentinels=st.lists(SENTINELS | MORE, min_size=1, max_size=4), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_an_answer_does_not_depend_on_a_sentinel_elsewhere(tmp_path, sentinels, data):
    header, row = data.draw(
        st.sampled_from(
            [
                (["Teff", "L"], [5772, 2]),
                (["Teff", "L"], [3.7614, 2]),
                (["logTeff", "logL"], [3.7614, -0.3]),
                (["Teff", "Mbol"], [5772, 4.1]),
                (["Teff", "e_Teff", "L", "e_L"], [5772, 60, 2, 0.1]),
                (["Teff", "eneg_Teff", "epos_Teff", "L"], [5772, 60, 80, 2]),
                (["Teff", "Teff_lower", "Teff_upper", "L"], [5772, 5700, 5800, 2]),
            ]
        )
    )
    column = data.draw(st.integers(0, len(header) - 1))
    spoiled = [[value if i != column else sentinel for i, value in enumerate(row)] for sentinel in sentinels]
    alone, among = (read(tmp_path, rows(header, row, *more))[1] for more in ([], spoiled))
    for name, values in alone.items():
        if values is not None:
            np.testing.assert_array_equal(among[name][:1], values)


@given(sentinel=SENTINELS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
def test_a_sentinel_is_missing_in_values_and_errors(tmp_path, sentinel):
    header = ["Teff", "e_Teff", "L", "eneg_L", "epos_L"]
    good = [5772, 60, 2, 0.1, 0.2]
    for column, name in enumerate(["log_teff", "e_log_teff", "log_lum", "e_log_lum", "e_log_lum"]):
        bad = [sentinel if i == column else value for i, value in enumerate(good)]
        _, inputs = read(tmp_path, rows(header, good, bad))
        assert np.isfinite(inputs[name][0])
        assert np.isnan(inputs[name][1])


# --- nothing usable, and advice that is right ----------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "values", "words"),
    [
        (["Teff [K]", "L"], [[3.76, 1], [3.6, 2]], "cannot be such"),
        (["Teff", "L"], [[5.772, 1], [12, 2]], "cannot be such"),
        (["Teff", "L"], [[5.772, 1], [4.5, 0.2], [3.8, 0.1]], "seems to hold temperatures"),
        (["Teff", "L"], [[5772, -0.5], [4500, -0.2], [6000, 0.3]], "many are negative"),
        (["Teff", "L [Lsun]"], [[5772, -0.5], [4500, -0.2]], "cannot be such"),
        (["Teff", "lum"], [[5772, 3.8e26], [4500, 2e26]], "cannot be such"),
        (["logT", "L"], [[5772, 1], [4500, 0.2]], "seems to hold log10"),
        (["logT [K]", "L"], [[5772, 1], [4500, 0.2]], "seems to hold log10"),
        (["Teff", "st_lum [bananas]"], [[5772, 0.3], [4500, -0.7]], "no column"),
        (["Teff", "e_Teff [km]", "L"], [[5772, 60, 1]], "seems to hold the errors"),
        (["Teff", "logL", "e_logL [km]"], [[5772, 0.1, 0.02]], "seems to hold the errors"),
        (["Teff", "L", "e_L", "L_lower", "L_upper"], [[5772, 1, 0.1, 0.9, 1.1]], "several columns"),
        (["Teff", "it's L [Lsun]", "x [W]"], [[5772, 1, 3.8e27]], "several columns"),
        (["teff_gspphot", "teff_gspspec", "L"], [[5772, 5000, 1]], "several columns"),
        (["Teff", "l", "b"], [[5772, 1, 3]], "no column"),
        (["Teff", "x"], [[5772, 1]], "no column"),
    ],
)
def test_every_advice_is_right_when_it_is_followed(tmp_path, header, values, words):
    """All options that a message names, to the letter, lead to a reading in which some star is usable."""
    stars = listed(tmp_path, rows(header, *values))
    with pytest.raises(DataError, match=words) as error:
        Columns.found(stars)
    message = str(error.value)
    told = re.findall(r"(--[a-z-]+)(?: ('(?:[^']|'\"'\"')*'|[^\s,;.]+(?:,\S+[^\s,;.])?))?", message)
    advised = [(option, shlex.split(value)[0]) for option, value in told if value]
    bare = {option for option, value in told if not value} - {option for option, _ in advised}
    assert advised or bare
    for option in bare:
        # "name it with --lum": a column of this list
        names = [name for name in stars.units if name in message and not name.lower().startswith("teff")]
        names = names if option == "--lum" else [name for name in stars.units if "eff" in name]
        advised += [(option, names[-1])]
    outcomes = [followed(stars, **{option.strip("-").replace("-", "_"): value}) for option, value in advised]
    # one of several that are proposed may be wrong, but then it is refused in the same words
    assert all(outcome == "usable" or "cannot be such" in outcome for outcome in outcomes), outcomes
    assert "usable" in outcomes


def followed(stars, **options):
    """Return ``usable`` if some star is, with options, or else the message."""
    try:
        return "usable" if usable(understood(stars, **options)[1]) else "nothing usable"
    except DataError as refused:
        return str(refused)


def test_the_first_unit_that_explains_the_values_is_proposed(tmp_path):
    for header, values, proposed in (
        (["Teff [K]", "L"], [3.76, 1], "--teff 'Teff [K] [dex(K)]'"),
        (["Teff [dex(K)]", "L"], [5772, 1], "--teff 'Teff [dex(K)] [K]'"),
        (["Teff [K]", "L"], [28.5, 1], "--teff 'Teff [K] [kK]'"),
        (["Teff", "L [Lsun]"], [5772, 4e33], "--lum 'L [Lsun] [erg/s]'"),
        (["Teff", "Mbol"], [5772, 99], "name another with --lum"),
    ):
        with pytest.raises(DataError) as error:
            read(tmp_path, rows(header, values))
        assert proposed in str(error.value)


def test_a_list_of_which_nothing_is_usable_is_refused(tmp_path):
    for row in ([-9999, 1], [5772, ""], [5772, 0]):
        with pytest.raises(DataError, match=r"no star has both.*column Teff \[K\].*column L \[Lsun\]"):
            read(tmp_path, rows(["Teff", "L"], row))
    # no stars at all are no fault
    read(tmp_path, "Teff,L\n")


# --- several columns -----------------------------------------------------------------------------------


def test_columns_that_hold_the_same_fill_each_others_gaps(tmp_path):
    header = ["Teff", "Lum", "e_Lum", "logL", "e_logL"]
    text = rows(
        header,
        [5772, "", "", 0.0, 0.05],
        [4500, 0.2, 0.02, -0.699, 0.04],
        [6200, 2.5, "", 0.398, 0.03],
        [6200, 10, 1, -9999, ""],
        [6000, "", "", "", ""],
    )
    stars = listed(tmp_path, text)
    columns = Columns.found(stars)
    used = Counter()
    inputs = columns.inputs(stars, stars.head(columns.names), 0, used)
    assert inputs["log_lum"][:4] == pytest.approx([0, np.log10(0.2), np.log10(2.5), 1])
    assert inputs["e_log_lum"][:4] == pytest.approx([0.05, 0.1 / np.log(10), 0.03, 0.1 / np.log(10)])
    assert np.isnan(inputs["log_lum"][4])
    assert used == {"Lum": 3, "logL": 1}
    assert "the same is in logL" in columns.described()["log_lum"]


def test_a_quantity_and_its_logarithm_need_no_common_row_but_others_do(tmp_path):
    _, inputs = read(tmp_path, rows(["Teff", "L", "logL"], [5772, 10, ""], [5772, "", 2]))
    assert inputs["log_lum"] == pytest.approx([1, 2])
    with pytest.raises(DataError, match="several columns"):
        read(tmp_path, rows(["teff_gspphot", "teff_gspspec", "L"], [5772, "", 1], ["", 5000, 1]))
    with pytest.raises(DataError, match="several columns"):
        read(tmp_path, rows(["Teff", "L", "logL"], [5772, 10, 1], [5772, 10, 1.1]))


# --- names of columns and of errors --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("teff", "lum"),
    [
        ("Teff [K]", "logL [dex(Lsun)]"),
        ("Teff [dex(K)]", "L [log10(Lsun)]"),
        ("iso_teff", "iso_loglum"),
        ("koi_steff", "koi_slogl"),
        ("star_teff", "star_logL"),
        ("Teff_1", "logL_1"),
        ("teff_gspphot_1", "logL_flame"),
        ("isoTeff", "isoLogL"),
        ("gaia_teff_val", "gaia_logL"),
        ("teff_median", "logL_median"),
        ("T_eff (K)", "log(L/L_sun)"),
    ],
)
def test_prefixes_suffixes_and_units_in_names(tmp_path, teff, lum):
    is_log = "dex" in teff
    if lum == "koi_slogl":
        lum = "koi_logl"
    _, inputs = read(tmp_path, rows(["id", teff, lum], ["a", 3.7614 if is_log else 5772, 0.5]))
    assert inputs["log_teff"] == pytest.approx([SUN], abs=1e-4)
    assert inputs["log_lum"] == pytest.approx([0.5])


@pytest.mark.parametrize("name", ["pl_teff", "delta_teff", "lum_x", "Teff_flag", "acc_lum", "e_lum"])
def test_other_words_about_a_name_are_not_passed_by(tmp_path, name):
    """They are no candidates, but they are listed as likely where there is no other."""
    quantity = "teff" if "eff" in name else "lum"
    header = [*(f"c{i}" for i in range(20)), name]
    with pytest.raises(DataError) as error:
        read(tmp_path, rows([*header, "logL" if quantity == "teff" else "Teff"], [5000] * 22))
    assert ("likely ones: " in str(error.value)) == (name != "e_lum")
    assert name in str(error.value) or name == "e_lum"


PAIRS = [
    *("eneg_{0},epos_{0}", "{0}_error_min,{0}_error_max", "{0}_err2,{0}_err1", "{0}_errlo,{0}_errhi"),
    *("{0}_neg_err,{0}_pos_err", "{0}_lower_error,{0}_upper_error", "{0}_err_minus,{0}_err_plus"),
    *("{0}_em,{0}_ep", "em_{0},ep_{0}", "e_{0},E_{0}", "{0}err2,{0}err1", "{0}_unc_lo,{0}_unc_hi"),
    *("{0}-,{0}+", "{0}_minus,{0}_plus", "{0}_lerr,{0}_uerr", "{0}_err_lower,{0}_err_upper"),
    *("e_{0}_lo,e_{0}_hi", "{0}_sigma_minus,{0}_sigma_plus", "{0}_e2,{0}_e1", "{0}_low_err,{0}_up_err"),
]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("column", ["Teff", "iso_teff", "teff_gspphot"])
def test_two_sided_errors_are_found(tmp_path, pair, column):
    lower, upper = pair.format(column).split(",")
    text = rows([column, lower, upper, "L"], [5772, 200, 400, 1], [5772, -200, 400, 1])
    _, inputs = read(tmp_path, text)
    dex = (np.log10(6172 / 5772) + np.log10(5772 / 5572)) / 2
    assert inputs["e_log_teff"] == pytest.approx([dex, dex])


@pytest.mark.parametrize("error", ["e_{}", "{}_err", "sigma_{}", "{}_unc", "u_{}", "{}_e", "e{}", "{}_std"])
@pytest.mark.parametrize("column", ["Teff", "star_teff", "Teff_1"])
def test_one_sided_errors_are_found(tmp_path, error, column):
    _, inputs = read(tmp_path, rows([column, error.format(column), "L"], [5772, 100, 1]))
    assert inputs["e_log_teff"] == pytest.approx([0.00752], abs=1e-5)


def test_affixes_may_stand_outside_those_of_errors(tmp_path):
    text = rows(["iso_teff", "iso_e_teff", "L_1", "e_L_1"], [5772, 100, 1, 0.1])
    _, inputs = read(tmp_path, text, lum="L_1")
    assert inputs["e_log_teff"] == pytest.approx([0.00752], abs=1e-5)
    assert inputs["e_log_lum"] == pytest.approx([0.04343], abs=1e-5)


def test_one_error_serves_where_the_two_sides_are_missing(tmp_path):
    header = ["Teff", "e_Teff", "eneg_Teff", "epos_Teff", "lum"]
    _, inputs = read(tmp_path, rows(header, [5772, 100, "", "", 1], [5772, "", 100, 100, 1]))
    assert inputs["e_log_teff"] == pytest.approx([0.00752, 0.00752], abs=1e-5)


def test_errors_that_are_not_read_are_named(tmp_path):
    header = ["Teff", "Teff_err_fit", "eneg_Teff", "teff_gspphot_lower", "L"]
    columns, inputs = read(tmp_path, rows(header, [5772, 20, 30, 5000, 1]))
    assert inputs["e_log_teff"] is None
    assert "passed over: Teff_err_fit, eneg_Teff" in columns.described()["log_teff"]


def test_the_sign_of_an_upper_error_tells_the_sides_apart(tmp_path):
    _, inputs = read(tmp_path, rows(["Teff", "Teff_err1", "Teff_err2", "L"], [5772, -2000, 400, 1]))
    dex = (np.log10(6172 / 5772) + np.log10(5772 / 3772)) / 2
    assert inputs["e_log_teff"] == pytest.approx([dex])


@pytest.mark.parametrize(
    ("mark", "limit", "no_limit"),
    [
        *(("l_lum", limit, no) for limit in ("<", ">", "≤") for no in ("", "~")),
        *(("lum_lim", limit, no) for limit in ("1", "-1") for no in ("0", "")),
        ("lumlim", "1", "0"),
        ("lum_limit_flag", "true", "false"),
    ],
)
def test_a_limit_is_no_value(tmp_path, mark, limit, no_limit):
    text = rows(["Teff", "lum", mark], [5772, 2, no_limit], [5772, 3, limit], [5772, 4, no_limit])
    columns, inputs = read(tmp_path, text)
    assert np.isnan(inputs["log_lum"]).tolist() == [False, True, False]
    assert f"limits, marked in {mark}, are no values" in columns.described()["log_lum"]


def test_marks_of_uncertain_values_are_said_and_numbers_are_no_marks(tmp_path):
    columns, inputs = read(tmp_path, rows(["Teff", "u_Teff", "L"], [5772, ":", 1], [5772, "", 1]))
    assert np.isfinite(inputs["log_teff"]).all()
    assert inputs["e_log_teff"] is None
    assert "u_Teff marks as uncertain" in columns.described()["log_teff"]
    columns, _ = read(tmp_path, rows(["Teff", "u_Teff", "L"], [5772, 50, 1]))
    assert "errors from u_Teff" in columns.described()["log_teff"]
    _, inputs = read(tmp_path, rows(["Teff", "l_Teff", "u_Teff", "L"], [5772, 5672, 5872, 1]))
    assert inputs["e_log_teff"] == pytest.approx([0.00752], abs=1e-5)


# --- luminosity from radius ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            ["st_teff", "st_tefferr1", "st_tefferr2", "st_rad", "st_raderr1", "st_raderr2"],
            [60, -60, 0.02, -0.02],
        ),
        (
            ["koi_steff", "koi_steff_err1", "koi_steff_err2", "koi_srad", "koi_srad_err1", "koi_srad_err2"],
            None,
        ),
        (
            [
                *("star_teff", "star_teff_error_min", "star_teff_error_max"),
                *("star_radius", "star_radius_error_min", "star_radius_error_max", "radius"),
            ],
            None,
        ),
    ],
)
def test_a_luminosity_is_made_of_radius_and_temperature(tmp_path, header, row):
    e = [60, -60, 0.04, -0.04] if "err1" in header[1] else [60, 60, 0.04, 0.04]
    values = [5772, *e[:2], 2, *e[2:], *[0.1] * (len(header) - 6)]
    columns, inputs = read(tmp_path, rows(header, values))
    assert inputs["log_lum"] == pytest.approx([np.log10(4)])
    ln10 = np.log(10)
    expected = np.hypot(2 * 0.04 / 2 / ln10, 4 * 60 / 5772 / ln10)
    assert inputs["e_log_lum"] == pytest.approx([expected], rel=1e-3)
    assert "from radius and temperature" in columns.described()["log_radius"]
    assert "log_lum" not in columns.described()


@given(
    log_teff=st.floats(3.4, 4.3),
    log_radius=st.floats(-1, 2),
    e_teff=st.floats(0.001, 0.02),
    e_radius=st.floats(0.001, 0.05),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
def test_errors_of_a_luminosity_from_a_radius_are_those_of_draws(
    tmp_path, log_teff, log_radius, e_teff, e_radius
):
    text = rows(["logTeff", "e_logTeff", "logR", "e_logR"], [log_teff, e_teff, log_radius, e_radius])
    _, inputs = read(tmp_path, text)
    generator = np.random.default_rng(5)
    t = log_teff + e_teff * generator.normal(size=20_000)
    r = log_radius + e_radius * generator.normal(size=20_000)
    # Stefan and Boltzmann, in watts
    watts = 4 * np.pi * (10**r * 6.957e8) ** 2 * 5.670374e-8 * 10 ** (4 * t)
    logs = np.log10(watts / 3.828e26)
    assert inputs["log_lum"][0] == pytest.approx(logs.mean(), abs=0.005)
    assert inputs["e_log_lum"][0] == pytest.approx(logs.std(), rel=0.03)


def test_a_radius_serves_only_where_there_is_no_luminosity_and_this_is_counted(tmp_path):
    text = rows(
        ["st_teff", "st_lum", "st_lumlim", "st_rad"],
        *([5772, 0.5, 0, 9], [5772, "", 0, 10], [5772, 0.3, 1, 1], [5772, "", 0, ""]),
    )
    stars = listed(tmp_path, text)
    columns, used = Columns.found(stars), Counter()
    inputs = columns.inputs(stars, stars.head(columns.names), 0, used)
    assert inputs["log_lum"][:3] == pytest.approx([0.5, 2, 0])
    assert np.isnan(inputs["log_lum"][3])
    # the default of a luminosity, and that of a radius with that of a temperature
    assert np.isnan(inputs["e_log_lum"][0])
    assert inputs["e_log_lum"][1] == pytest.approx(np.hypot(2 * 0.0182, 4 * DEFAULT_ERRORS["log_teff"]))
    assert used == {"st_lum": 1, FROM_RADIUS: 2}
    assert "log_lum of stars without one" in columns.described()["log_radius"]


@pytest.mark.parametrize("unit", ["Rjup", "jupiterRad", "R_earth", "deg", "pc", "mag"])
def test_what_is_no_radius_of_a_star(tmp_path, unit):
    with pytest.raises(DataError, match="no column seems to hold the luminosity"):
        read(tmp_path, rows(["Teff", f"radius [{unit}]"], [5772, 1]))
    columns, _ = read(tmp_path, rows(["Teff", "L", "R", "V"], [5772, 1, 9.5, 9.8]))
    assert columns.radius is None


def test_the_radius_of_a_planet_is_not_that_of_its_star(tmp_path):
    header = ["radius", "radius_error_min", "radius_error_max", "star_radius", "star_teff"]
    columns, inputs = read(tmp_path, rows(header, [11, 1, 1, 1, 5772]))
    assert inputs["log_lum"] == pytest.approx([0])
    assert "radius is passed over: beside star_radius" in columns.described()["log_radius"]


def test_radii_in_other_units_and_by_name(tmp_path):
    for header, value in (("radius [km]", 695700), ("R [Rsun]", 1), ("logR [log10(Rsun)]", 0), ("x", 1)):
        options = {"radius": "x [Rsun]", "e_radius": "5%"} if header == "x" else {}
        _, inputs = read(tmp_path, rows(["Teff", header], [5772, value]), **options)
        assert inputs["log_lum"] == pytest.approx([0], abs=1e-6)
    assert inputs["e_log_lum"] == pytest.approx(
        [np.hypot(2 * 0.05 / np.log(10), 4 * DEFAULT_ERRORS["log_teff"])]
    )


def test_several_radii_are_told(tmp_path):
    text = rows(["Teff", "st_rad", "stellar_radius"], [5772, 1, 2])
    with pytest.raises(
        DataError,
        match=r"Several columns may hold the radius: st_rad, stellar_radius; name one with --radius",
    ):
        read(tmp_path, text)
    columns, _ = read(tmp_path, rows(["Teff", "L", "st_rad", "stellar_radius"], [5772, 1, 1, 2]))
    assert "no luminosity is made of a radius: several columns" in columns.described()["note"]
