"""`stelnet predict`, from file to file, with a small synthetic model."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from synthetic_model import SUN, write_model, write_posterior_model
from typer.main import get_command
from typer.testing import CliRunner
from waiting import HANG, wait_for

import stelnet
from stelnet.cli import app
from stelnet.inference.answer import COLUMNS, FLAGS, POSTERIOR_COLUMNS, POSTERIOR_SAMPLES, SAMPLES
from stelnet.starlists.formats import EXTENSIONS, FORMATS

ROOT = Path(__file__).parents[2]

# astropy's FITS reader knows no unit of a logarithm
pytestmark = pytest.mark.filterwarnings("ignore:.*did not parse as fits unit")

STARS = f"""name,Teff,e_Teff,L,e_L,remark
sun,{10 ** SUN[0]},50,{10 ** SUN[1]},0.05,
giant,4500,,10,0.5,"big, red"
negative,-5,10,1,0.1,
gone,,10,1,0.1,
dark,5000,10,-1,0.1,
doubtful,5000,-10,0.9,0.1,
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def stars(tmp_path) -> Path:
    path = tmp_path / "stars.csv"
    path.write_text(STARS)
    return path


@pytest.fixture
def predict(model):
    """Run the command; a traceback is a failure of any test."""

    def run(*arguments, code=0, stdin=None, model=model):
        command = ["predict", *map(str, arguments), "--model", str(model)]
        result = CliRunner().invoke(app, command, input=stdin)
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert "Traceback" not in result.output
        return result

    return run


def read(path) -> Table:
    kind = next(kind for kind, ends in EXTENSIONS.items() if str(path).endswith(ends))
    return Table.read(path, format={"csv": "ascii.csv", "ecsv": "ascii.ecsv"}.get(kind))


def test_answers_are_those_of_the_model_and_no_row_is_lost(predict, model, stars, tmp_path):
    predict(stars, "-o", tmp_path / "out.ecsv")
    table = read(tmp_path / "out.ecsv")
    assert table.colnames == [*STARS.splitlines()[0].split(","), *COLUMNS]
    assert list(table["name"]) == ["sun", "giant", "negative", "gone", "dark", "doubtful"]
    expected = stelnet.load(path=model).predict(
        np.log10([10 ** SUN[0], 4500]),
        np.log10([10 ** SUN[1], 10]),
        [50 / 10 ** SUN[0] / np.log(10), np.nan],
        [0.05 / 10 ** SUN[1] / np.log(10), 0.05 / np.log(10)],
    )
    for name in COLUMNS:
        if name != "flags":
            np.testing.assert_allclose(table[name][:2], expected[name], rtol=1e-4, atol=1e-5)
        unit, description = COLUMNS[name]
        assert str(table[name].unit or "").replace("solMass", "Msun") == unit
        assert table[name].description == description
    assert np.isnan(table["log_age_median"][2:5]).all()
    flags = [set(str(flag).split(",")) for flag in table["flags"].filled("")]
    assert "default_error" in flags[1]
    assert flags[2:5] == [{"invalid_teff"}, {"missing_teff"}, {"invalid_lum"}]
    assert "invalid_error" in flags[5]


def test_what_was_read_and_what_came_out_is_told(predict, stars, tmp_path):
    told = predict(stars, "-o", tmp_path / "out.csv").stderr
    assert "log_teff from column Teff [K], errors from e_Teff" in told
    assert "6 stars, 3 with age and mass; model transfer" in told
    assert "trained on a simulated sky" in told
    assert "1 missing_teff: " in told
    meta = None
    for kind in ("ecsv", "parquet"):
        predict(stars, "-o", tmp_path / f"out.{kind}")
        meta = Table.read(tmp_path / f"out.{kind}").meta["stelnet"]
        assert meta["model"] == "transfer"
        assert meta["flags"]["missing_teff"] == 1
        assert meta["stelnet_version"] == stelnet.__version__
        assert len(meta["model_sha256"]) == 64


