"""`stelnet.predict`: tables of every library and values with units, as the command answers them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_model as synthetic
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import stelnet
from stelnet.cli import app
from stelnet.errors import ConfigError, DataError, StelnetError

ROOT = Path(__file__).parents[2]
GAIA = 2**62 + 1


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return synthetic.write_model(tmp_path_factory.mktemp("ensembles"))


@pytest.fixture(scope="module")
def model(file):
    return stelnet.load(path=file)


@pytest.fixture(scope="module")
def posterior(tmp_path_factory):
    return stelnet.load(path=synthetic.write_posterior_model(tmp_path_factory.mktemp("posterior")))


def table(kind=QTable):
    """A table with masks, units, descriptions, metadata, an exact integer, and columns that no list knows."""
    stars = kind()
    stars["source_id"] = MaskedColumn([GAIA, 2, 3, 4], mask=[False, False, True, False])
    stars["name"] = ["Sun", "α", "b", "c"]
    stars["Teff"] = Masked([5.7, 5.0, 5.2, 9.999], mask=[False, False, False, True]) * u.kK
    stars["e_Teff"] = Masked([60, 50, 99, 50], mask=[False, False, True, False]) * u.K
    stars["logL"] = u.Dex([0.05, 0.3, 0.2, 0.1], "dex(Lsun)")
    stars["Teff"].info.description = "effective temperature"
    stars["position"] = SkyCoord([1, 2, 3, 4], [5, 6, 7, 8], unit="deg")
    stars["observed"] = Time([2015.5] * 4, format="jyear")
    stars.meta = {"survey": {"name": "none"}}
    return stars


def plain(table):
    """The same without what pandas and Arrow do not hold."""
    return table[[name for name in table.colnames if name not in ("position", "observed")]]


def data_frame():
    stars = table(Table)
    return pd.DataFrame(
        {
            "source_id": pd.array([GAIA, 2, None, 4], "Int64"),
            "Teff [kK]": pd.array([5.7, 5.0, 5.2, None], "Float64"),
            "e_Teff [K]": [60, 50, None, 50],
            "logL": np.asarray(stars["logL"]),
        },
        index=pd.Index(["Sun", "α", "b", "b"], name="star"),
    )


def arrow_table():
    return pa.table(
        [
            pa.array([GAIA, 2, None, 4]),
            pa.array([5.7, 5.0, 5.2, None]),
            pa.array([60, 50, None, 50]),
            pa.chunked_array([[0.05], [0.3, 0.2, 0.1]]),
        ],
        pa.schema(
            [
                pa.field("source_id", pa.int64(), metadata={"description": "Gaia's"}),
                pa.field("Teff", pa.float64(), metadata={"unit": "kK"}),
                pa.field("e_Teff", pa.int64(), metadata={"unit": "K"}),
                pa.field("logL", pa.float64(), metadata={"unit": "dex(Lsun)"}),
            ],
            metadata={"survey": "none"},
        ),
    )


MAKERS = {
    "Table": lambda: table(Table),
    "QTable": lambda: table(QTable),
    "pandas": data_frame,
    "pyarrow": arrow_table,
}


def column(answer, name):
    """A column of any kind of table, as numpy has it."""
    values = answer[name]
    return np.asarray(getattr(values, "value", values.to_numpy() if hasattr(values, "to_numpy") else values))


@pytest.fixture(params=sorted(MAKERS))
def stars(request):
    return MAKERS[request.param]()


# --- Tables -----------------------------------------------------------------------------------------------


def test_answers_are_those_of_the_command(model, file, stars, tmp_path):
    source, target = tmp_path / "stars.ecsv", tmp_path / "ages.ecsv"
    plain(table(Table)).write(source)
    command = [
        "predict",
        str(source),
        "--model",
        str(file),
        "--samples",
        "3",
        "--seed",
        "5",
        "-o",
        str(target),
    ]
    assert CliRunner().invoke(app, command).exit_code == 0
    expected = Table.read(target)
    answer = stelnet.predict(stars, model=model, samples=3, seed=5)
    for name in (*model.columns, *model.samples):
        found = column(answer, name)
        if name == "flags":
            assert found.tolist() == np.ma.filled(expected[name], "").tolist()
        else:
            np.testing.assert_array_equal(np.stack(found.tolist()), np.ma.filled(expected[name], np.nan))
    assert np.isfinite(column(answer, "log_age_median")[:3]).all()
    assert column(answer, "flags")[2:].tolist() == ["default_error,mist_only", "missing_teff"]


def test_metadata_are_those_of_the_command_too(model, file, tmp_path):
    source, target = tmp_path / "stars.ecsv", tmp_path / "ages.ecsv"
    plain(table(Table)).write(source)
    CliRunner().invoke(app, ["predict", str(source), "--model", str(file), "-o", str(target)])
    told = stelnet.predict(plain(table()), model=model).meta["stelnet"]
    assert told == Table.read(target).meta["stelnet"]
    assert told["columns"]["log_teff"] == "log_teff from column Teff [kK], errors from e_Teff"
    assert (told["stars"], told["stars_with_age"]) == (4, 3)


@pytest.mark.parametrize("kind", [Table, QTable])
def test_tables_of_astropy(model, kind):
    stars = table(kind)
    answer = stelnet.predict(stars, model=model)
    assert type(answer) is kind
    assert answer.colnames == [*stars.colnames, *model.columns]
    before = table(kind)
    for name in stars.colnames:
        for other in (stars, answer):
            assert type(other[name]) is type(before[name])
            assert other[name].info.unit == before[name].info.unit
            assert other[name].info.description == before[name].info.description
    for other in (stars, answer):
        assert other["source_id"].tolist() == before["source_id"].tolist()
        assert other["Teff"].mask.tolist() == [False, False, False, True]
        assert other["position"].ra.deg.tolist() == [1, 2, 3, 4]
    assert stars.meta == {"survey": {"name": "none"}}
    assert {"survey", "stelnet"} == set(answer.meta)
    for name, (unit, description) in model.columns.items():
        assert (answer[name].info.unit or u.dimensionless_unscaled) == u.Unit(unit)
        assert answer[name].info.description == description
    if kind is QTable:
        age = answer["log_age_median"][0]
        assert age.physical.to_value("Gyr") == pytest.approx(10 ** (age.value - 9), rel=1e-6)
    answer["Teff"][0] = 1 * u.kK if kind is QTable else 1
    assert before["Teff"][0] == stars["Teff"][0]


def test_tables_of_pandas(model):
    stars = data_frame()
    stars.attrs = {"survey": "none"}
    answer = stelnet.predict(stars, model=model)
    assert list(answer) == [*stars, *model.columns]
    pd.testing.assert_frame_equal(answer[list(stars)], data_frame())
    pd.testing.assert_frame_equal(stars, data_frame())
    assert answer.source_id.iloc[0] == GAIA
    assert stars.attrs == {"survey": "none"}
    assert answer.attrs["survey"] == "none"
    assert answer.attrs["stelnet"]["units"]["log_age_median"] == "dex(yr)"
    json.dumps(answer.attrs)


@pytest.mark.parametrize(
    "dtype", ["float32", "object", "Float32", "double[pyarrow]", "str", "category", "string[pyarrow]"]
)
def test_every_type_of_pandas(model, dtype):
    stars = pd.DataFrame({"Teff": [5700.0, 5000.0], "L": [1.0, 2.0]})
    expected = stelnet.predict(stars, model=model)
    answer = stelnet.predict(stars.astype(dtype), model=model)
    assert (answer.dtypes.iloc[:2] == stars.astype(dtype).dtypes).all()
    pd.testing.assert_frame_equal(answer.iloc[:, 2:], expected.iloc[:, 2:], rtol=1e-4)


def test_tables_of_arrow(model):
    stars = arrow_table()
    answer = stelnet.predict(stars, model=model)
    assert answer.select(stars.schema.names).equals(stars)
    assert answer.schema.field("source_id").metadata == {b"description": b"Gaia's"}
    assert answer.schema.field("log_mass_p16").metadata[b"unit"] == b"dex(Msun)"
    assert answer.schema.metadata[b"survey"] == b"none"
    assert json.loads(answer.schema.metadata[b"stelnet"])["stars"] == 4


def test_arrow_of_pandas_stays_of_pandas(model):
    answer = stelnet.predict(pa.Table.from_pandas(data_frame()), model=model).to_pandas()
    assert answer.index.equals(data_frame().index)
    assert answer.source_id.tolist() == data_frame().source_id.tolist()
    assert list(answer) == [*data_frame(), *model.columns]


def test_units_and_masks_that_astropy_wrote_to_parquet(model, tmp_path):
    plain(table(Table)).write(tmp_path / "stars.parquet")
    answer = stelnet.predict(pq.read_table(tmp_path / "stars.parquet"), model=model)
    expected = stelnet.predict(table(), model=model)
    np.testing.assert_array_equal(column(answer, "log_age_p16"), expected["log_age_p16"].value)
    pq.write_table(answer, tmp_path / "ages.parquet")
    again = Table.read(tmp_path / "ages.parquet")
    assert (again["Teff"].unit, again["log_age_p16"].unit) == (u.kK, u.dex(u.yr))
    assert again["Teff"].mask.tolist() == [False, False, False, True]
    assert again["flags"].tolist() == expected["flags"].tolist()
    assert set(again.meta) == {"survey", "stelnet"}


def test_an_answer_is_asked_about_again(model, stars):
    once = stelnet.predict(stars, model=model)
    with pytest.raises(DataError, match=r"the table: has columns that the answer needs .*give prefix"):
        stelnet.predict(once, model=model)
    twice = stelnet.predict(once, model=model, prefix="new_")
    np.testing.assert_array_equal(column(twice, "new_log_age_p16"), column(once, "log_age_p16"))
    if isinstance(stars, Table):
        told = twice.meta["stelnet"]
    elif isinstance(stars, pd.DataFrame):
        told = twice.attrs["stelnet"]
    else:
        told = json.loads(twice.schema.metadata[b"stelnet"])
    assert told["previous"]["stars"] == told["stars"] == 4


def test_columns_that_are_named(model):
    stars = pd.DataFrame({"T": [5.7, 5.0], "x": [3.8e26, 3e26], "y": [2, 3], 7: [1, 2]})
    answer = stelnet.predict(
        stars,
        teff="T [kK]",
        lum="x [W]",
        e_teff="y",
        e_lum="5%",
        model=model,
        stage="post",
        floor=(0.01, 0.02),
    )
    told = answer.attrs["stelnet"]
    assert told["columns"]["log_lum"] == "log_lum from column x [W], errors from e_lum 5%"
    assert (told["stage"], told["floor"]) == ("post", {"log_teff": 0.01, "log_lum": 0.02})
    numbers = stelnet.predict(
        stars, teff="T [kK]", lum="x [W]", e_teff=2, e_lum=np.float64(1e25), model=model
    )
    assert "errors from e_teff 2.0 kK" in numbers.attrs["stelnet"]["columns"]["log_teff"]
    assert list(answer)[3] == 7


@pytest.mark.parametrize("feh", [-0.5, np.float32(-0.5), 0, "neighbourhood", "m"])
def test_metallicities(posterior, feh):
    stars = pd.DataFrame({"Teff": [5700.0, 5000.0], "L": [1.0, 2.0], "m": -0.5, "[Fe/H]": 0.4})
    answer = stelnet.predict(stars, feh=feh, model=posterior)
    logs = np.log10(stars.Teff), np.log10(stars.L)
    value = {"m": -0.5, "neighbourhood": None}.get(feh, feh)
    np.testing.assert_array_equal(
        answer.log_age_median, posterior.predict(*logs, feh=value)["log_age_median"]
    )
    found = stelnet.predict(stars, model=posterior)
    np.testing.assert_array_equal(found.feh_p16, posterior.predict(*logs, feh=0.4)["feh_p16"])


@pytest.mark.parametrize("maker", [Table, QTable, pd.DataFrame, pa.table])
def test_tables_without_stars(model, maker):
    stars = maker({"Teff": np.array([]), "L": np.array([])})
    assert len(column(stelnet.predict(stars, model=model), "log_age_median")) == 0


def test_text_among_numbers(model):
    for stars in (
        pd.DataFrame({"Teff": [5700, "hot", None], "L": 1.0}),
        Table({"Teff": np.array(["5700", "hot", ""]), "L": np.ones(3)}),
        Table({"Teff": np.array([5700, "hot", None], object), "L": np.ones(3)}),
    ):
        with pytest.raises(DataError, match=r"the table.*Teff.*hot"):
            stelnet.predict(stars, model=model)


def test_bytes_as_FITS_has_them(model):
    stars = Table({"Teff": np.array([b"5700", b"--"]), "L": np.ones(2)})
    assert column(stelnet.predict(stars, model=model), "flags")[1].startswith("missing_teff")


@pytest.mark.parametrize("other", ["stars.csv", [1, 2], {"Teff": [1]}, np.zeros(2), 3])
def test_what_is_no_table(other):
    with pytest.raises(DataError, match=f"a {type(other).__name__} is no table.*Table.read"):
        stelnet.predict(other)


@pytest.mark.parametrize(
    ("columns", "arguments", "advice"),
    [
        (["a", "L"], {}, "name it with teff"),
        (["Teff", "T_eff", "L"], {}, "name one with teff"),
        (["Teff", "L"], {"teff": 5772}, "teff: beside a table it names a column"),
        (["Teff", "L"], {"e_lum": [1, 2]}, "e_lum: beside a table it names a column or is one number"),
        (["Teff", "L"], {"e_teff": 60 * u.K}, "e_teff: beside a table it names a column or is one number"),
        (["Teff", "L"], {"e_teff": -1}, "e_teff -1.0: an error is a number that is not negative"),
        (["Teff", "L"], {"teff": "Tef"}, "teff: there is no column 'Tef'; did you mean Teff"),
    ],
)
def test_messages_speak_of_keywords(model, columns, arguments, advice):
    stars = Table({name: [1.0 + i, 2.0] for i, name in enumerate(columns)})
    with pytest.raises(DataError, match=advice) as caught:
        stelnet.predict(stars, model=model, **arguments)
    assert "--" not in str(caught.value)


def test_advice_is_followed_to_the_letter(model):
    stars = pd.DataFrame({"Teff": [5700.0, 5000, 5100], "L": [-0.1, -0.2, 0.3]})
    with pytest.raises(DataError) as caught:
        stelnet.predict(stars, model=model)
    message = str(caught.value)
    assert "lum='L [dex(Lsun)]'" in message
    answer = stelnet.predict(stars, model=model, lum="L [dex(Lsun)]")
    assert np.isfinite(answer.log_age_median).all()


def test_choices_that_the_model_has_not(model):
    with pytest.raises(
        ConfigError, match=r"^feh: the metallicity of this model is the Sun's; take model post"
    ):
        stelnet.predict(table(), feh=0.0, model=model)
    with pytest.raises(ConfigError, match=r"samples 1\.5"):
        stelnet.predict(table(), samples=1.5, model=model)
    with pytest.raises(StelnetError, match="method 'network'"):
        stelnet.predict(table(), method="network", model=model)


def test_models_by_name_and_file(file):
    stars = Table({"Teff": [5700.0], "L": [1.0]})
    assert stelnet.predict(stars, model="baseline").meta["stelnet"]["model"] == "baseline"
    for model in (file, str(file)):
        assert stelnet.predict(stars, model=model).meta["stelnet"]["simulated"]


# --- Values -----------------------------------------------------------------------------------------------


def test_one_star_gives_one_row(model):
    answer = stelnet.predict(teff=5772 * u.K, e_teff=60 * u.K, lum=1 * u.Lsun, model=model)
    assert type(answer) is QTable
    assert len(answer) == 1
    assert answer["teff"][0] == 5772 * u.K
    expected = model.predict(np.log10(5772), 0.0, 60 / 5772 / np.log(10))
    np.testing.assert_array_equal(answer["log_age_median"].value, expected["log_age_median"])


@settings(max_examples=25, deadline=None)
@given(
    st.floats(4500, 6500), st.floats(0.3, 5), st.floats(10, 100), st.sampled_from(["K", "kK", "dex(K)"]),
    st.sampled_from(["Lsun", "W", "erg/s", "dex(Lsun)", "mag"]), st.sampled_from(["K", "kK", "%", "dex"]),
)  # fmt: skip
def test_units_do_not_matter(model, teff, lum, error, unit, lum_unit, error_unit):
    values = {
        "teff": u.Dex(teff * u.K) if unit == "dex(K)" else (teff * u.K).to(unit),
        "lum": {"dex(Lsun)": lambda: u.Dex(lum * u.Lsun), "mag": lambda: (4.74 - 2.5 * np.log10(lum)) * u.mag}
        .get(lum_unit, lambda: (lum * u.Lsun).to(lum_unit))(),
        "e_teff": {"%": 100 * error / teff * u.percent, "dex": error / teff / np.log(10) * u.dex}
        .get(error_unit, error * u.K),
    }  # fmt: skip
    answer = stelnet.predict(**values, model=model)
    expected = model.predict(np.log10(teff), np.log10(lum), error / teff / np.log(10))
    for name in ("log_age_median", "log_mass_p84"):
        np.testing.assert_allclose(answer[name].value, expected[name], atol=2e-3)


def test_metallicity_beside_values(posterior):
    answer = stelnet.predict(teff=5772 * u.K, lum=1 * u.Lsun, feh=0.0, e_feh=0.05, model=posterior)
    expected = posterior.predict(np.log10(5772), 0.0, feh=0.0, e_feh=0.05)
    np.testing.assert_array_equal(answer["feh_p84"].value, expected["feh_p84"])
    nearby = stelnet.predict(teff=5772 * u.K, lum=1 * u.Lsun, feh="neighbourhood", model=posterior)
    assert "feh_assumed" in nearby["flags"][0]


def test_a_radius_gives_the_luminosity(model):
    answer = stelnet.predict(teff=5000 * u.K, radius=1.5 * u.Rsun, e_radius=0.05 * u.Rsun, model=model)
    lum = 1.5**2 * (5000 / 5772) ** 4
    expected = stelnet.predict(teff=5000 * u.K, lum=lum * u.Lsun, model=model)
    assert answer["log_mass_median"].value == pytest.approx(expected["log_mass_median"].value, abs=0.05)
    in_table = stelnet.predict(pd.DataFrame({"Teff": [5000.0], "st_rad": [1.5]}), model=model)
    assert np.isfinite(in_table.log_age_median[0])


def test_what_a_votable_says_of_its_columns_decides(model):
    stars = Table({"a": [5000.0], "b": [1.0]})
    stars["a"].meta["ucd"], stars["b"].meta["ucd"] = "phys.temperature.effective", "phys.luminosity"
    assert np.isfinite(stelnet.predict(stars, model=model)["log_age_median"][0])


def test_one_value_stands_for_all(model):
    answer = stelnet.predict(teff=[5772 * u.K, 5000 * u.K], lum=1, model=model)
    assert answer["lum"].tolist() == [1, 1]
    missing = stelnet.predict(teff=[5772, None], lum=[1, 2], e_teff="5%", model=model)
    assert "missing_teff" in missing["flags"][1]
    assert "e_teff 5%" in missing.meta["stelnet"]["columns"]["log_teff"]


def test_values_of_pandas_keep_their_index(model):
    stars = pd.DataFrame({"t": [5.7, 5.0], "l": [1.0, 2.0]}, index=["Sun", "B"])
    answer = stelnet.predict(teff=stars.t * 1000, lum=stars.l, e_teff=60 * u.K, model=model)
    joined = stars.join(answer)
    assert np.isfinite(joined.log_age_median).all()
    with pytest.raises(DataError, match="teff and lum are pandas series of different index"):
        stelnet.predict(teff=stars.t, lum=stars.l[::-1], model=model)
    with pytest.raises(DataError, match="series of 1 stars stand beside 3 values"):
        stelnet.predict(teff=stars.t[:1], lum=[1, 2, 3], model=model)


def test_a_unit_that_is_given_is_believed(model):
    cold = stelnet.predict(teff=[4.0, 5000.0] * u.K, lum=1 * u.Lsun, model=model)
    assert np.isnan(cold["log_age_median"].value[0])
    assert "column teff [K]" in cold.meta["stelnet"]["columns"]["log_teff"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "teff is not given; give a table, or values such as teff=5772"),
        ({"lum": 1}, "teff is not given"),
        ({"teff": 5772 * u.K}, "lum is not given"),
        ({"teff": "Teff", "lum": 1}, "teff 'Teff' names a column, but of no table"),
        ({"teff": [5000, 5100], "lum": [1, 2, 3]}, r"teff has the shape \(2,\), the longest is \(3,\)"),
        ({"teff": np.ones((2, 2)), "lum": 1}, r"teff has the shape \(2, 2\)"),
        ({"teff": 5772 * u.m, "lum": 1}, "the values: .*'m'.*measures something else"),
        ({"teff": 5772 * u.K, "lum": 1 * u.Lsun, "e_lum": 1 * u.m}, "the values: .*'m'"),
        ({"teff": ["a"], "lum": 1}, "teff: 'a' in row 1 is no number"),
    ],
)
def test_values_that_cannot_be_used(model, arguments, words):
    with pytest.raises(DataError, match=words):
        stelnet.predict(**arguments, model=model)


# --- The door ---------------------------------------------------------------------------------------------


def test_the_example_of_the_readme():
    answer = stelnet.predict(Table.read(ROOT / "resources/examples/bright_stars.csv"))
    assert isinstance(answer, Table)
    assert answer["log_age_median"].unit == u.dex(u.yr)
    assert answer["name"][0] == "Sun"
    assert answer["log_age_p16"][0] < np.log10(4.567e9) < answer["log_age_p84"][0]


def test_importing_is_quick_and_libraries_are_loaded_when_needed():
    code = (
        "import sys, stelnet\n"
        "assert callable(stelnet.load) and 'predict' in dir(stelnet)\n"
        "assert not {'astropy', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "stelnet.load().predict([3.76], [0.0])\n"
        "assert not {'astropy', 'pandas', 'pyarrow', 'matplotlib', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_text_among_numbers_is_an_error_or_missing():
    table = pd.DataFrame({"Teff": ["5772", "bad", "5000"], "L": [1.0, 1.0, 0.3]})
    with pytest.raises(
        DataError, match=r"row 2, column 'Teff': 'bad' is not a number; .* bad_values='missing'"
    ):
        stelnet.predict(table, model="baseline")
    answer = stelnet.predict(table, model="baseline", bad_values="missing")
    assert answer.attrs["stelnet"]["bad_values"] == {"Teff": 1}
    assert np.isfinite(answer["log_age_median"]).tolist() == [True, False, True]
    with pytest.raises(ConfigError, match="bad_values 'drop': must be error or missing"):
        stelnet.predict(table, bad_values="drop")
