"""Predicted against reported ages and masses of the training samples (Figures 2 and 3)."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stelnet.errors import DataError
from stelnet.plotting import style


def coefficients(
    pearson: pd.DataFrame, models: Iterable[str], variant: str, stage: str
) -> dict[tuple[str, str], tuple[float, int]]:
    """Look up the Pearson coefficients of our own networks.

    Parameters
    ----------
    pearson
        The table with columns variant, stage, model, source, quantity, r, n.

    Returns
    -------
    (model, quantity) -> coefficient and number of stars.

    Raises
    ------
    DataError
        A coefficient is not in the table.
    """
    ours = pearson[pearson["source"] == "this_work"].set_index(["variant", "stage", "model", "quantity"])
    known = ours[["r", "n"]].to_dict("index")
    try:
        rows = {(m, q): known[variant, stage, m, q] for m in models for q in style.LABELS}
    except KeyError as error:
        raise DataError(f"table of Pearson coefficients: no row this_work, {error}; make the table again.")
    return {key: (float(row["r"]), int(row["n"])) for key, row in rows.items()}


def _sample(panel: Axes, residuals: Axes, stars: pd.DataFrame, quantity: str, look: style.Look) -> None:
    """Draw one sample in a panel and in the panel of its residuals."""
    reported, predicted = stars[f"log_{quantity}"], stars[f"log_{quantity}_mean"]
    for axes, y in ((panel, predicted), (residuals, predicted - reported)):
        style.stars(axes, reported, y, look)
        if len(stars) <= style.FEW:
            axes.errorbar(
                reported,
                y,
                xerr=stars[[f"e_log_{quantity}_lo", f"e_log_{quantity}_hi"]].T.to_numpy(),
                yerr=stars[f"log_{quantity}_sd"],
                fmt="none",
                ecolor="black",
                elinewidth=0.5,
                zorder=2.97,
            )


@style.paper
def figure(
    models: Mapping[str, pd.DataFrame],
    coefficients: Mapping[tuple[str, str], tuple[float, int]],
    labels: Mapping[str, str],
) -> Figure:
    """Draw age (left) and mass (right), a model a row, each over its residuals.

    Parameters
    ----------
    models
        Model -> its predictions for the stars of one stage.
    coefficients
        (model, quantity) -> Pearson coefficient and number of stars; see :func:`coefficients`.
    labels
        Name -> label of every catalogue; their order gives colours and markers. Those among the
        predictions are drawn.
    """
    models = {model: stars[stars["sample"].isin(labels)] for model, stars in models.items()}
    counts = next(iter(models.values()))["sample"].value_counts()
    shown = [name for name in labels if name in counts]
    looks = style.looks(labels)
    line: dict[str, Any] = {"color": "black", "linewidth": 0.8, "zorder": 2.95}
    figure = Figure(figsize=(style.DOUBLE, 3.6 * len(models)), layout="constrained")
    grid = figure.subplots(
        2 * len(models), len(style.LABELS), sharex="col", height_ratios=[5, 2] * len(models)
    )
    for row, (model, stars) in enumerate(models.items()):
        for column, (quantity, label) in enumerate(style.LABELS.items()):
            panel, residuals = grid[2 * row : 2 * row + 2, column]
            if row:
                panel.sharey(grid[0, column])
                residuals.sharey(grid[1, column])
            for name in shown:
                _sample(panel, residuals, stars[stars["sample"] == name], quantity, looks[name])
            middle = stars[f"log_{quantity}"].median()
            panel.axline((middle, middle), slope=1, **line)
            residuals.axhline(0, **line)
            r, n = coefficients[model, quantity]
            panel.annotate(model, (0.03, 0.96), xycoords="axes fraction", va="top", weight="bold")
            score = f"$r$ = {r:.3f}\n$n$ = {n}"
            panel.annotate(score, (0.97, 0.04), xycoords="axes fraction", ha="right", va="bottom")
            panel.set_ylabel(f"predicted {label}")
            residuals.set(xlabel=f"reported {label}", ylabel="residual (dex)")
            residuals.tick_params(labelbottom=True)
    figure.align_ylabels(grid)
    handles = [style.handle(f"{labels[name]} ({counts[name]})", looks[name]) for name in shown]
    handles.append(Line2D([], [], **line, label="1:1"))
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 5))
    return figure
