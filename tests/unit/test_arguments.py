"""What `Model.predict` takes for numbers: arrays of every library, masks, units, whole numbers, indexes."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import synthetic_model as synthetic
from astropy import units as u
from astropy.table import Column, MaskedColumn
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st

import stelnet
from stelnet.errors import ConfigError, DataError
from stelnet.inference.arguments import numbers, whole

TEFF, LUM = np.array([3.76, 3.7, 3.74]), np.array([0.05, 0.3, 0.2])


@pytest.fixture(scope="module", params=["ensembles", "posterior"])
def model(request, tmp_path_factory):
    write = {"ensembles": synthetic.write_model, "posterior": synthetic.write_posterior_model}[request.param]
    return stelnet.load(path=write(tmp_path_factory.mktemp("model")))


def same(one, other):
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], name)


def items(values, gone, missing):
    """Return values as a list in which some are missing."""
    return [missing if hidden else value for value, hidden in zip(values, gone, strict=True)]


#: Each of the ways in which libraries write numbers of which some are missing.
WAYS = {
    "list with None": lambda values, gone: [None if g else v for v, g in zip(values, gone, strict=True)],
    "list with pandas.NA": lambda values, gone: [
        pd.NA if g else v for v, g in zip(values, gone, strict=True)
    ],
    "list with masked": lambda values, gone: [
        np.ma.masked if g else v for v, g in zip(values, gone, strict=True)
    ],
    "tuple of Decimals": lambda values, gone: tuple(
        None if g else Decimal(repr(float(v))) for v, g in zip(values, gone, strict=True)
    ),
    "masked array": lambda values, gone: np.ma.array(values, mask=gone),
    "masked column": lambda values, gone: MaskedColumn(values, mask=gone),
    "masked dex": lambda values, gone: Masked(values, mask=gone) * u.dex,
    "column with unit": lambda values, gone: MaskedColumn(values, mask=gone, unit="dex"),
    "nullable series": lambda values, gone: pd.Series(pd.array(np.where(gone, np.nan, values), "Float64")),
    "series of objects": lambda values, gone: pd.Series(items(values, gone, None), dtype=object),
    "index": lambda values, gone: pd.Index(np.where(gone, np.nan, values)),
    "Arrow series": lambda values, gone: pd.Series(pa.array(values, mask=gone), dtype="double[pyarrow]"),
    "Arrow array": lambda values, gone: pa.array(values, mask=gone),
    "chunks of Arrow": lambda values, gone: pa.chunked_array(
        [pa.array(values[:1], mask=gone[:1]), pa.array(values[1:], mask=gone[1:])]
    ),
}
ARGUMENTS = ("log_teff", "log_lum", "e_log_teff", "e_log_lum", "feh", "e_feh")


@settings(max_examples=60)
@given(st.sampled_from(ARGUMENTS), st.sampled_from(sorted(WAYS)), st.data())
def test_masked_is_nan_is_none_is_na(argument, way, data):
    n = data.draw(st.integers(1, 5))
    values = np.array(data.draw(st.lists(st.floats(-1, 5), min_size=n, max_size=n)))
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    # what lies under a mask may be anything
    under = np.where(gone, data.draw(st.sampled_from([0.0, 5772.0, -9999.0, np.inf])), values)
    found = numbers(argument, WAYS[way](under, gone))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, np.where(gone, np.nan, values))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_masked_has_no_answer_or_the_default_error(model, way):
    gone, wrong = np.array([False, True, False]), np.array([0.01, 99.0, 0.01])
    whole = model.predict(np.where(gone, np.nan, TEFF), LUM, np.where(gone, np.nan, wrong), 0.02)
    assert "missing_teff" in whole["flags"][1]
    assert "default_error" in whole["flags"][1]
    same(whole, model.predict(WAYS[way](TEFF, gone), LUM, WAYS[way](wrong, gone), 0.02))


@settings(max_examples=40)
@given(st.floats(2000, 40_000), st.sampled_from(["K", "kK", "MK"]))
def test_logarithms_of_other_units(teff, unit):
    value = u.Dex((teff * u.K).to(unit))
    expected = pytest.approx(np.log10(teff), abs=1e-12)
    assert numbers("log_teff", value) == expected
    assert numbers("log_teff", Column([value.value], unit=value.unit))[0] == expected


@pytest.mark.parametrize(
    ("argument", "value", "advice"),
    [
        ("log_teff", 5772 * u.K, "must be dex(K).*teff="),
        ("log_teff", Column([3.76], unit="K"), "must be dex(K).*teff="),
        ("log_teff", u.Dex(0.0, u.dex(u.Lsun)), "must be dex(K)"),
        ("log_lum", [1 * u.Lsun, 2 * u.Lsun], "must be dex(Lsun).*lum="),
        ("log_lum", u.Magnitude(4.74), "must be dex(Lsun)"),
        ("e_log_teff", 60 * u.K, "must be dex. .*e_teff="),
        ("e_log_lum", Column([3.0], unit="%"), "must be dex. .*e_lum="),
        ("feh", Column([0.1], unit="furlong"), "must be dex. .*feh="),
    ],
)
def test_wrong_units(argument, value, advice):
    pattern = advice.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(DataError, match=f"{argument}: its unit is .*{pattern}"):
        numbers(argument, value)


def test_no_common_unit():
    with pytest.raises(DataError, match="log_teff: its items have no common unit"):
        numbers("log_teff", [1 * u.K, 1 * u.m])


@pytest.mark.parametrize(
    "value",
    [
        *([3.7, "3.8"], np.array(["3.7", "3.8"]), pd.Series(["3.7", "3.8"]), pa.array(["3.7", "3.8"])),
        *([3.7, True], np.array([3.7 + 0j, 3.8]), pd.Series([True, False]), [3.7, {}], [[1], [2, 3]]),
        np.array(["2026-01-01"], "M8[D]"),
    ],
)
def test_what_is_no_number(value):
    with pytest.raises(DataError, match=r"e_log_lum: .* in row [12] is no number"):
        numbers("e_log_lum", value)


@pytest.mark.parametrize("value", [5772, [3.76, 5772.0], pd.Series([3.76, 5772])])
def test_temperatures_are_no_logarithms(model, value):
    advice = r"log_teff: 5772 in row [12] is no star's log10 in K.*log10.*stelnet\.predict\(teff=\.\.\.\)"
    with pytest.raises(DataError, match=advice):
        model.predict(value, np.zeros(np.shape(value)))


def test_luminosities_are_no_logarithms(model):
    with pytest.raises(DataError, match=r"log_lum: 25 in row 2.*Lsun.*lum="):
        model.predict(TEFF, [0.5, 25.0, 1.0])


@settings(max_examples=20)
@given(st.sampled_from([-99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0]), st.integers(0, 2))
def test_a_sentinel_changes_no_other_star(model, sentinel, row):
    place, others = TEFF.copy(), np.arange(3) != row
    place[row] = sentinel
    found, plain = model.predict(place, LUM, 0.01, 0.02), model.predict(TEFF, LUM, 0.01, 0.02)
    assert np.isnan(found["log_age_median"][row])
    same({name: plain[name][others] for name in plain}, {name: found[name][others] for name in found})


# --- Whole numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint64, lambda value: np.array(value)])
def test_integers_of_numpy_are_integers(model, kind):
    plain = model.predict(TEFF, LUM, samples=3, seed=7, first_row=5)
    same(plain, model.predict(TEFF, LUM, samples=kind(3), seed=kind(7), first_row=kind(5)))


@pytest.mark.parametrize("name", ["samples", "seed", "first_row"])
@pytest.mark.parametrize("value", [3.0, np.float64(3), "3", None, -1, np.int64(-1)])
def test_what_is_no_whole_number(model, name, value):
    with pytest.raises(ConfigError, match=name):
        model.predict(TEFF, LUM, **{name: value})


@given(st.integers(0, 2**63 - 1))
def test_whole_numbers_stay_as_they_are(number):
    assert type(whole("seed", np.int64(number))) is int
    assert whole("seed", np.int64(number)) == number == whole("seed", number)


# --- Indexes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index", [["Sun", "b", "c"], [3, 1, 2], pd.MultiIndex.from_product([["x"], [1, 2, 3]])]
)
def test_answers_join_the_table_that_was_asked_about(model, index):
    table = pd.DataFrame({"t": TEFF, "l": LUM}, index=index)
    answer = model.predict(table.t, table.l, samples=2)
    joined = table.join(answer.to_pandas())
    np.testing.assert_array_equal(joined.log_age_median, answer["log_age_median"])
    assert joined.index.equals(table.index)
    assert np.isfinite(joined.log_age_median).all()
    assert len(joined.log_age_samples.iloc[0]) == 2


def test_series_of_different_stars_are_refused(model):
    table = pd.DataFrame({"t": TEFF, "l": LUM}, index=["Sun", "b", "c"])
    with pytest.raises(DataError, match="log_teff and log_lum are pandas series of different index"):
        model.predict(table.t, table.l.sort_values())
    with pytest.raises(DataError, match="log_teff and e_log_lum are"):
        model.predict(table.t, LUM, e_log_lum=table.l.reset_index(drop=True))
    same(model.predict(TEFF, LUM), model.predict(table.t, LUM))


def test_without_series_rows_are_counted(model):
    assert model.predict(TEFF, LUM).index is None
    assert list(model.predict(TEFF, LUM).to_pandas().index) == [0, 1, 2]
