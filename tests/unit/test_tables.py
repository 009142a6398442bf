"""Tables for readers, and the paper's printed numbers."""

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT

from stelnet.evaluation import tables

PRINTED = ROOT / "resources/published.yaml"
ROWS = pd.DataFrame(
    [
        ("published", "GR", "this_work", "mass", 1.0, 340),
        ("published", "GR", "this_work", "age", 0.95, 340),
        ("published", "GR", "paper", "age", 0.938, np.nan),
        ("corrected", "D&H_2", "this_work", "age", np.nan, 3),
    ],
    columns=["variant", "sample", "source", "quantity", "fraction", "n"],
)


def wide() -> pd.DataFrame:
    text = tables.as_text(ROWS, {"fraction": 3})
    return tables.side_by_side(text, ["variant", "sample"], ["quantity", "source"], ["fraction"])


def test_sources_stand_side_by_side_in_the_order_of_readers():
    shown = wide()
    assert list(shown) == ["variant", "sample", "age, paper", "age, this work", "mass, this work"]
    assert shown.to_numpy().tolist() == [
        ["published", "GR", "0.938", "0.950", "1.000"],
        ["corrected", "D&H_2", "–", "–", "–"],
    ]


def test_several_values_are_named():
    text = ROWS.query("source == 'this_work' and variant == 'published'").astype(str)
    shown = tables.side_by_side(text, ["sample"], ["quantity"], ["fraction", "n"])
    assert list(shown) == ["sample", "age, fraction", "age, n", "mass, fraction", "mass, n"]


def test_counts_leave_out_the_unknown_and_tell_where_they_differ():
    rows = ROWS.assign(n=[340, 339, np.nan, 3])
    assert tables.count_text(rows, ["variant", "sample"]).tolist() == ["340/339"] * 3 + ["3"]


def test_markdown_keeps_digits_and_notes():
    text = tables.markdown(wide(), "Caption", ["First note.", "Second note."])
    assert text.startswith("**Caption**\n\n| variant ")
    assert "| 0.950 " in text
    assert text.endswith("\n\nFirst note.\n\nSecond note.\n")


def test_latex_is_escaped_and_balanced():
    text = tables.latex(wide(), "100% of D&H", ["a_b"])
    assert r"\caption{100\% of D\&H. a\_b}" in text
    assert r"D\&H\_2" in text
    assert "0.950" in text
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1


def test_write_makes_three_files(tmp_path):
    tables.write(ROWS, tmp_path / "t.csv", wide(), "Caption", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.md", "t.tex"]
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), ROWS)


def test_printed_numbers_are_those_of_the_paper():
    table1 = tables.paper_rows(PRINTED, "table1")
    assert list(table1) == ["variant", "model", "source", "sample", "quantity", "fraction", "n"]
    cells = table1.set_index(["model", "sample", "quantity"]).fraction
    assert cells["baseline", "FGK", "mass"] == 0.333
    assert cells["transfer", "GR", "age"] == 0.938
    assert len(cells) == 12
    pearson = tables.paper_rows(PRINTED, "pearson")
    assert list(pearson) == ["variant", "stage", "model", "source", "quantity", "r", "n"]
    assert pearson.set_index(["model", "stage", "quantity"]).r["baseline", "pre", "age"] == 0.945
    assert len(pearson) == 8


def test_every_printed_number_says_where_it_stands():
    content = yaml.safe_load(PRINTED.read_text())
    clusters = [block for name, block in content["clusters"].items() if name != "what"]
    assert all(block["where"] for block in (content["table1"], content["pearson"], *clusters))


def test_spread_over_seeds_beside_the_paper():
    values = {
        ("FGK", "age", "fraction"): [0.9166, 0.75, 1.0],
        ("pre", "mass", "r"): [0.98] * 3,
        ("X", "age", "r"): [0.1] * 3,
    }
    rows = pd.DataFrame(
        [(seed, *key, value) for key, series in values.items() for seed, value in enumerate(series)],
        columns=["seed", "sample", "quantity", "metric", "value"],
    )
    shown = tables.spread(rows, tables.paper_transfer_scores(PRINTED)).set_index("sample")
    assert shown.loc["FGK"].tolist() == ["age", "fraction", "0.917", "0.889", "0.127", "0.750", "1.000", "2"]
    assert shown.loc["pre"].tolist() == ["mass", "r", "0.983", "0.980", "0.000", "0.980", "0.980", "0"]
    assert shown.loc["X", ["paper", "reached"]].tolist() == ["–", "–"]
    assert list(tables.spread(rows, None)) == ["sample", "quantity", "metric", "mean", "sd", "min", "max"]


@pytest.mark.parametrize("variant", ["table1", "pearson"])
def test_paper_rows_are_of_the_published_variant(variant):
    assert set(tables.paper_rows(PRINTED, variant)["variant"]) == {"published"}