def test_default_errors_are_told_when_none_are_given(predict, tmp_path):
    (tmp_path / "in.csv").write_text("Teff,L\n5772,1\n")
    told = predict(tmp_path / "in.csv", "-o", tmp_path / "out.ecsv").stderr
    assert "errors unknown: 0.0104 dex (default)" in told
    assert "0.0087 dex (default)" in told
    assert Table.read(tmp_path / "out.ecsv").meta["stelnet"]["default_errors"]["log_teff"] == 0.0104


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", EXTENSIONS)
def test_every_format_holds_the_answers(predict, stars, tmp_path, kind):
    target = tmp_path / f"out{EXTENSIONS[kind][0]}"
    predict(stars, "-o", target)
    table = read(target)
    assert len(table) == 6
    assert table["log_mass_p84"][0] > table["log_mass_p16"][0]


def test_standard_input_and_output(predict, stars):
    piped = predict("-", stdin=STARS)
    assert piped.stdout == predict(stars).stdout
    assert piped.stdout.splitlines()[0].startswith("name,Teff,e_Teff,L,e_L,remark,log_age_median")
    assert len(piped.stdout.splitlines()) == 7
    assert predict("-", "--format", "ecsv", stdin=STARS).stdout.startswith("# %ECSV")
    assert predict("-", "--format", "fits", stdin=STARS).stdout_bytes.startswith(b"SIMPLE")


def test_standard_input_of_other_formats(predict, stars, tmp_path):
    for kind in ("fits", "votable", "parquet", "ecsv"):
        target = tmp_path / f"out{EXTENSIONS[kind][0]}"
        predict(stars, "-o", target)
        again = predict("-", "--prefix", "b_", "--format", "csv", stdin=target.read_bytes())
        assert len(again.stdout.splitlines()) == 7


def test_chunks_do_not_matter(predict, stars, tmp_path):
    for kind in ("csv", "ecsv", "parquet"):
        whole, pieces = tmp_path / f"whole.{kind}", tmp_path / f"pieces.{kind}"
        predict(stars, "-o", whole, "--method", "exact")
        predict(stars, "-o", pieces, "--method", "exact", "--chunk-size", 2)
        whole, pieces = read(whole), read(pieces)
        for name in whole.colnames:
            if whole[name].dtype.kind == "f":
                np.testing.assert_allclose(whole[name], pieces[name], rtol=1e-5, atol=1e-6)
            else:
                assert list(whole[name]) == list(pieces[name])


@pytest.mark.parametrize("kind", ["ecsv", "fits", "votable", "parquet"])
def test_draws(predict, stars, tmp_path, kind):
    target = tmp_path / f"out{EXTENSIONS[kind][0]}"
    predict(stars, "-o", target, "--samples", 5, "--seed", 3)
    draws = read(target)["log_age_samples"]
    assert draws.shape == (6, 5)
    assert np.isfinite(draws[0]).all()
    assert np.isnan(np.ma.filled(draws[2], np.nan)).all()
    assert "another --format" in predict(stars, "--samples", 5, code=2).stderr


def test_stage_and_method(predict, stars):
    header, sun, *_ = predict(stars, "--stage", "post", "--method", "table").stdout.splitlines()
    answer = dict(zip(header.split(","), sun.split(","), strict=True))
    assert answer["p_pre"] == "0"
    assert answer["log_age_pre_mean"] == ""
    told = predict(stars, "--method", "table").stderr
    assert "table method" in told


def test_columns_and_errors_that_the_user_names(predict, tmp_path):
    (tmp_path / "in.csv").write_text("T1,T2,lx,s\n5772,4000,3.828e33,0.1\n")
    arguments = ["--teff", "T1", "--e-teff", "2%", "--lum", "lx [erg/s]", "--e-lum", "1e32"]
    told = predict(tmp_path / "in.csv", *arguments).stderr
    assert "log_teff from column T1 [K], errors from --e-teff 2%" in told
    assert "log_lum from column lx [erg/s], errors from --e-lum 1e32 erg/s" in told


def test_columns_that_hold_the_same_are_not_ambiguous(predict, tmp_path):
    (tmp_path / "in.csv").write_text(
        "Teff,logTeff,e_logTeff,L,Mbol\n5772,3.76,0.01,1,4.74\n,,,,\n-1,,,1,4.74\n"
    )
    told = predict(tmp_path / "in.csv").stderr
    assert "log_teff from column logTeff [dex(K)], errors from e_logTeff (the same is in Teff)" in told
    assert "log_lum from column L [Lsun] (the same is in Mbol), errors unknown: 0.0087" in told


