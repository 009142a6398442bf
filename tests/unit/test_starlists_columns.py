"""How temperature, luminosity and their errors are found in a star list, and what is made of their values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stelnet.errors import DataError
from stelnet.starlists.columns import Absent, find
from stelnet.starlists.quantities import FEH, LUM, METALLICITY, TEFF


def read(units, quantity, values, *errors, column="", e=""):
    """Return the logarithms and their errors [dex] that a list with such columns yields."""
    units = units if isinstance(units, dict) else dict.fromkeys(units, "")
    reading = find(units, quantity, column, e)
    values = np.array(values, float)
    reading = reading.settled(values, *(np.array(error, float) for error in errors))
    logs = reading.log(values)
    if reading.errors is None:
        return logs, None
    return logs, reading.errors.dex(logs, tuple(np.array(error, float) for error in errors))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 5772) for name in ("Teff", "teff", "T_eff", "TEFF", "Teff_val", "teff_gspphot", "st_teff")),
        *((name, 5772) for name in ("Teff [K]", "T_eff (K)", "temperature", "Teff-K")),
        *(
            (name, np.log10(5772))
            for name in ("log_teff", "logTeff", "logTe", "logT", "log10(Teff)", "lgTeff")
        ),
    ],
)
def test_a_temperature_is_found_by_name(name, value):
    logs, errors = read(["id", name, "ra"], TEFF, [value])
    assert logs == pytest.approx(np.log10(5772))
    assert errors is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, 10)
            for name in ("L", "Lum", "lum_val", "lum_flame", "Lbol", "L/Lsun", "L (Lsun)", "Lum-Flame")
        ),
        *((name, 1) for name in ("log_lum", "logL", "log L", "log(L/Lsun)", "logLum", "logLbol", "st_lum")),
        *((name, 4.74 - 2.5) for name in ("Mbol", "M_bol", "Mbol_mag")),
    ],
)
def test_a_luminosity_is_found_by_name(name, value):
    logs, _ = read(["id", name], LUM, [value])
    assert logs == pytest.approx(1)


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "log"),
    [
        (TEFF, "K", 5772, np.log10(5772)),
        (TEFF, "1e3 K", 5.772, np.log10(5772)),
        (TEFF, "kK", 5.772, np.log10(5772)),
        (TEFF, "dex(K)", 3.7, 3.7),
        (TEFF, "[K]", 3.7, 3.7),
        (TEFF, "log(K)", 3.7, 3.7),
        (LUM, "solLum", 10, 1),
        (LUM, "Lsun", 10, 1),
        (LUM, "W", 3.828e27, 1),
        (LUM, "erg/s", 3.828e34, 1),
        (LUM, "10**26 W", 38.28, 1),
        (LUM, "dex(Lsun)", 1, 1),
        (LUM, "[solLum]", 1, 1),
        (LUM, "dex(erg/s)", 34.58297, 1),
        (LUM, "log10(Solar)", 1, 1),
    ],
)
def test_units_are_honoured_and_find_columns_with_any_name(quantity, unit, value, log):
    assert read({"id": "", "x": unit, "e_x": unit}, quantity, [value], [0.1])[0] == pytest.approx(
        log, abs=1e-5
    )
    assert read({"x": "", "y": "m"}, quantity, [value], column=f"x [{unit}]")[0] == pytest.approx(
        log, abs=1e-5
    )


def test_a_unit_in_brackets_in_the_name_is_honoured():
    assert read(["Lum [erg/s]"], LUM, [3.828e33])[0] == pytest.approx(0, abs=1e-6)


def test_a_logarithm_that_carries_the_unit_of_its_argument_is_a_logarithm():
    assert read({"logL": "Lsun"}, LUM, [1.5])[0] == 1.5


@pytest.mark.parametrize(
    ("names", "errors", "dex"),
    [
        *(
            ((name,), ([100],), 0.00752)
            for name in ("e_Teff", "Teff_err", "eTeff", "sigma_Teff", "Teff error")
        ),
        (("e_Teff", "E_Teff"), ([100], [200]), 0.01119),
        (("Teff_err1", "Teff_err2"), ([100], [-200]), 0.01139),
        (("Teff_lower", "Teff_upper"), ([5672], [5972]), 0.01119),
        (("Teff_p16", "Teff_p84"), ([5672], [5972]), 0.01119),
        (("b_Teff", "B_Teff"), ([5672], [5972]), 0.01119),
    ],
)
def test_errors_are_found_by_name_and_averaged_in_dex(names, errors, dex):
    order = sorted(range(len(names)), key=lambda i: names[i].endswith("err1"))
    _, found = read(["Teff", *names], TEFF, [5772], *(errors[i] for i in order))
    assert found == pytest.approx(dex, abs=1e-5)


def test_gaia_percentiles():
    names = ["teff_val", "teff_percentile_lower", "teff_percentile_upper"]
    assert find(dict.fromkeys(names, ""), TEFF).errors.columns == tuple(names[1:])
    names = ["lum_flame", "lum_flame_lower", "lum_flame_upper"]
    assert find(dict.fromkeys(names, ""), LUM).errors.columns == tuple(names[1:])


def test_errors_of_logarithms_and_magnitudes():
    assert read(["logL", "e_logL"], LUM, [1], [0.1])[1] == pytest.approx(0.1)
    assert read(["Mbol", "e_Mbol"], LUM, [4.74], [0.1])[1] == pytest.approx(0.04)
    # the fainter bound of a magnitude is the lower one of the luminosity
    bounds = ["Mbol", "Mbol_lower", "Mbol_upper"]
    assert read(bounds, LUM, [4.74], [4.64], [4.84])[1] == pytest.approx(0.04)


@given(st.floats(1e-3, 1e3), st.floats(0, 0.5))
def test_a_relative_error_is_the_same_in_all_forms(lum, part):
    dex = part / np.log(10)
    for e in (f"{100 * part}%", str(part * lum)):
        assert read(["L"], LUM, [lum], e=e)[1] == pytest.approx(dex, abs=1e-9)
    assert read({"L": "", "e_L": "%"}, LUM, [lum], [100 * part])[1] == pytest.approx(dex, abs=1e-9)
    assert read(["logL"], LUM, [np.log10(lum)], e=f"{100 * part}%")[1] == pytest.approx(dex, abs=1e-9)
    assert read(["L", "s"], LUM, [lum], [part * lum], e="s")[1] == pytest.approx(dex, abs=1e-9)


def test_bounds_and_sizes_named_by_the_user():
    assert read(["L", "p", "q"], LUM, [10], [1], [100], e="p,q")[1] == pytest.approx(1)
    assert read(["L", "errA", "errB"], LUM, [10], [5], [10], e="errA,errB")[1] == pytest.approx(np.log10(2))


def test_bounds_that_do_not_enclose_the_values_are_errors():
    reading = find(dict.fromkeys(["Teff", "Teff_lower", "Teff_upper"], ""), TEFF)
    values = np.array([5772.0, 5000, np.nan]), np.array([100.0, 50, 1]), np.array([200.0, 70, 1])
    settled = reading.settled(*values)
    assert "read as errors" in settled.describe()
    assert settled.errors.dex(settled.log(values[0]), values[1:])[0] == pytest.approx(0.01119, abs=1e-5)
    bounds = np.array([5672.0, 4900, 1]), np.array([5972.0, 5100, 1])
    assert reading.settled(values[0], *bounds) == reading


def test_impossible_errors_are_negative_and_missing_ones_nan():
    errors = read(["L", "L_lower", "L_upper"], LUM, [1, 1, 1], [0.9, 1.2, np.nan], [1.1, 1.3, 1.1])[1]
    assert errors[0] > 0
    assert errors[1] < 0
    assert np.isnan(errors[2])
    sizes = read(["L", "L_errlo", "L_errhi"], LUM, [1, 1, 1], [-999, 2, 0.1], [0.1, 0.5, -0.1])[1]
    assert np.isnan(sizes[0])
    # more than 100 % downwards: the upper one stands for both
    assert sizes[1] == pytest.approx(np.log10(1.5))
    assert sizes[2] < 0


@pytest.mark.parametrize(
    ("names", "quantity", "candidates"),
    [
        (["Teff", "log_teff"], TEFF, ["Teff", "log_teff", "--teff"]),
        (["teff_gspphot", "teff_gspspec"], TEFF, ["teff_gspphot", "teff_gspspec", "--teff"]),
        (["L", "Mbol"], LUM, ["L", "Mbol", "--lum"]),
        (["L", "e_L", "L_lower", "L_upper"], LUM, ["--e-lum e_L", "--e-lum L_lower,L_upper"]),
    ],
)
def test_ambiguity_is_told_with_the_option_that_ends_it(names, quantity, candidates):
    with pytest.raises(DataError) as error:
        find(dict.fromkeys(names, ""), quantity)
    for candidate in candidates:
        assert candidate in str(error.value)


def test_two_columns_of_a_unit_are_ambiguous():
    with pytest.raises(DataError, match=r"several columns.*T1, T2"):
        find({"T1": "K", "T2": "K"}, TEFF)


@pytest.mark.parametrize("unit", ["m/s", "mag", "bananas", "Lsun"])
def test_a_unit_of_something_else_is_refused(unit):
    with pytest.raises(DataError, match=r"'Teff'.*unit is"):
        find({"Teff": unit}, TEFF)


def test_errors_in_a_unit_of_something_else_are_refused():
    with pytest.raises(DataError, match=r"'e_Teff'.*'km'"):
        find({"Teff": "K", "e_Teff": "km"}, TEFF)


def test_no_column_and_misspelt_columns_are_told():
    with pytest.raises(DataError, match=r"no column.*a, b\).*--teff"):
        find({"a": "", "b": ""}, TEFF)
    with pytest.raises(DataError, match="no column seems to hold the luminosity"):
        find({"Teff": "K", "__Fe_H_": "[Sun]"}, LUM)
    with pytest.raises(DataError, match="did you mean Tef_star"):
        find({"Tef_star": ""}, TEFF, "Teff_star")


@pytest.mark.parametrize("e", ["-3", "nan", "-1%", "a,b,c", "nothing"])
def test_impossible_errors_from_the_user_are_refused(e):
    with pytest.raises(DataError, match="--e-lum"):
        find(dict.fromkeys(["L", "a", "b", "c"], ""), LUM, "L", e)


def test_temperatures_that_are_logarithms_are_read_as_such_and_this_is_said():
    logs, errors = read(["Teff", "e_Teff"], TEFF, [3.7, 4.1, np.nan], [0.01, 0.01, 0.01])
    assert logs[:2] == pytest.approx([3.7, 4.1])
    assert errors[0] == 0.01
    reading = find({"Teff": ""}, TEFF).settled(np.array([3.7, 4.1]))
    assert "log10" in reading.describe()


def test_logarithms_that_are_temperatures_are_refused_unless_the_user_says_so():
    with pytest.raises(DataError, match=r"--teff 'logT \[K\]'"):
        read(["logT"], TEFF, [5772, 6000])
    assert read(["logT"], TEFF, [5772], column="logT [K]")[0] == pytest.approx(np.log10(5772))


def test_negative_luminosities_are_refused_as_ambiguous_unless_the_user_says_what_they_are():
    values = [-0.5, 0.3]
    with pytest.raises(DataError, match=r"--lum 'L \[dex\(Lsun\)\]'"):
        read(["L"], LUM, values)
    assert read(["L"], LUM, values, column="L [dex(Lsun)]")[0] == pytest.approx(values)
    assert read(["L"], LUM, values, column="L [Lsun]")[0] == pytest.approx([-np.inf, np.log10(0.3)])


def test_impossible_values_are_invalid_and_sentinels_missing():
    logs, errors = read(["Teff", "e_Teff"], TEFF, [-9999, 0, np.inf, np.nan, 5772], [10] * 5)
    assert np.isneginf(logs[1:3]).all()
    assert np.isnan(logs[[0, 3]]).all()
    assert np.isfinite(logs[4])
    # no complaint about the error of a value that is not there
    assert (errors[:4] == 0).all()
    assert np.isnan(read(["Mbol"], LUM, [99.99, -99, -9999])[0]).all()
    logs = read(["log_lum"], LUM, [-9999, -99, np.inf])[0]
    assert np.isnan(logs[:2]).all()
    assert np.isneginf(logs[2])
    assert np.isnan(read(["log_teff"], TEFF, [3.7, -999])[0][1])


def test_what_was_found_is_said():
    units = {"Teff": "K", "e_Teff": "K", "Mbol": "mag"}
    assert find(units, TEFF).describe() == "log_teff from column Teff [K], errors from e_Teff"
    assert find(units, LUM).describe() == "log_lum from column Mbol [absolute bolometric magnitude]"


# --- metallicity ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["[Fe/H]", "feh", "Fe_H", "__Fe_H_", "fe_h", "FEH", "Fe/H", "[Fe/H] [dex]"])
@pytest.mark.parametrize("unit", ["", "dex", "[Sun]", "dex(Sun)", "[-]"])
def test_a_metallicity_is_found_by_name(name, unit):
    logs, errors = read({"id": "", name: unit, "logg": "dex"}, FEH, [-0.25, np.nan, -9999])
    assert logs[0] == -0.25
    assert np.isnan(logs[1])
    assert np.isnan(logs[2])
    assert errors is None


@pytest.mark.parametrize("name", ["mh_gspphot", "[M/H]", "M_H", "metallicity", "st_met"])
def test_other_metallicities_stand_for_it_and_this_is_said(name):
    with pytest.raises(Absent):
        find({"Teff": "K", name: "dex"}, FEH)
    reading = find({"Teff": "K", name: "dex"}, METALLICITY)
    assert reading.describe().startswith("[Fe/H] (as [M/H]) from column")


@pytest.mark.parametrize(
    ("columns", "errors"),
    [
        (["[Fe/H]", "e_[Fe/H]"], [[0.1]]),
        (["[Fe/H]", "[Fe/H]_err"], [[0.1]]),
        (["__Fe_H_", "e__Fe_H_"], [[0.1]]),
        (["fe_h", "fe_h_err"], [[0.1]]),
        (["feh", "feh_err1", "feh_err2"], [[-0.08], [0.12]]),
        (["feh", "feh_lower", "feh_upper"], [[-0.35], [-0.15]]),
    ],
)
def test_errors_of_a_metallicity_are_in_dex(columns, errors):
    units = dict.fromkeys(columns, "dex")
    reading = find(units, FEH)
    assert len(reading.columns) == len(columns)
    _, dex = read(units, FEH, [-0.25], *errors)
    assert dex == pytest.approx(0.1)
    assert "errors from" in reading.describe()


def test_what_is_no_metallicity_is_refused():
    with pytest.raises(DataError, match="its unit is 'K'"):
        find({"feh": "K"}, FEH)
    with pytest.raises(DataError, match="errors of the metallicity are in dex"):
        find({"feh": ""}, FEH, "feh", "10%")
    # mass fractions of metals, but not a single star that is a little richer than the Sun
    with pytest.raises(DataError, match="mass fractions"):
        read(["metallicity"], METALLICITY, np.linspace(0.004, 0.03, 20))
    assert read(["metallicity"], METALLICITY, [0.03])[0] == 0.03
    with pytest.raises(Absent):
        find({"dex": "dex", "logg": "dex"}, FEH)
