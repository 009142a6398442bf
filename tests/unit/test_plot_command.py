"""`stelnet plot`: the command, with a small synthetic model, and its figures."""

import gzip
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.figure import Figure
from scipy.stats import chi2
from synthetic_model import SUN, ZAMS_EEP, tracks, write_model, write_posterior_model
from typer.testing import CliRunner

import stelnet
from stelnet.cli import app
from stelnet.inference.observed import AgePrior
from stelnet.io import write_table
from stelnet.plotting import style
from stelnet.starlists.opening import open_list
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request
from stelnet.starplots import content, diagram, lettering, many_stars, one_star

STARS = f"""kind,name,Teff,e_Teff,L,e_L
star,Sun,{10 ** SUN[0]},50,{10 ** SUN[1]},0.05
star,HD 1,5000,50,0.5,0.05
star,twin,5100,,0.6,
star,Twin,5200,,0.6,
hot,far,9000,50,0.001,0.0001
bad,negative,-5,10,1,0.1
bad,gone,,10,1,0.1
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STELNET_MIRROR", raising=False)
    path = tmp_path / "stars.csv"
    path.write_text(STARS)
    return path


@pytest.fixture
def plot(model):
    """Run the command; a traceback is a failure of any test."""

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["plot", *map(str, arguments), "--model", str(model)])
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.output

    return run


# --- The command ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "pdf"])
@pytest.mark.parametrize("what", [["--star", "Sun"], ["--all"]])
def test_same_bytes_again(plot, table, what, suffix):
    out = table.with_name(f"figure.{suffix}")
    plot(table, *what, "-o", out)
    first = out.read_bytes()
    assert first.startswith(b"\x89PNG" if suffix == "png" else b"%PDF")
    plot(table, *what, "-o", out, "--overwrite")
    assert out.read_bytes() == first


@pytest.fixture
def blank(monkeypatch):
    """Let figures be blank, which is quick."""
    monkeypatch.setattr(one_star, "star_figure", lambda *_: Figure(layout="constrained"))
    monkeypatch.setattr(many_stars, "crowd_figure", lambda *_: Figure(layout="constrained"))
    monkeypatch.setattr(content, "DRAWS", 100)


def test_file_is_named_after_table_and_star(plot, table, blank):
    packed = table.with_name("my.stars.v1.csv.gz")
    packed.write_bytes(gzip.compress(STARS.encode()))
    plot(table, "--star", "HD 1")
    plot(table, "--star", "hd1", "--overwrite")
    plot(table, "--all")
    plot(packed, "--all")
    names = {"stars-HD_1.png", "stars.png", "my.stars.v1.png"}
    assert {path.name for path in table.parent.glob("*.png")} == names


def test_stars_of_like_names_have_files_of_their_own(plot, table, blank):
    table.write_text("name,Teff,L\nHD 1,5000,0.5\nHD-1,5800,1.1\nHD_1,5600,1\nHD-1,5100,0.4\n")
    for star in ("HD 1", "2", "HD_1", "4"):
        plot(table, "--star", star)
    names = {"stars-HD_1.png", "stars-#2.png", "stars-HD%5F1.png", "stars-#4.png"}
    assert {path.name for path in table.parent.glob("*.png")} == names


@given(st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_names_of_files_cannot_collide(names):
    files = [content.file_name(np.array(names, object), row) for row in range(len(names))]
    assert len(set(files)) == len(files)
    assert not any(re.search(r"[\x00-\x1f/\\:*?\"<>|\s]", name) for name in files)
    assert max(len(name.encode()) for name in files) < 150


@pytest.mark.parametrize("what", [["--star", "Sun"], ["--all"], ["--all", "-o", "figure.pdf"]])
def test_a_figure_that_exists_is_replaced_when_asked_for_alone(plot, table, blank, what):
    file = table.with_name({1: "stars.png", 2: "stars-Sun.png", 3: "figure.pdf"}[len(what)])
    file.write_text("mine")
    output = plot(table, *what, code=2)
    assert f"{file.name}: exists; name another file with -o, or give --overwrite" in output
    assert file.read_text() == "mine"
    plot(table, *what, "--overwrite")
    assert file.read_bytes()[:4] in (b"\x89PNG", b"%PDF")


def test_the_list_itself_is_never_replaced(plot, table):
    disguised = table.rename(table.with_suffix(".png"))
    output = plot(disguised, "--all", "--input-format", "csv", "-o", disguised, "--overwrite", code=2)
    assert "is the star list itself" in output
    assert disguised.read_text() == STARS


@pytest.mark.parametrize(
    ("wanted", "row"), [("Sun", 0), ("sun", 0), ("hd1", 1), ("twin", 2), ("Twin", 3), ("5", 4)]
)
def test_star_is_found_by_name_or_else_by_row(plot, table, monkeypatch, wanted, row):
    seen = []
    monkeypatch.setattr(
        one_star, "star_figure", lambda star, *_: seen.append(star) or Figure(layout="constrained")
    )
    assert "stars are named by column name" in plot(table, "--star", wanted)
    names = [line.split(",")[1] for line in STARS.splitlines()[1:]]
    assert [star.name for star in seen] == [names[row]]


def test_star_that_is_not_there(plot, table):
    output = plot(table, "--star", "Sum", code=2)
    assert "no star is called 'Sum', nor is it the number of one of its 7 rows; did you mean Sun" in output
    assert "8" in plot(table, "--star", "8", code=2)


def test_star_that_is_there_twice(plot, table):
    assert "several stars are called 'TWIN'; give the row's number: 3, 4" in plot(
        table, "--star", "TWIN", code=2
    )


def test_first_column_of_distinct_text_names_the_stars_or_else_their_rows(plot, table):
    table.write_text("kind,label,Teff,L\na,x,5000,1\na,y,5100,1\n")
    assert "named by column label, whose values are all different" in plot(table, "--star", "y")
    table.write_text("kind,Teff,L\na,5000,1\na,5100,1\n")
    assert "told by the numbers of their rows" in plot(table, "--star", "2")


@pytest.mark.parametrize("arguments", [[], ["--star", "Sun", "--all"]])
def test_one_star_or_all(plot, table, arguments):
    assert "give --star ID, or --all" in plot(table, *arguments, code=2)


@pytest.mark.parametrize(("out", "message"), [("a.jpg", "a .png or a .pdf"), ("no/a.png", "no folder no")])
def test_figure_that_cannot_be_written(plot, table, out, message):
    assert message in plot(table, "--all", "-o", out, code=2)


def test_list_without_stars(plot, table):
    table.write_text("name,Teff,L\n")
    assert "holds no stars" in plot(table, "--all", code=2)
    assert "holds no stars" in plot(table, "--star", "1", code=2)


def test_tracks_are_found_or_not_or_refused(plot, table, monkeypatch):
    assert "no MIST tracks behind the stars" in plot(table, "--all")
    write_table(tracks(), table.parent / "results/mist/tracks.parquet", {"simulated": "true"})
    assert "MIST tracks from results/mist/tracks.parquet" in plot(table, "--all", "--overwrite")
    renamed = tracks().rename(columns={"log_teff": "log_Teff", "log_lum": "log_L", "eep": "EEP"})
    folder = table.parent / "mirror"
    (folder / "mist").mkdir(parents=True)
    file = folder / "mist/mist_v1.2_feh0.00_vvcrit0.4_exact_rows.csv.gz"
    renamed.to_csv(file, index=False)
    assert f"MIST tracks from {file}" in plot(table, "--all", "--tracks", file, "--overwrite")
    (table.parent / "results/mist/tracks.parquet").unlink()
    monkeypatch.setenv("STELNET_MIRROR", str(folder))
    assert f"MIST tracks from {file}" in plot(table, "--all", "--overwrite")
    assert "MIST tracks are a .parquet, .csv.gz or .tar.xz file" in plot(
        table, "--all", "--tracks", table, "--overwrite", code=2
    )
    assert "no such file" in plot(table, "--all", "--tracks", "none.parquet", "--overwrite", code=2)


def test_figure_leaves_no_global_state(table, model):
    code = (
        "import sys; from stelnet.cli import app\n"
        f"try: app(['plot', {str(table)!r}, '--star', 'Sun', '--model', {str(model)!r}])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=table.parent)


# --- The figures ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def background():
    """A ZAMS, tracks, and a domain of unlike axes."""
    mass = np.linspace(-0.3, 0.3, 9)
    log_teff, log_lum = np.linspace(3.4, 4.0, 31), np.linspace(-2, 2, 21)
    return diagram.Background(
        zams=(3.76 + 0.4 * mass, 4 * mass),
        zams_age=(mass, 8 - 2.5 * mass),
        log_teff=log_teff,
        log_lum=log_lum,
        distance=np.abs(log_lum[:, None] - 10 * (log_teff - 3.76)),
        tracks=tracks(),
        zams_eep=ZAMS_EEP,
    )


def star(p_pre=0.3, flags=None, answered=True):
    random = np.random.default_rng(0)
    ends = {"p16": -0.1, "median": 0, "p84": 0.2}
    answer = {f"log_age_{end}": 9 + by for end, by in ends.items()}
    answer |= {f"log_mass_{end}": by / 10 for end, by in ends.items()}
    draws = {
        "pre": random.normal((7, 0.1), (0.1, 0.02), (4000, 2)),
        "post": random.normal((9.5, 0), (0.2, 0.03), (4000, 2)),
    }
    return diagram.Star(
        "a star", (3.76, 0.01), (0.0, 0.02), answer | {"p_pre": p_pre}, draws if answered else {}, flags or {}
    )


def texts(figure):
    panels = figure.get_axes()
    found = [text.get_text() for panel in panels for text in (*panel.texts, panel.title, panel._left_title)]
    found += [panel.get_title(loc="right") for panel in panels]
    legend = figure.legends[0]
    return found + [text.get_text() for text in (*legend.get_texts(), legend.get_title())]


def test_both_modes_are_named_with_their_probability(background):
    figure = one_star.star_figure(star(), background, "about")
    assert {"before the ZAMS, 30 %", "after the ZAMS, 70 %"} <= set(texts(figure))
    joint = next(panel for panel in figure.get_axes() if panel.get_ylabel() == style.LABELS["age"])
    modes = sorted(
        tuple(float(v[0]) for v in line.get_data()) for line in joint.lines if len(line.get_xdata()) == 1
    )
    assert modes[0] == pytest.approx((0, 9.5), abs=0.1)
    assert modes[1] == pytest.approx((0.1, 7), abs=0.1)
    low, high = joint.get_ylim()
    assert low < 6.9
    assert high > 9.8


def test_improbable_stage_is_told_beside_the_panel(background):
    figure = one_star.star_figure(star(0.004), background, "about")
    found = texts(figure)
    assert "after the ZAMS, > 99 %" in found
    assert any(re.match(r"before\nthe ZAMS\n< 1 %:\n(9.9|10.)\d Myr", text) for text in found)
    joint = next(panel for panel in figure.get_axes() if panel.get_ylabel() == style.LABELS["age"])
    assert joint.get_ylim()[0] > 8


def test_answer_and_flags_are_written(background):
    figure = one_star.star_figure(star(flags={"mist_only": "known from MIST alone"}), background, "a model")
    found = "\n".join(texts(figure))
    assert "age 1.00 Gyr (68 %: 794 Myr to 1.58 Gyr)" in found
    assert "mass 1.00 M$_\\odot$ (68 %: 0.977 to 1.05 M$_\\odot$)" in found
    assert "flags: mist_only" in found
    assert "a model\nmist_only: known from MIST alone" in found


def test_star_without_prediction_is_still_on_the_diagram(background):
    figure = one_star.star_figure(star(answered=False, p_pre=np.nan), background, "about")
    assert "no prediction" in texts(figure)
    left, right = figure.get_axes()[0].get_xlim()
    assert left > 3.76 > right


@pytest.mark.parametrize(
    ("teff", "lum"), [((np.nan, 0.01), (0.0, 0.02)), ((3.76, 0.01), (np.nan, 0.02)), ((3.2, 0.3), (5.0, 0.1))]
)
def test_zams_is_in_view_wherever_the_star_is(background, teff, lum):
    lost = star(answered=False)
    figure = one_star.star_figure(
        diagram.Star(lost.name, teff, lum, lost.answer, {}, {}), background, "about"
    )
    right, left = figure.get_axes()[0].get_xlim()
    bottom, top = figure.get_axes()[0].get_ylim()
    x, y = background.zams
    assert ((left < x) & (x < right) & (bottom < y) & (y < top)).any()
    assert teff[0] != 3.2 or (left < 3.2 < right and bottom < 5 < top)


def crowd(n, seed=0):
    random = np.random.default_rng(seed)
    table = {"log_teff": random.normal(3.76, 0.05, n), "log_lum": random.normal(0, 0.5, n)}
    table |= {"e_log_teff": np.full(n, 0.01), "e_log_lum": np.full(n, 0.02)}
    for name, middle in (("log_age", 9), ("log_mass", 0)):
        table[f"{name}_median"] = random.normal(middle, 0.2, n)
        table[f"{name}_p16"] = table[f"{name}_median"] - 0.1
        table[f"{name}_p84"] = table[f"{name}_median"] + 0.1
    for name in ("log_age", "log_mass"):
        table[f"{name}_median"][0] = np.nan
    flags = {
        "two_modes": np.arange(n) % 2 == 1,
        "mist_only": np.arange(n) < 3,
        "wrong_stage": np.zeros(n, bool),
    }
    return table, flags, [f"star {i}" for i in range(n)]


@pytest.mark.parametrize("n", [2, 10, 60, 300])
def test_all_stars_are_drawn_and_flags_counted(background, monkeypatch, n):
    monkeypatch.setattr(many_stars, "MANY", 200)
    figure = many_stars.crowd_figure(*crowd(n), background, "about")
    found = texts(figure)
    assert f"two_modes ({n // 2})" in found
    assert "no prediction (1)" in found
    assert f"about; other flags: mist_only ({min(n, 3)})" in found
    assert not any("wrong_stage" in text for text in found)
    assert ("star 1" in found) == (n <= many_stars.NAMED)
    diagram, plane = figure.get_axes()[:2]
    assert diagram.get_xlim()[0] > diagram.get_xlim()[1]
    counts = [c.get_array() for c in plane.collections if c.get_array() is not None]
    if n > 200:
        assert counts[0].sum() == n - 1
    else:
        assert len(counts[0]) == n - 1


@pytest.mark.parametrize("n", [3, 300])
def test_stars_without_any_prediction(background, monkeypatch, n):
    monkeypatch.setattr(many_stars, "MANY", 200)
    table, flags, names = crowd(n)
    table |= {name: np.full(n, np.nan) for name in table if name.startswith(("log_age", "log_mass"))}
    assert f"no prediction ({n})" in texts(many_stars.crowd_figure(table, flags, names, background, "about"))


def test_names_are_no_mathematics(background):
    table, flags, _ = crowd(3)
    one = star()
    odd = diagram.Star("a_$b", one.log_teff, one.log_lum, one.answer, one.draws, one.flags)
    for figure in (
        one_star.star_figure(odd, background, "about"),
        many_stars.crowd_figure(table, flags, ["$", "$x_1", "$^"], background, "about"),
    ):
        figure.draw_without_rendering()


#: A letter of Linear B, which has no font on most machines, and one more.
RARE, RARER = "\N{LINEAR B SYLLABLE B008 A}", "\N{LINEAR B SYLLABLE B038 E}"


@pytest.fixture
def rare_font(tmp_path, monkeypatch):
    """A font that has one rare letter."""
    builder = FontBuilder(1000)
    pen = TTGlyphPen(None)
    for at, move in enumerate([(0, 0), (0, 700), (500, 700), (500, 0)]):
        (pen.lineTo if at else pen.moveTo)(move)
    pen.closePath()
    box = pen.glyph()
    builder.setupGlyphOrder([".notdef", "a"])
    builder.setupCharacterMap({ord(RARE): "a"})
    builder.setupGlyf({".notdef": box, "a": box})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "a": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Rare", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "rare.ttf")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    font_manager.fontManager.addfont(tmp_path / "rare.ttf")
    return "Rare"


NAMES = (
    "天狼星",
    "Сириус",
    "الشعرى",
    "シリウス",
    "α\tCMa",
    "a\u200bb",
    "🌟",
    "\N{LINEAR B SYLLABLE B061 O}",
    "\x07",
)


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_names_of_any_script_are_drawn_without_warnings(plot, table, background, recwarn, caplog, suffix):
    table.write_text("name,Teff,L\n" + "".join(f"{name},5000,0.5\n" for name in NAMES))
    plot(table, "--all", "-o", f"figure.{suffix}")
    name = " ".join(NAMES)
    drawn = one_star.star_figure(replace(star(), name=name), background, "about")
    style.save(drawn, [table.with_name(f"star.{suffix}")], name, False)
    assert [str(warning.message) for warning in recwarn] == []
    assert [record.message for record in caplog.records] == []


def test_a_font_that_has_the_letters_is_found(rare_font, background, recwarn, caplog):
    assert lettering.families(["HD 1"]) == [lettering.FAMILY]
    assert lettering.families(["HD 1", f"{RARE} Tau"]) == [lettering.FAMILY, rare_font]
    assert lettering.lettered(f"{RARE} Tau") == f"{RARE} Tau"
    assert lettering.lacking([f"{RARE} Tau"]) == ""
    drawn = one_star.star_figure(replace(star(), name=RARE), background, "about")
    drawn.draw_without_rendering()
    assert [*recwarn, *caplog.records] == []


def test_letters_that_no_font_has_are_said(rare_font, plot, table, blank):
    assert lettering.lettered(f"{RARE}{RARER}\t1") == f"{RARE}□ 1"
    table.write_text(f"name,Teff,L\n{RARER},5000,0.5\nb,5000,0.5\n")
    for what in (["--star", "1"], ["--all"]):
        assert f"drawn as □: {RARER}; install a font for LINEAR" in plot(table, *what)
    assert "□" not in plot(table, "--star", "b")


@pytest.mark.parametrize("figure", ["star", "crowd"])
def test_nothing_is_clipped(background, figure):
    drawn = (
        one_star.star_figure(star(flags={"two_modes": "x"}), background, "about")
        if figure == "star"
        else many_stars.crowd_figure(*crowd(300), background, "about")
    )
    style.save(drawn, [], "title", True)
    style.paper(drawn.draw_without_rendering)()
    page = drawn.bbox.padded(1)
    boxes = [panel.get_tightbbox() for panel in drawn.get_axes()] + [drawn.legends[0].get_window_extent()]
    for box in boxes:
        assert page.x0 <= box.x0
        assert page.y0 <= box.y0
        assert box.x1 <= page.x1
        assert box.y1 <= page.y1
    panels = [panel.get_window_extent() for panel in drawn.get_axes()]
    assert not any(one.overlaps(other) for one, other in combinations(panels, 2))


# --- Densities --------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.floats(-0.95, 0.95), st.floats(0.003, 3), st.floats(0.1, 1))
def test_density_keeps_weight_mean_and_covariance(correlation, scale, weight):
    covariance = np.array([[1, correlation * scale], [correlation * scale, scale**2]])
    x, y = np.random.default_rng(0).multivariate_normal([3, -2], covariance, 20_000).T
    one = one_star.density(x, y, weight)
    mass = one.value * one.cell
    assert mass.sum() == pytest.approx(weight)
    at = np.stack([one.x.ravel(), one.y.ravel()])
    assert np.average(at, axis=1, weights=mass.ravel()) == pytest.approx([3, -2], abs=0.05 * max(1, scale))
    found = np.cov(at, aweights=mass.ravel())
    assert np.sqrt(np.diag(found)) == pytest.approx([1, scale], rel=0.03)
    assert found[0, 1] / np.sqrt(found[0, 0] * found[1, 1]) == pytest.approx(correlation, abs=0.03)


def test_contours_hold_their_share():
    x, y = np.random.default_rng(1).normal(0, 1, (2, 200_000))
    one = one_star.density(x, y)
    for share, level in zip(one_star.CREDIBLE, one_star.thresholds([one]), strict=True):
        expected = np.exp(-chi2(2).ppf(share) / 2) / (2 * np.pi)
        assert level == pytest.approx(expected, rel=0.05)
        assert (one.value * one.cell)[one.value >= level].sum() == pytest.approx(share, abs=0.01)


def test_contours_hold_their_share_of_both_stages_together():
    random = np.random.default_rng(2)
    both = [
        one_star.density(*random.normal(mean, 1, (2, 50_000)), weight)
        for mean, weight in ((0, 0.9), (20, 0.1))
    ]
    inner, outer = one_star.thresholds(both)
    within = [
        sum((one.value * one.cell)[one.value >= level].sum() for one in both) for level in (inner, outer)
    ]
    assert within == pytest.approx(one_star.CREDIBLE, abs=0.01)
    # the lesser stage is within the outer contour alone
    assert both[1].value.max() < inner
    assert both[1].value.max() > outer


def test_draws_that_are_all_the_same():
    one = one_star.density(np.full(100, 2.0), np.full(100, 3.0))
    assert one.mode == pytest.approx((2, 3), abs=1e-3)
    assert np.isfinite(one.value).all()


@pytest.mark.parametrize(
    ("log_age", "text"),
    [
        (9.66, "4.57 Gyr"),
        (10, "10.0 Gyr"),
        (8.999999, "1000 Myr"),
        (6.5, "3.16 Myr"),
        (3.3, "2.00 kyr"),
        (2, "100 yr"),
    ],
)
def test_ages_in_words(log_age, text):
    assert one_star.years(log_age) == text


# --- The model `posterior` --------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", ["field", "log", "1e6,2e8"])
def test_a_prior_is_a_density(prior):
    grid = np.linspace(4.9, 10.3, 200_001)
    density = one_star.prior_density(AgePrior.parse(prior), grid)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("what", [["--star", "Sun"], ["--star", "negative"], ["--all"]])
def test_posteriors_are_drawn_with_their_prior(table, tmp_path, what):
    model = write_posterior_model(tmp_path)
    out = tmp_path / "figure.png"
    arguments = ["plot", str(table), *what, "-o", str(out), "--model", str(model), "--age-prior", "log"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "[Fe/H] not given: solar neighbourhood" in result.output
    assert out.read_bytes().startswith(b"\x89PNG")


def test_metallicities_of_the_table_are_used(tmp_path):
    (tmp_path / "in.csv").write_text(f"name,Teff,L,[Fe/H],e_[Fe/H]\nSun,{10 ** SUN[0]},1,0.1,0.05\n")
    listed, model = open_list(tmp_path / "in.csv"), stelnet.load(path=write_posterior_model(tmp_path))
    columns = Columns.found(listed, metallicities=True)
    one = content.star(model, listed, columns, 0, "Sun", Request())
    assert "feh_assumed" not in one.flags
    assert one.answer["feh_median"] == pytest.approx(0.1, abs=0.01)
    table, flags = content.everything(model, listed, columns, Request())
    assert not flags["feh_assumed"].any()
    assert table["feh_median"][0] == one.answer["feh_median"]


def test_prior_and_limits_are_in_the_panel_of_the_age(background):
    random = np.random.default_rng(1)
    draws = {"post": random.normal([9.5, 0.0], [0.3, 0.02], (4000, 2))}
    answer = {"p_pre": 0.0, "flags": "", "age_information": 0.2}
    for name, value, sd in (("log_age", 9.5, 0.3), ("log_mass", 0.0, 0.02)):
        for end, z in {"p2_5": -2, "p16": -1, "median": 0, "p84": 1, "p97_5": 2}.items():
            answer[f"{name}_{end}"] = value + z * sd
    answer |= {
        "log_age_data_lo68": 9.0,
        "log_age_data_hi68": 10.0,
        "log_age_data_lo95": 8.0,
        "log_age_data_hi95": 10.1,
    }
    one = diagram.Star("a star", (3.76, 0.01), (0, 0.02), answer, draws, {}, 0.15, AgePrior.parse("field"))
    figure = one_star.star_figure(one, background, "a model")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "prior of the age: field" in legend
    assert "ages that the data allow, 68 and 95 %" in legend
    age = figure.axes[-1]
    assert age.get_ylim()[0] < 8.0
    bars = [line.get_ydata() for line in age.lines if len(line.get_ydata()) == 2 and line.get_linewidth() > 3]
    assert [list(bar) for bar in bars] == [[9.0, 10.0]]