def test_columns_that_exist_are_kept_and_a_prefix_is_asked_for(predict, stars, tmp_path):
    first = tmp_path / "first.ecsv"
    predict(stars, "-o", first)
    assert "--prefix" in predict(first, code=2).stderr
    predict(first, "-o", tmp_path / "second.ecsv", "--prefix", "new_")
    table = read(tmp_path / "second.ecsv")
    assert {"log_age_median", "new_log_age_median"} <= set(table.colnames)
    assert table.meta["stelnet"]["previous"]["model"] == "transfer"


def test_a_list_without_stars(predict, tmp_path):
    (tmp_path / "in.csv").write_text("Teff,L\n")
    for kind in EXTENSIONS:
        target = tmp_path / f"out{EXTENSIONS[kind][0]}"
        assert "0 stars" in predict(tmp_path / "in.csv", "-o", target).stderr
        assert len(read(target)) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("5772,1\n5000,2\n", "no header"),
        ("Teff,L,L\n1,2,3\n", "several columns are called 'L'"),
        ("a,b\n1,2\n", "no column seems to hold the effective temperature"),
        ("Teff,L\n5772,one\n", "row 1, column 'L': 'one' is not a number"),
        ('Teff,L\n5772,"1,000"\n', "'1,000' is not a number"),
        ("Teff,log_teff,L\n5772,3.7,1\n", "several columns may hold the effective temperature"),
        ("Teff,log_teff,L\n5772,,1\n", "--teff"),
    ],
)
def test_lists_that_cannot_be_used_are_told(predict, tmp_path, content, words):
    (tmp_path / "in.csv").write_text(content)
    result = predict(tmp_path / "in.csv", "-o", tmp_path / "out.csv", code=2)
    assert words in result.stderr
    assert "in.csv" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_text_of_any_kind_comes_out_in_a_format_that_can_be_written(predict, tmp_path):
    (tmp_path / "in.txt").write_text("name Teff L\n- K solLum\nsun 5772 1.0\ndim 4500 0.2\n")
    told = predict(tmp_path / "in.txt")
    assert told.stdout.splitlines()[0].startswith("name,Teff,L,log_age_median")
    assert len(told.stdout.splitlines()) == 3
    predict(tmp_path / "in.txt", "-o", tmp_path / "out.ecsv")
    assert str(Table.read(tmp_path / "out.ecsv")["L"].unit) == "solLum"
    words = predict(tmp_path / "in.txt", "-o", tmp_path / "out.txt", code=2).stderr
    assert "its extension is of no format that can be written (.csv," in words
    assert "--format (csv, ecsv, fits, votable, parquet)" in words
    predict(tmp_path / "in.txt", "-o", tmp_path / "out.txt", "--format", "csv")
    assert (tmp_path / "out.txt").read_text() == told.stdout
    assert "'text' is not one of 'csv'" in " ".join(
        predict(tmp_path / "in.txt", "--format", "text", code=2).stderr.split()
    )


def test_a_table_of_a_fits_file_with_several(predict, tmp_path):
    tables = {"GTI": Table({"START": [1, 2]}), "STARS": Table({"Teff": [5772.0], "L": [1.0]})}
    hdus = [fits.table_to_hdu(table) for table in tables.values()]
    for hdu, name in zip(hdus, tables, strict=True):
        hdu.name = name
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "in.fits")
    told = predict(tmp_path / "in.fits", "-o", tmp_path / "out.csv", code=2).stderr
    assert "the first of its 2 tables is read (1 GTI, 2 STARS); choose with --hdu" in told
    for wanted in ("STARS", "stars", 2):
        predict(tmp_path / "in.fits", "--hdu", wanted, "-o", tmp_path / "out.fits", "--overwrite")
        with fits.open(tmp_path / "out.fits") as written:
            assert written["STARS"].data["log_age_median"].shape == (1,)
            assert written["GTI"].data["START"].tolist() == [1, 2]
    for wanted in ("none", 0, 3):
        told = predict(tmp_path / "in.fits", "--hdu", wanted, "-o", tmp_path / "out.csv", code=2).stderr
        assert "there is no such table; there are 1 GTI, 2 STARS" in told
    (tmp_path / "in.csv").write_text(STARS)
    assert "--hdu 1: only FITS" in predict(tmp_path / "in.csv", "--hdu", 1, code=2).stderr


