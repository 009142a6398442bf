"""How far posteriors can be trusted: reliability, ranks, coverage on the H-R diagram, exact and network."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from scipy.stats import binom

from stelnet.plotting import style

#: Method -> how it is drawn, in the order of legends.
METHODS = {
    "exact": style.Look("#000000", "o"),
    "posterior": style.Look("#0072B2", "s"),
    "posterior+correction": style.Look("#56B4E9", "D"),
    "transfer": style.Look("#E69F00", "^"),
    "published transfer": style.Look("#D55E00", "v"),
}
#: Method -> what readers see.
NAMES = {
    "exact": "exact posterior",
    "posterior": "posterior network",
    "posterior+correction": "with correction",
    "transfer": "transfer networks",
    "published transfer": "published transfer (in sample)",
}
#: Pairs of columns that hold a central interval, and its probability.
INTERVALS = (("q025", "q975", 0.95), ("q16", "q84", 0.68))
#: Protocol that is drawn of methods that learn from stars.
PROTOCOL = "5_fold"
#: Label of the axes of the H-R diagram.
TEFF, LUM = r"log($T_\mathrm{eff}$/K)", r"log($L$/L$_\odot$)"
#: Bins of the H-R diagram [dex], and the fewest stars of one that is drawn.
BIN, FEWEST = (0.02, 0.15), 4
#: Ticks of shares, whose labels do not meet those of the next panel.
TICKS = (0.2, 0.4, 0.6, 0.8)
#: Bins of rank histograms.
RANK_BINS = 16
QUANTITIES = {"log_age": "age", "log_mass": "mass", "feh": "[Fe/H]"}


def position(rows: pd.DataFrame) -> np.ndarray:
    """Return where labels are in their posteriors (n,): the probability below, linear between quantiles."""
    levels = np.array([0.025, 0.16, 0.5, 0.84, 0.975])
    quantiles = rows[["q025", "q16", "q50", "q84", "q975"]].to_numpy(float)
    label = rows["label"].to_numpy(float)
    found = np.full(len(rows), np.nan)
    for i, (value, of_row) in enumerate(zip(label, quantiles, strict=True)):
        if np.isfinite(value) and np.isfinite(of_row).all():
            found[i] = np.interp(value, of_row, levels, left=0.0, right=1.0)
    return found


def _taught(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    protocol = {"published transfer": "in_sample", "exact": "unseen", "posterior": "unseen"}
    variant = "solar-given-none" if "transfer" in method else "labels-given-field"
    chosen = (rows["method"] == method) & (rows["variant"] == variant)
    return rows[chosen & (rows["protocol"] == protocol.get(method, PROTOCOL))]


@style.paper
def reliability(forecasts: pd.DataFrame, catalogues: Sequence[str]) -> Figure:
    """Draw the share of labels within central intervals against what it should be, a stage a row.

    Parameters
    ----------
    forecasts
        Tables of :func:`stelnet.evaluation.heldout.as_rows`.
    catalogues
        Whose stars are drawn.
    """
    rows = forecasts[forecasts["catalogue"].isin(catalogues)]
    stages = [stage for stage in ("post", "pre") if (rows["stage"] == stage).any()]
    figure = Figure(figsize=(style.DOUBLE, 3.1 * len(stages)), layout="constrained")
    grid = figure.subplots(len(stages), 2, squeeze=False, sharex=True, sharey=True)
    share = np.linspace(0.05, 0.95, 19)
    for line, stage in zip(grid, stages, strict=True):
        for axes, quantity in zip(line, ("age", "mass"), strict=True):
            axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8)
            of = rows[(rows["stage"] == stage) & (rows["quantity"] == quantity)]
            for method, look in METHODS.items():
                at = position(_taught(of, method))
                at = at[np.isfinite(at)]
                if not len(at):
                    continue
                within = [(np.abs(at - 0.5) <= half / 2).mean() for half in share]
                axes.plot(share, within, color=look.colour, marker=look.marker, markersize=2.8, linewidth=0.8)
            axes.annotate(f"{quantity}, {stage}-ZAMS", (0.04, 0.95), xycoords="axes fraction", va="top")
            axes.set(xlim=(0, 1), ylim=(0, 1), xticks=TICKS, yticks=TICKS)
        line[0].set_ylabel("share of labels within")
    for axes in grid[-1]:
        axes.set_xlabel("probability of the central interval")
    present = [method for method in METHODS if (rows["method"] == method).any()]
    handles = [
        Line2D([], [], color=METHODS[m].colour, marker=METHODS[m].marker, markersize=3.5, label=NAMES[m])
        for m in present
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 3))
    return figure


@style.paper
def ranks(table: pd.DataFrame) -> Figure:
    """Draw histograms of ranks, a method a row, with the band that holds 99 % of even ranks' bins.

    Parameters
    ----------
    table
        Columns method, and of each quantity ranks in (0, 1).
    """
    methods = [method for method in METHODS if (table["method"] == method).any()]
    figure = Figure(figsize=(style.DOUBLE, 1.9 * len(methods)), layout="constrained")
    grid = figure.subplots(len(methods), len(QUANTITIES), squeeze=False, sharex=True, sharey="row")
    edges = np.linspace(0, 1, RANK_BINS + 1)
    for line, method in zip(grid, methods, strict=True):
        rows = table[table["method"] == method]
        for axes, (column, quantity) in zip(line, QUANTITIES.items(), strict=True):
            values = rows[column].dropna().to_numpy()
            expected = len(values) / RANK_BINS
            low, high = (binom.ppf(level, len(values), 1 / RANK_BINS) / expected for level in (0.005, 0.995))
            axes.axhspan(low, high, color="0.88", linewidth=0)
            axes.axhline(1, color=style.GREY, linewidth=0.8)
            axes.stairs(
                np.histogram(values, edges)[0] / expected, edges, color=METHODS[method].colour, linewidth=1.0
            )
            axes.annotate(quantity, (0.04, 0.94), xycoords="axes fraction", va="top")
            axes.set(xlim=(0, 1), ylim=(0.5, 1.5), xticks=TICKS)
        line[0].set_ylabel(f"{NAMES[method]}\nstars / even number")
    for axes in grid[-1]:
        axes.set_xlabel("rank of the true value")
    return figure


@style.paper
def coverage(forecasts: pd.DataFrame, catalogues: Sequence[str], method: str = "posterior") -> Figure:
    """Draw on the H-R diagram how many labels the 68 % interval of age covers, and what data say of age.

    Parameters
    ----------
    forecasts, catalogues
        As for :func:`reliability`.
    method
        Whose posteriors.
    """
    rows = forecasts[forecasts["catalogue"].isin(catalogues) & (forecasts["quantity"] == "age")]
    rows = _taught(rows, method)
    inside = (rows["q16"] <= rows["label"]) & (rows["label"] <= rows["q84"])
    rows = rows.assign(inside=inside.astype(float))
    figure = Figure(figsize=(style.DOUBLE, 3.2), layout="constrained")
    panels = {
        "inside": ("labels within the 68 % interval of age", "RdYlBu", (0, 1)),
        "information": ("what the data say of age [nats]", "cividis", (0, 8)),
    }
    for axes, (column, (label, colours, limits)) in zip(
        figure.subplots(1, 2, sharex=True, sharey=True), panels.items(), strict=True
    ):
        cells = _cells(rows, column)
        points = axes.scatter(
            cells["x"],
            cells["y"],
            c=cells["value"],
            s=4 + 26 * np.minimum(cells["n"] / 30, 1),
            cmap=colours,
            vmin=limits[0],
            vmax=limits[1],
            marker="s",
            edgecolors="black",
            linewidths=0.3,
        )
        bar = figure.colorbar(points, ax=axes, location="top", label=label, aspect=30, shrink=0.9)
        bar.ax.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(TEFF)
    axes.invert_xaxis()
    figure.axes[0].set_ylabel(LUM)
    return figure


def _cells(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return middles x, y of the cells of the H-R diagram, mean value and number of their stars."""
    rows = rows.dropna(subset=[column])
    cells = rows.groupby(
        [np.floor(rows["log_teff"] / BIN[0]), np.floor(rows["log_lum"] / BIN[1])], sort=True
    )[column].agg(["mean", "size"])
    cells = cells[cells["size"] >= FEWEST]
    x, y = (np.asarray(cells.index.get_level_values(i), float) for i in (0, 1))
    return pd.DataFrame(
        {
            "x": (x + 0.5) * BIN[0],
            "y": (y + 0.5) * BIN[1],
            "value": cells["mean"].to_numpy(),
            "n": cells["size"].to_numpy(),
        }
    )


