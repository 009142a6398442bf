"""The tables as readers see them, in Markdown and LaTeX, and the paper's printed numbers beside ours."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd
import yaml
from tabulate import tabulate

from stelnet.files import write_text
from stelnet.io import write_csv
from stelnet.terms import MISSING

#: Keys of the CSV files, in the order in which readers see them, and what they are called there.
WORDS = {
    "age": "age",
    "mass": "mass",
    "paper": "paper",
    "published_networks": "published networks",
    "this_work": "this work",
    "interpolation": "interpolation",
}
#: Columns of the CSV files that hold the paper's numbers too.
TABLE1_COLUMNS = ("variant", "model", "source", "sample", "quantity", "fraction", "n")
PEARSON_COLUMNS = ("variant", "stage", "model", "source", "quantity", "r", "n")

#: Decimals that the paper prints.
DECIMALS = 3

IN_SAMPLE = (
    "In-sample: the stars drawn to train the transfer networks are among those scored, as in the paper."
)


def notes(config: Mapping[str, Any]) -> list[str]:
    """Return what stands below every table: which networks are left out, and whether the sky is simulated."""
    published = config["evaluation"]["published_networks"]
    return [
        *["The published networks are left out (evaluation.published_networks is false)."] * (not published),
        *["Simulated sky: no number here is about real stars."] * config["simulated"],
    ]


def paper_rows(path: str | Path, table: str) -> pd.DataFrame:
    """Return the paper's numbers in the rows of table1.csv or pearson.csv; the paper prints no n beside them.

    Parameters
    ----------
    path
        resources/published.yaml.
    table
        ``table1`` or ``pearson``.
    """
    with open(path, encoding="utf-8") as file:
        printed: Mapping[str, Any] = yaml.safe_load(file)[table]
    of, value, columns = {
        "table1": ("sample", "fraction", TABLE1_COLUMNS),
        "pearson": ("stage", "r", PEARSON_COLUMNS),
    }[table]
    rows = [
        {"model": model, of: name, "quantity": quantity, value: float(number)}
        for model in ("baseline", "transfer")
        for name, numbers in printed[model].items()
        for quantity, number in numbers.items()
    ]
    numbers = pd.DataFrame(rows).assign(variant="published", source="paper")
    numbers["n"] = pd.NA
    return numbers[list(columns)]


def paper_transfer_scores(path: str | Path) -> pd.DataFrame:
    """Return the paper's numbers of the transfer networks in the form of ``evaluation.scores``."""
    fractions = paper_rows(path, "table1").assign(metric="fraction").rename(columns={"fraction": "value"})
    coefficients = (
        paper_rows(path, "pearson").assign(metric="r").rename(columns={"stage": "sample", "r": "value"})
    )
    rows = pd.concat([fractions, coefficients], ignore_index=True)
    return rows.loc[rows["model"] == "transfer", ["sample", "quantity", "metric", "value"]]


def spread(rows: pd.DataFrame, paper: pd.DataFrame | None) -> pd.DataFrame:
    """Return mean, standard deviation (ddof 1), minimum and maximum over seeds of each score, as text.

    With the paper's numbers beside them, ``reached`` counts the seeds that come up to these when rounded to
    the printed decimals.

    Parameters
    ----------
    rows
        Columns seed, sample, quantity, metric, value.
    paper
        Table of :func:`paper_transfer_scores`, or None.
    """
    keys = ["sample", "quantity", "metric"]
    grouped = rows.groupby(keys, sort=False)["value"]
    table = grouped.agg(mean="mean", sd="std", min="min", max="max").reset_index()
    shown = as_text(table, dict.fromkeys(["mean", "sd", "min", "max"], DECIMALS))
    if paper is not None:
        printed = table[keys].merge(paper, how="left", on=keys)["value"]
        shown.insert(len(keys), "paper", as_text(printed.to_frame("paper"), {"paper": DECIMALS})["paper"])
        pairs = rows.merge(paper, on=keys, suffixes=("", "_paper"))
        pairs["reached"] = pairs["value"].round(DECIMALS) >= pairs["value_paper"]
        reached = pairs.groupby(keys)["reached"].sum().reindex(pd.MultiIndex.from_frame(table[keys]))
        shown["reached"] = as_text(reached.to_frame(), {"reached": 0})["reached"].to_numpy()
    return shown


def count_text(rows: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """Return the number of stars behind the rows that share `keys`: text, two where quantities differ."""
    return rows.groupby(list(keys))["n"].transform(
        lambda n: "/".join(f"{k:.0f}" for k in n.dropna().unique())
    )


def as_text(table: pd.DataFrame, decimals: Mapping[str, int]) -> pd.DataFrame:
    """Return the table with the numbers of some columns as text of so many decimals, a dash where unknown."""
    shown = table.copy()
    for column, places in decimals.items():
        shown[column] = [MISSING if pd.isna(value) else f"{value:.{places}f}" for value in table[column]]
    return shown


def side_by_side(
    table: pd.DataFrame, index: Sequence[str], across: Sequence[str], values: Sequence[str]
) -> pd.DataFrame:
    """Return one row for each combination of the `index` columns, in their order of appearance.

    Each combination of the `across` columns, which hold keys of :data:`WORDS`, becomes a column for each of
    the `values` (text already); combinations that `table` lacks get a dash.
    """
    order = list(WORDS)
    wide = table.pivot_table(
        index=list(index), columns=list(across), values=list(values), aggfunc="first", sort=False
    )
    keys = sorted(
        cast("list[tuple[str, ...]]", list(wide.columns)),
        key=lambda key: ([order.index(name) for name in key[1:]], values.index(key[0])),
    )
    wide = wide[keys]
    wide.columns = [
        ", ".join([WORDS[name] for name in key[1:]] + [key[0]] * (len(values) > 1)) for key in keys
    ]
    return wide.fillna(MISSING).reset_index()


def markdown_text(text: str) -> str:
    """Return text that Markdown shows as it is: no mark-up, HTML, link, or end of a cell."""
    # an underscore within a word is one
    return re.sub(r"([\\`*~\[\]<>|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", text)


def markdown(shown: pd.DataFrame, caption: str, notes: Sequence[str]) -> str:
    """Return a Markdown table, its caption above and its notes below; every cell as it is, but escaped."""
    cells = shown.astype(str).map(markdown_text)
    body = tabulate(cells.to_dict("list"), headers="keys", tablefmt="github", disable_numparse=True)
    return "\n\n".join([f"**{caption}**", body, *notes]) + "\n"


def latex(shown: pd.DataFrame, caption: str, notes: Sequence[str]) -> str:
    """Return a LaTeX table environment for the booktabs package; every cell as it is, but escaped."""
    body = tabulate(
        shown.astype(str).to_dict("list"), headers="keys", tablefmt="latex_booktabs", disable_numparse=True
    )
    escape = str.maketrans({character: f"\\{character}" for character in "&%_#$"})
    text = " ".join([f"{caption}.", *notes]).translate(escape)
    return f"\\begin{{table}}\n\\centering\n\\caption{{{text}}}\n{body}\n\\end{{table}}\n"


def write(
    table: pd.DataFrame, path: str | Path, shown: pd.DataFrame, caption: str, notes: Sequence[str]
) -> None:
    """Write `table` to the CSV file `path`, and `shown` with caption and notes to .md and .tex beside it."""
    path = Path(path)
    write_csv(table, path)
    write_text(markdown(shown, caption, notes), path.with_suffix(".md"))
    write_text(latex(shown, caption, notes), path.with_suffix(".tex"))