def test_bad_values_may_be_taken_as_missing_and_are_counted(predict, tmp_path):
    (tmp_path / "in.csv").write_text("Teff,L\n5772,1\nhot,1\n---,1\n5772:,1\n")
    told = predict(tmp_path / "in.csv", "-o", tmp_path / "out.ecsv", code=2).stderr
    assert "row 2, column 'Teff': 'hot' is not a number, nor is 1 more of the column" in told
    told = predict(tmp_path / "in.csv", "-o", tmp_path / "out.ecsv", "--bad-values", "missing").stderr
    assert "taken as missing: 2 values of column 'Teff' that are no number, first 'hot' in row 2" in told
    table = read(tmp_path / "out.ecsv")
    assert table.meta["stelnet"]["bad_values"] == {"Teff": 2}
    assert list(table["Teff"]) == ["5772", "hot", "---", "5772:"]
    assert all("missing_teff" in flags for flags in table["flags"][1:])


def test_wrong_units_are_told(predict, tmp_path):
    Table({"Teff": [5772.0], "L": [1.0]}, units={"Teff": "m/s"}).write(tmp_path / "in.fits")
    assert "its unit is 'm / s'" in predict(tmp_path / "in.fits", "-o", tmp_path / "o.csv", code=2).stderr


def test_a_wide_fits_table(predict, tmp_path):
    table = Table({f"c{i}": np.arange(3) for i in range(298)} | {"Teff": [5772.0] * 3, "L": [1.0] * 3})
    table.write(tmp_path / "in.fits")
    predict(tmp_path / "in.fits", "-o", tmp_path / "out.fits")
    assert len(read(tmp_path / "out.fits").colnames) == 300 + len(COLUMNS)


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("stars.csv", "is the star list itself"),
        ("there.csv", "give --overwrite"),
        ("none/out.csv", "there is no folder"),
        (".", "a folder"),
        ("out.xyz", "--format"),
        ("stars.csv/out.csv", "there is no folder"),
    ],
)
def test_outputs_that_cannot_be_written_are_told_before_anything_is_done(
    predict, stars, tmp_path, out, words
):
    (tmp_path / "there.csv").write_text("precious")
    assert words in predict(stars, "-o", tmp_path / out, code=2).stderr
    assert stars.read_text() == STARS
    assert (tmp_path / "there.csv").read_text() == "precious"


def test_overwrite_replaces_a_file_but_never_the_list(predict, stars, tmp_path):
    (tmp_path / "out.csv").write_text("old")
    predict(stars, "-o", tmp_path / "out.csv", "--overwrite")
    assert (tmp_path / "out.csv").read_text().startswith("name,")
    assert "itself" in predict(stars, "-o", stars, "--overwrite", code=2).stderr


def test_absent_lists_and_models_are_told(predict, stars, tmp_path):
    assert "no such file" in predict(tmp_path / "none.csv", code=2).stderr
    assert "a folder" in predict(tmp_path, code=2).stderr
    assert "none.safetensors" in predict(stars, code=2, model=tmp_path / "none.safetensors").stderr
    assert "model 'nobody'" in predict(stars, code=2, model="nobody").stderr


def test_a_bad_row_far_down_leaves_no_output(predict, tmp_path):
    (tmp_path / "in.csv").write_text("Teff,L\n" + "5772,1\n" * 20_000 + "x,1\n")
    result = predict(tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--chunk-size", 1000, code=2)
    assert "row 20001, column 'Teff': 'x' is not a number" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def command(model, *arguments):
    return [sys.executable, "-m", "stelnet.cli", "predict", *map(str, arguments), "--model", str(model)]


def started(number: signal.Signals, handling: signal.Handlers, *command: str, **settings) -> subprocess.Popen:
    """Start a command as a shell does that handles a signal so, however the tests themselves were started.

    What is run in the background of a script ignores SIGINT, and so does all that it starts.
    """
    code = f"import os, signal, sys; signal.signal({int(number)}, signal.{handling.name}); "
    code += "os.execv(sys.argv[1], sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", code, *command], **settings)