@style.paper
def agreement(pairs: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw medians of the network against those of the exact posterior, and the probabilities of the stage.

    Parameters
    ----------
    pairs
        Table of :func:`stelnet.evaluation.calibration.agreement`.
    labels
        Catalogue -> its label; their order gives colours and markers.
    """
    panels = {
        "log_age": style.LABELS["age"],
        "log_mass": style.LABELS["mass"],
        "p_pre": "probability of pre-ZAMS",
    }
    figure = Figure(figsize=(style.DOUBLE, 2.7), layout="constrained")
    looks = style.looks(labels)
    for axes, (column, label) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for name, stars in pairs.groupby("catalogue", sort=False):
            style.stars(axes, stars[f"{column}_exact"], stars[f"{column}_network"], looks[str(name)])
        _identity(axes)
        if f"{column}_w1" in pairs:
            text = f"mean distance\n{pairs[f'{column}_w1'].mean():.3f} dex"
        else:
            text = (
                f"mean difference\n{(pairs[f'{column}_network'] - pairs[f'{column}_exact']).abs().mean():.3f}"
            )
        axes.annotate(text, (0.96, 0.04), xycoords="axes fraction", ha="right", va="bottom")
        axes.set(xlabel=f"exact {label}", ylabel=f"network {label}")
    handles = [
        style.handle(label, looks[name]) for name, label in labels.items() if name in set(pairs["catalogue"])
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _identity(axes: Axes) -> None:
    low, high = min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.plot([low, high], [low, high], color="black", linewidth=0.8, zorder=2.95)
