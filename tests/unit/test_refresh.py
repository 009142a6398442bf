"""Tables of a run come into the pages (`make docs`)."""

import runpy

import pytest
from conftest import ROOT

TABLE1 = """**Fractions**

| variant   | model    | n  |
|-----------|----------|----|
| published | baseline | 12 |
| corrected | baseline | 11 |
| published | transfer | 12 |

A note.
"""
PAGE = "before\n\n<!-- {} -->\nold\n\nrows\n<!-- end -->\n\nafter\n"


@pytest.fixture(scope="module")
def refresh():
    return runpy.run_path(str(ROOT / "docs/refresh.py"))


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "table1.md").write_text(TABLE1)
    return tmp_path


def test_a_table_takes_the_place_of_the_old_one(refresh, tables):
    text = refresh["filled"](PAGE.format("table1"), tables, {})
    assert text == f"before\n\n<!-- table1 -->\n{TABLE1}<!-- end -->\n\nafter\n"
    assert refresh["filled"](text, tables, {}) == text


def test_a_text_of_a_name_takes_its_place(refresh, tables):
    text = refresh["filled"](PAGE.format("said"), tables, {"said": "10 stars"})
    assert text == "before\n\n<!-- said -->\n10 stars\n<!-- end -->\n\nafter\n"


def test_the_main_table_is_what_the_paper_prints(refresh, tables):
    text = refresh["filled"](PAGE.format("main"), tables, {})
    rows = "| model    | n  |\n|----------|----|\n| baseline | 12 |\n| transfer | 12 |"
    assert text == f"before\n\n<!-- main -->\n{rows}\n<!-- end -->\n\nafter\n"


def test_a_table_that_no_run_makes_is_an_error(refresh, tables):
    with pytest.raises(FileNotFoundError, match="nothing"):
        refresh["filled"](PAGE.format("nothing"), tables, {})


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_pages_keep_places_for_their_tables(refresh, page):
    assert refresh["PLACE"].search((ROOT / page).read_text(encoding="utf-8"))