def test_a_reader_that_goes_away_is_no_error(model, tmp_path):
    (tmp_path / "in.csv").write_text("Teff,L\n" + "5772,1\n" * 50_000)
    process = subprocess.Popen(
        command(model, tmp_path / "in.csv", "--chunk-size", 5000),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline().startswith(b"Teff,L,")
    process.stdout.close()
    told = process.stderr.read().decode()
    assert process.wait(HANG) == 141
    assert "Traceback" not in told
    assert "Broken" not in told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing(model, tmp_path, number, code):
    n = 400_000
    pq.write_table(pa.table({"Teff": np.full(n, 5772.0), "L": np.ones(n)}), tmp_path / "in.parquet")
    target = tmp_path / "out.parquet"
    arguments = [tmp_path / "in.parquet", "-o", target, "--chunk-size", 500, "--method", "exact"]
    process = started(number, signal.SIG_DFL, *command(model, *arguments), stderr=subprocess.PIPE)
    wait_for(lambda: len(list(tmp_path.iterdir())) > 1 or process.poll() is not None, "the output is begun")
    process.send_signal(number)
    told = process.stderr.read().decode()
    # Ctrl-C kills, so that a loop of the shell ends too; see https://www.cons.org/cracauer/sigint.html
    assert process.wait(HANG) == code
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ignored_signal_stays_ignored(model, tmp_path, number):
    """Ctrl-C is not meant for what a script runs in the background."""
    arguments = ["-", "-o", tmp_path / "out.csv"]
    process = started(number, signal.SIG_IGN, *command(model, *arguments), stdin=subprocess.PIPE)
    # more than a pipe holds: it is at work when this has been written
    process.stdin.write(b"Teff,L\n" + b"5772,1\n" * 50_000)
    process.stdin.flush()
    process.send_signal(number)
    process.stdin.close()
    assert process.wait(HANG) == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 50_001


def test_memory_does_not_grow_with_the_list(model, tmp_path):
    """A million stars take hardly more memory than fifty thousand."""
    measure = (
        "import resource, sys\n"
        "from stelnet.cli import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "finally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    peaks = []
    for n in (50_000, 1_000_000):
        generator = np.random.default_rng(0)
        table = {"Teff": generator.uniform(4e3, 7e3, n), "L": generator.uniform(0.5, 2, n)}
        pq.write_table(pa.table(table), tmp_path / "in.parquet")
        arguments = ["predict", "in.parquet", "-o", "out.parquet", "--overwrite", "--model", str(model)]
        result = subprocess.run(
            [sys.executable, "-c", measure, *arguments, "--chunk-size=20000", "--method=table"],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stderr.split()[-1]) / 1024)
        assert pq.read_metadata(tmp_path / "out.parquet").num_rows == n
    assert peaks[1] < peaks[0] + 150, peaks


# --- the model `posterior` -----------------------------------------------------------------------------

METALS = f"""name,Teff,e_Teff,L,e_L,[Fe/H],e_[Fe/H]
sun,{10 ** SUN[0]},50,{10 ** SUN[1]},0.05,0.1,0.05
unknown,{10 ** SUN[0]},50,{10 ** SUN[1]},0.05,,
poor,{10 ** SUN[0]},50,{10 ** SUN[1]},0.05,-3,0.1
"""


@pytest.fixture(scope="module")
def posterior(tmp_path_factory) -> Path:
    return write_posterior_model(tmp_path_factory.mktemp("posterior"))


def test_metallicities_are_found_used_and_told(predict, posterior, tmp_path):
    (tmp_path / "in.csv").write_text(METALS)
    out = tmp_path / "out.ecsv"
    said = predict(tmp_path / "in.csv", "-o", out, model=posterior).stderr
    assert "[Fe/H] from column [Fe/H] [dex], errors from e_[Fe/H]\n" in said
    assert "network method, age prior field, floor 0.01,0.02 dex" in said
    table = read(out)
    assert table.colnames == [*METALS.splitlines()[0].split(","), *POSTERIOR_COLUMNS]
    logs = [np.log10(10 ** SUN[0]), np.log10(10 ** SUN[1])]
    errors = 50 / 10 ** SUN[0] / np.log(10), 0.05 / 10 ** SUN[1] / np.log(10)
    expected = stelnet.load(path=posterior).predict(
        *np.repeat(np.array(logs)[:, None], 3, axis=1),
        *errors,
        feh=[0.1, np.nan, -3],
        e_feh=[0.05, np.nan, 0.1],
    )
    for name in POSTERIOR_COLUMNS:
        if name != "flags":
            np.testing.assert_allclose(table[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert [str(flag) for flag in np.ma.filled(table["flags"], "")] == list(expected["flags"])
    told = table.meta["stelnet"]
    assert (told["model"], told["method"], told["age_prior"]) == ("posterior", "network", "field")
    assert told["floor"] == {"log_teff": 0.01, "log_lum": 0.02}
    assert told["columns"]["feh"] == "[Fe/H] from column [Fe/H] [dex], errors from e_[Fe/H]"
    assert told["flags"]["feh_assumed"] == told["flags"]["outside_feh"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--feh", "neighbourhood"], "[Fe/H] not given: solar neighbourhood, -0.10 +- 0.25"),
        (["--feh", "-0.3"], "[Fe/H] given: -0.30, error 0.05 dex (floor)"),
        (["--feh=-0.3", "--e-feh", "0.1"], "[Fe/H] given: -0.30 +- 0.10"),
        (
            ["--feh", "[Fe/H]", "--e-feh", "0.2"],
            "[Fe/H] from column [Fe/H] [dex], errors from --e-feh 0.2 dex",
        ),
    ],
)
def test_metallicities_are_those_asked_for(predict, posterior, tmp_path, options, said):
    (tmp_path / "in.csv").write_text(METALS)
    result = predict(tmp_path / "in.csv", *options, "-o", tmp_path / "out.csv", model=posterior)
    assert said in result.stderr
    flags = [str(flag) for flag in read(tmp_path / "out.csv")["flags"]]
    assumed = ["feh_assumed" in flag for flag in flags]
    assert assumed == [options[1:] == ["neighbourhood"]] * 3 or options[1] == "[Fe/H]"


def test_a_list_without_metallicities_gets_the_neighbourhoods(predict, posterior, stars, tmp_path):
    result = predict(stars, "-o", tmp_path / "out.csv", model=posterior)
    assert "[Fe/H] not given: solar neighbourhood, -0.10 +- 0.25" in result.stderr
    assert "feh_assumed: no [Fe/H] is given" in result.stderr


def test_prior_and_floor_are_the_users(predict, posterior, stars, tmp_path):
    tables = {}
    for name, options in {
        "field": [], "log": ["--age-prior", "log"], "range": ["--age-prior", "1e6,2e8"],
        "floor": ["--floor", "0.02,0.2"],
    }.items():  # fmt: skip
        predict(stars, "-o", tmp_path / f"{name}.ecsv", *options, model=posterior)
        tables[name] = read(tmp_path / f"{name}.ecsv")
    assert tables["log"]["log_age_median"][0] < tables["field"]["log_age_median"][0]
    assert (
        6 <= tables["range"]["log_age_p2_5"][0] < tables["range"]["log_age_p97_5"][0] <= np.log10(2e8) + 1e-4
    )
    widths = {name: table["log_mass_p84"][0] - table["log_mass_p16"][0] for name, table in tables.items()}
    assert widths["floor"] > 2 * widths["field"]
    assert tables["range"].meta["stelnet"]["age_prior"] == "1e6,2e8"
    assert tables["floor"].meta["stelnet"]["floor"] == {"log_teff": 0.02, "log_lum": 0.2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--age-prior", "young"], "age prior 'young': must be field, log, or two ages"),
        (["--floor", "0.01"], "--floor '0.01': must be two errors in dex"),
        (["--floor=-1,0"], "must be two errors"),
        (["--method", "table"], "method 'table': the model posterior has auto, network and exact-grid"),
        (["--method", "exact-grid"], "needs the file of the grid: --grid FILE"),
        (["--feh", "metals"], "--feh: there is no column 'metals'"),
        (["--e-feh", "0.1"], "there is no [Fe/H]"),
        (["--feh", "neighbourhood", "--e-feh", "0.1"], "has its own spread"),
        (["--feh", "0.1", "--e-feh", "Teff"], "must be a number where --feh is one"),
    ],
)
def test_what_cannot_be_asked_is_one_line(predict, posterior, stars, tmp_path, options, message):
    result = predict(stars, "-o", tmp_path / "out.csv", *options, model=posterior, code=2)
    (line,) = result.stderr.strip().splitlines()[-1:]
    assert message in line
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--age-prior", "log"], "the model transfer cannot use an age prior"),
        (["--feh", "0.1"], "the metallicity of this model is the Sun's"),
        (["--feh", "neighbourhood"], "the metallicity of this model is the Sun's"),
        (["--grid", "cube.safetensors"], "only the model posterior takes one"),
    ],
)
def test_ensembles_say_what_they_cannot_use(predict, stars, options, message):
    result = predict(stars, *options, code=2)
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_draws_are_joint_in_all_quantities(predict, posterior, stars, tmp_path):
    predict(stars, "-o", tmp_path / "out.parquet", "--samples", "5", model=posterior)
    table = read(tmp_path / "out.parquet")
    for name in POSTERIOR_SAMPLES:
        assert table[name].shape == (6, 5)
        assert np.isfinite(table[name][0]).all()


