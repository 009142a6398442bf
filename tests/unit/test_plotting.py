"""What the figures show: units, the literature's values, the mark of simulated data, nothing clipped."""

import re
from functools import cache
from itertools import combinations

import figure_inputs as inputs
import numpy as np
import pytest
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from stelnet.errors import DataError
from stelnet.plotting import ages, clusters, comparison, hrd, style

MODELS = ("baseline", "transfer")
MARKERS = {look.marker for look in style.CYCLE}
SAMPLES = {name: inputs.stars(name, stage, n) for name, (_, stage, n) in inputs.CATALOGUES.items()}
UNITS = re.compile(r"/yr\)|/K\)|/M\$_\\odot\$\)|/L\$_\\odot\$\)|\(dex\)|^number of stars$")


def draw(name: str, labels: dict[str, str] = inputs.LABELS) -> Figure:
    """Draw a figure from the made-up tables."""
    stage = {"2": "post", "3": "pre", "5": "post", "6": "pre"}.get(name)
    models = {model: inputs.predicted(stage, model) for model in MODELS if stage}
    if name == "1":
        return hrd.figure(SAMPLES, labels, inputs.tracks(), inputs.ZAMS_EEP)
    if name in "23":
        coefficients = comparison.coefficients(inputs.pearson(), models, "published", stage)
        return comparison.figure(models, coefficients, labels)
    if name == "4":
        members = {label: inputs.stars(key, s, n) for key, (label, s, n) in inputs.CLUSTERS.items()}
        return clusters.zams_figure(members, inputs.zams())
    if name in "56":
        key = {"5": "Old", "6": "Fresh"}[name]
        members = {model: stars[stars["sample"] == key] for model, stars in models.items()}
        return clusters.predictions_figure(members, inputs.CLUSTERS[key][0])
    young = {name: stars for name, stars in SAMPLES.items() if (stars["stage"] == "pre").all()}
    return ages.figure(young, labels)


@cache
def laid_out(name: str, simulated: bool) -> Figure:
    """Draw a figure and put everything in its final place, as when it is saved."""
    figure = draw(name)
    style.save(figure, [], "title", simulated)
    style.paper(figure.draw_without_rendering)()
    return figure


def tick_labels(axis: Axis) -> list[Text]:
    """The tick labels of an axis that are seen."""
    low, high = sorted(axis.get_view_interval())
    labels = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [label for label in labels if label.get_visible() and label.get_text()]


figures = pytest.mark.parametrize("name", list("1234567"))


@figures
def test_axes_are_labelled_with_units(name):
    figure = draw(name)
    axes = figure.get_axes()
    assert any(panel.get_xlabel() for panel in axes)
    assert any(panel.get_ylabel() for panel in axes)
    for label in (text for panel in axes for text in (panel.get_xlabel(), panel.get_ylabel()) if text):
        assert UNITS.search(label), label


@figures
@pytest.mark.parametrize("simulated", [True, False])
def test_only_figures_of_simulated_data_carry_the_mark(name, simulated):
    figure = laid_out(name, simulated)
    marks = [text for text in figure.texts if text.get_text() == "simulated"]
    assert len(marks) == simulated
    for mark in marks:
        box = mark.get_window_extent().transformed(figure.transFigure.inverted())
        assert box.x0 > 0.5
        assert box.y1 < 0.1
        assert box.x1 <= 1
        assert box.y0 >= 0
        for panel in figure.get_axes():
            assert not mark.get_window_extent().overlaps(panel.get_tightbbox()), "the mark hides a panel"


