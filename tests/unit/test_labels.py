"""Labels are the user's text: whatever they hold, pages, tables and figures show it as it is."""

import html
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from test_configuration import DATASETS, changed

from stelnet import configuration
from stelnet.audit import page
from stelnet.errors import ConfigError
from stelnet.evaluation import tables
from stelnet.files import ROOT
from stelnet.plotting import clusters

HOSTILE = [
    "`click <javascript:alert(1)>`_",
    "javascript:alert(1)",
    "http://example.org/x.png",
    ".. image:: http://example.org/x.png",
    "|version|",
    "a | b",
    "<b>bold</b><script>alert(1)</script>",
    "*a* **b** ``c`` :sup:`d` [e](javascript:f) ![g](http://h)",
    "a_ b__ _c [1]_ \\",
    "$\\frac$ 100 % & ~ ^ #",
    "{{ 7 * 7 }} {% raw %}",
]


@pytest.mark.parametrize("label", HOSTILE)
def test_caption_of_the_page_shows_it(label):
    job = {
        "script": {"path": "workflow/scripts/figure_of_cluster.py"},
        "params": {"cluster": "X", "variant": "published"},
        "wildcards": {},
    }
    config = {
        "clusters": {"X": {"label": label, "adapter": "wright_bossini"}},
        "training": {"bootstraps": 4},
        "simulated": False,
    }
    shown = page._caption(SimpleNamespace(root=ROOT, configuration=lambda job: config), job)
    assert html.escape(label, quote=False) in html.unescape(shown).replace("&", "&amp;").replace(
        "<", "&lt;"
    ).replace(">", "&gt;")
    for tag in ("<a", "<img", "<b>", "<script", "<em", "<strong", "<sup", "<tt"):
        assert tag not in shown


@pytest.mark.parametrize("label", HOSTILE)
def test_markdown_table_shows_it(label):
    text = tables.markdown(pd.DataFrame({"catalogue": [label], "n": [3]}), "Caption", [])
    shown = MarkdownIt().enable("table").render(text)
    assert f"<td>{html.escape(label)}</td>\n<td>3</td>" in shown


@pytest.mark.parametrize("label", HOSTILE)
def test_figure_shows_it(label, tmp_path):
    members = pd.DataFrame({"log_mass": [-0.1, 0.1], "log_age": [8.0, 8.0]})
    zams = pd.DataFrame({"initial_mass": np.geomspace(0.5, 2, 5), "log_age_zams": np.linspace(8, 7, 5)})
    clusters.zams_figure({label: members}, zams).savefig(tmp_path / "figure.png")


@pytest.mark.parametrize("label", ["a\nb", "a\tb", "\x1b[2J", "a\u2028b", "\u202eabc", " ", "\x00"])
def test_label_of_control_characters_is_refused(label):
    with pytest.raises(ConfigError, match=r"catalogues\.DH\.label: .* (is not one|holds control)") as told:
        configuration.check(changed("catalogues.DH.label", label), DATASETS)
    assert str(told.value).isprintable()


def test_label_of_two_samples_is_refused():
    config = changed("catalogues.DH.label", "Praesepe")
    config["clusters"]["Praesepe"]["label"] = "Praesepe"
    with pytest.raises(ConfigError, match=r"'Praesepe' is catalogues\.DH\.label too"):
        configuration.check(config, DATASETS)


def test_card_shows_labels_as_they_are():
    from stelnet.cards import card

    content = json.loads((ROOT / "resources/pretrained/models.json").read_text())
    name = next(iter(content["samples"]))
    content["samples"][name]["label"] = "<b>|"
    assert "\\<b\\>\\|" in card.markdown(content)
    assert content["samples"][name]["label"] == "<b>|"