def test_the_documentation_names_every_option_column_and_flag():
    page = (ROOT / "docs/predict.md").read_text()
    options = [name for option in get_command(app).commands["predict"].params for name in option.opts]
    columns = [*COLUMNS, *SAMPLES, *POSTERIOR_COLUMNS, *POSTERIOR_SAMPLES]
    wanted = [name for name in options if name.startswith("-")] + [*columns, *FLAGS, *FORMATS]
    assert [name for name in wanted if name not in page] == []


def test_the_sun_is_among_the_bright_stars(tmp_path):
    """The packaged model on the example list, as the documentation starts."""
    out = str(tmp_path / "ages.ecsv")
    stars = str(ROOT / "resources/examples/bright_stars.csv")
    result = CliRunner().invoke(app, ["predict", stars, "-o", out])
    assert result.exit_code == 0, result.output
    (sun,) = (row for row in read(out) if row["name"] == "Sun")
    assert sun["log_age_p2_5"] < np.log10(4.57e9) < sun["log_age_p97_5"]
    assert sun["log_mass_p2_5"] < 0 < sun["log_mass_p97_5"]


@pytest.mark.parametrize("page", ["README.md", "docs/predict.md"])
def test_pages_show_what_the_command_says(tmp_path, page):
    out = tmp_path / "ages.ecsv"
    stars = ROOT / "resources/examples/bright_stars.csv"
    result = CliRunner().invoke(app, ["predict", str(stars), "-o", str(out)])
    assert result.exit_code == 0, result.output
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"```text\n{result.stderr}```\n" in text
    rows = {row["name"]: row for row in Table.read(out)}
    assert rows["Sun"]["log_age_p16"] < np.log10(4.57e9) < rows["Sun"]["log_age_p84"]
    assert rows["Sun"]["log_mass_p16"] < 0 < rows["Sun"]["log_mass_p84"]
    assert "age_from_prior" in rows["Lalande 21185"]["flags"]
    if page == "README.md":
        spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs/refresh.py")
        refresh = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(refresh)
        for name in refresh.SHOWN:
            assert refresh.star_row(rows[name]) in text.splitlines()