@figures
@pytest.mark.parametrize("simulated", [True, False])
def test_no_text_is_clipped_and_no_label_lies_on_another(name, simulated):
    figure = laid_out(name, simulated)
    page = Bbox([(-1, -1), (figure.bbox.x1 + 1, figure.bbox.y1 + 1)])
    panels = figure.get_axes()
    assert {float(panel.get_window_extent().width) > 100 for panel in panels} == {True}
    axes = [axis for panel in panels for axis in (panel.xaxis, panel.yaxis)]
    labels = [text for axis in axes for text in (axis.label, *tick_labels(axis)) if text.get_text()]
    boxes = [text.get_window_extent() for text in (*labels, *figure.texts)]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for box in boxes + [text.get_window_extent() for panel in panels for text in panel.texts]:
        assert page.containsx(box.x0)
        assert page.containsx(box.x1)
        assert page.containsy(box.y0)
        assert page.containsy(box.y1)


@pytest.mark.parametrize("name", ["2", "3", "4", "5", "6"])
def test_legend_covers_no_panel(name):
    figure = laid_out(name, False)
    (legend,) = figure.legends
    for panel in figure.get_axes():
        assert not legend.get_window_extent().overlaps(panel.get_window_extent())


@pytest.mark.parametrize(("name", "cluster"), [("5", "Old"), ("6", "Fresh")])
def test_literature_age_and_its_bounds_are_drawn(name, cluster):
    figure = draw(name)
    age, low, high = inputs.LITERATURE[cluster]
    panel = figure.get_axes()[0]
    (line,) = [line for line in panel.lines if to_hex(line.get_color()) == style.LITERATURE.lower()]
    assert list(line.get_xdata()) == [age, age]
    (band,) = [patch for patch in panel.patches if to_hex(patch.get_facecolor()) == style.LITERATURE.lower()]
    assert band.get_x() == pytest.approx(age - low)
    assert band.get_x() + band.get_width() == pytest.approx(age + high)
    (legend,) = figure.legends
    label, n = inputs.CLUSTERS[cluster][0], inputs.CLUSTERS[cluster][2]
    assert legend.get_title().get_text() == f"{label}, {n} stars"
    assert f"literature, {age:.3f}" in " ".join(text.get_text() for text in legend.get_texts())


@pytest.mark.parametrize("name", ["2", "3"])
def test_comparison_shows_models_quantities_and_coefficients(name):
    figure = draw(name)
    stage = {"2": "post", "3": "pre"}[name]
    panels = figure.get_axes()
    assert len(panels) == 8
    expected = comparison.coefficients(inputs.pearson(), MODELS, "published", stage)
    for row, model in enumerate(MODELS):
        for column, quantity in enumerate(("age", "mass")):
            panel, residuals = panels[4 * row + column], panels[4 * row + 2 + column]
            r, n = expected[model, quantity]
            texts = [text.get_text() for text in panel.texts]
            assert texts == [model, f"$r$ = {r:.3f}\n$n$ = {n}"]
            predictions = inputs.predicted(stage, model)
            shown = predictions[predictions["sample"].isin(inputs.CATALOGUES)]
            stars = [line for line in panel.lines if line.get_marker() in MARKERS]
            drawn = np.concatenate([np.column_stack(line.get_data()) for line in stars])
            reported, mean = shown[f"log_{quantity}"], shown[f"log_{quantity}_mean"]
            assert sorted(map(tuple, drawn)) == sorted(zip(reported, mean, strict=True)), (
                "clusters are not drawn"
            )
            below = [line for line in residuals.lines if line.get_marker() in MARKERS]
            drawn = np.concatenate([np.column_stack(line.get_data()) for line in below])
            assert sorted(drawn[:, 1]) == pytest.approx(sorted(mean - reported))
            (diagonal,) = [line for line in panel.lines if hasattr(line, "get_slope")]
            assert diagonal.get_slope() == 1
            assert diagonal.get_xy1()[0] == diagonal.get_xy1()[1]
    # the same scales for both models, so that they can be compared
    for first, second in zip(panels[:4], panels[4:], strict=True):
        assert first.get_xlim() == second.get_xlim()
        assert first.get_ylim() == second.get_ylim()


def test_coefficients_are_ours_of_the_variant_and_stage():
    found = comparison.coefficients(inputs.pearson(), MODELS, "corrected", "pre")
    rows = inputs.pearson().query("variant == 'corrected' and stage == 'pre' and source == 'this_work'")
    assert found == {
        (model, quantity): (r, n)
        for model, quantity, r, n in rows[["model", "quantity", "r", "n"]].itertuples(index=False)
    }


def test_missing_coefficient_is_named():
    table = inputs.pearson().query("model != 'transfer' or source != 'this_work'")
    with pytest.raises(DataError, match=r"'published', 'pre', 'transfer', 'age'"):
        comparison.coefficients(table, MODELS, "published", "pre")


def test_small_samples_lie_on_top_in_whatever_order_they_come():
    for labels in (inputs.LABELS, dict(reversed(inputs.LABELS.items()))):
        panel = draw("2", labels).get_axes()[0]
        depth = {
            len(line.get_xdata()): line.get_zorder() for line in panel.lines if len(line.get_xdata()) > 2
        }
        (diagonal,) = [line for line in panel.lines if hasattr(line, "get_slope")]
        assert depth[400] < diagonal.get_zorder() < depth[12]


def test_a_further_catalogue_shows_up_and_changes_no_other_look():
    labels = inputs.LABELS | {"New": "A new one"}
    before, after = style.looks(inputs.LABELS), style.looks(labels)
    assert before.items() <= after.items()
    assert after["New"] not in before.values()
    predictions = inputs.predicted("post", "baseline")
    predictions.loc[:5, "sample"] = "New"
    coefficients = {("baseline", "age"): (1.0, 1), ("baseline", "mass"): (1.0, 1)}
    figure = comparison.figure({"baseline": predictions}, coefficients, labels)
    assert "A new one (6)" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_looks_differ_in_colour_and_all_but_one_in_marker():
    assert len({look.colour for look in style.CYCLE}) == len(style.CYCLE)
    for one, other in combinations(style.CYCLE, 2):
        assert one.colour != other.colour or one.marker != other.marker
    assert style.MODELS["baseline"].marker != style.MODELS["transfer"].marker


def test_hrd_has_hot_stars_on_the_left_and_names_its_samples():
    figure = draw("1")
    for panel, stage in zip(figure.get_axes(), ("post", "pre"), strict=True):
        left, right = panel.get_xlim()
        assert left > right
        names = [text.get_text() for text in panel.get_legend().get_texts()]
        expected = [f"{label} ({n})" for label, s, n in inputs.CATALOGUES.values() if s == stage]
        assert names[:2] == expected
        # labelled tracks start at the ZAMS, within the panel
        assert len(panel.texts) >= 2
        masses = inputs.tracks().query("eep == @inputs.ZAMS_EEP").set_index("initial_mass")
        for text in panel.texts:
            start = masses.loc[float(text.get_text())]
            assert text.xy == (start["log_teff"], start["log_lum"])


def test_zams_age_crosses_the_whole_panel_of_the_clusters():
    (panel,) = draw("4").get_axes()
    (line,) = [line for line in panel.lines if line.get_label() == "ZAMS age"]
    low, high = panel.get_xlim()
    mass, age = line.get_data()
    assert min(mass) <= low
    assert max(mass) >= high
    assert age == pytest.approx(8 - 2 * np.asarray(mass))
    for (label, _, n), stars in zip(inputs.CLUSTERS.values(), panel.lines, strict=False):
        assert stars.get_label() == f"{label} ({n})"
        assert len(stars.get_xdata()) == n


def test_individual_ages_are_all_counted_and_their_range_told():
    for panel, (name, stage, n) in zip(
        draw("7").get_axes(), [c for c in inputs.CATALOGUES.values() if c[1] == "pre"], strict=True
    ):
        assert sum(patch.get_height() for patch in panel.patches) == n
        stars = inputs.stars(name, stage, n)["log_age"]
        assert panel.texts[0].get_text() == f"{name}, $n$ = {n}\nrange {stars.min():.2f} to {stars.max():.2f}"