def test_where_luminosities_come_from_is_said_and_kept(predict, tmp_path):
    (tmp_path / "in.csv").write_text("Teff,Lum,logL,st_rad\n5772,1,0,1\n5772,,0.1,1\n5772,,,1.1\n5772,,,\n")
    told = predict(tmp_path / "in.csv", "-o", tmp_path / "out.ecsv").stderr
    made = {"Lum": 1, "logL": 1, "radius and temperature": 1}
    assert read(tmp_path / "out.ecsv").meta["stelnet"]["luminosity_from"] == made
    assert "luminosity of 1 from Lum, of 1 from logL, of 1 from radius and temperature" in told
    assert "1 missing_lum" in told
    told = predict(tmp_path / "in.csv", "--radius", "Lum [Rsun]", "--e-radius", "3%", "--lum", "logL").stderr
    assert "errors from --e-radius 3%" in told


def test_a_list_of_which_nothing_is_usable_ends_with_2(predict, tmp_path, monkeypatch):
    (tmp_path / "in.csv").write_text("Teff [K],L\n3.76,1\n3.65,0.2\n")
    options = tmp_path / "in.csv", "-o", tmp_path / "out.csv"
    told = predict(*options, code=2).stderr
    assert "log_teff from column Teff [K]: its values, between 3.65 and 3.76, cannot be such" in told
    assert not (tmp_path / "out.csv").exists()
    predict(*options, "--teff", "Teff [K] [dex(K)]")
    # a list too long to be looked through beforehand
    monkeypatch.setattr("stelnet.starlists.place.HEAD", 1)
    assert "no star has both" in predict(tmp_path / "in.csv", "-o", tmp_path / "o.csv", code=2).stderr
    assert not (tmp_path / "o.csv").exists()
