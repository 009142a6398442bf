"""Many stars: the H-R diagram in colours of age, or binned."""

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stelnet.arrays import Bools, Floats
from stelnet.plotting import style
from stelnet.starplots.diagram import HALO, Background, draw_background, draw_legend, draw_universe
from stelnet.starplots.lettering import families, lettered
from stelnet.starplots.one_star import WINDOW

#: Up to this many stars have their names beside them, and above the other one they are binned.
NAMED, MANY = 12, 10_000
#: Flags that are marked on the diagram of many stars, with their markers; the others are counted.
MARKED = {"outside_tracks": "s", "partly_outside": "D", "wrong_stage": "v", "two_modes": "o"}
#: Colours of ages, and of numbers of stars.
AGES, COUNTS = "viridis_r", "cividis_r"


# --- All stars --------------------------------------------------------------------------------------------


@style.paper
def crowd_figure(
    stars: Mapping[str, Floats],
    flags: Mapping[str, Bools],
    names: Collection[str],
    background: Background,
    about: str,
) -> Figure:
    """Draw all stars on the diagram, coloured by age, and their ages against their masses.

    Few stars have error bars and names; very many are binned in hexagons.

    Parameters
    ----------
    stars
        log_teff, log_lum, their errors e_log_teff, e_log_lum and the columns of the predictions, shape (n,).
    flags
        Name of a flag -> whether a star has it, shape (n,).
    names
        What the stars are called.
    background
        What lies behind them.
    about
        What made the predictions, for the small print.
    """
    figure = Figure(figsize=(style.DOUBLE, 3.9), layout="constrained")
    diagram, plane = figure.subplots(1, 2)
    place = np.stack([stars["log_teff"], stars["log_lum"]])
    edges = [
        _span(values, (axis[0], axis[-1]), least)
        for values, axis, least in zip(place, (background.log_teff, background.log_lum), WINDOW, strict=True)
    ]
    diagram.set(xlim=edges[0][::-1], ylim=edges[1])
    handles = draw_background(diagram, background)
    point = np.stack([stars["log_mass_median"], stars["log_age_median"]])
    known = np.isfinite(point).all(axis=0)
    ages = point[1, known]
    norm = Normalize(*(np.percentile(ages, [2, 98]) if len(ages) else (6, 10)))
    plane.set(xlabel=style.LABELS["mass"], ylabel=style.LABELS["age"])
    plane.plot(*background.zams_age, color="black", linewidth=1.1, zorder=1.5)
    handles.append(draw_universe(plane))
    errors = np.repeat(np.stack([stars["e_log_teff"], stars["e_log_lum"]])[:, None], 2, axis=1)
    ends = np.array([[stars[f"{name}_{end}"] for end in ("p16", "p84")] for name in ("log_mass", "log_age")])
    shown = ends if len(names) <= style.FEW else point[:, None]
    plane.set(xlim=_span(shown[0], (-1.2, 2.6), 0.1), ylim=_span(shown[1], (2, 13), 0.3))
    spread = np.abs(ends - point[:, None])
    binned = known.sum() > MANY
    colours: PathCollection | PolyCollection
    if binned:
        colours = _hexagons(diagram, place[:, known], ages, norm)
        counts = _hexagons(plane, point[:, known], None, LogNorm(vmin=1))
        figure.colorbar(counts, ax=plane, label="number of stars", pad=0.01, aspect=40)
        _typical(plane, np.nanmedian(spread, axis=2))
    else:
        colours = _scatter(diagram, place[:, known], errors[..., known], ages, norm)
        _scatter(plane, point[:, known], spread[..., known], ages, norm)
    figure.colorbar(colours, ax=diagram, label=style.LABELS["age"], pad=0.01, aspect=40)
    diagram.plot(*place[:, ~known], "x", color=style.GREY, markersize=3, markeredgewidth=0.7, rasterized=True)
    handles += _flagged(diagram, place, flags, binned)
    if not known.all():
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker="x",
                color=style.GREY,
                markersize=3,
                label=f"no prediction ({(~known).sum()})",
            )
        )
    if len(names) <= NAMED:
        for panel, places in ((diagram, place), (plane, point)):
            _name_points(panel, places, names)
    others = [f"{name} ({has.sum()})" for name, has in flags.items() if name not in MARKED and has.any()]
    if others:
        about += "; other flags: " + ", ".join(others)
    draw_legend(figure, handles, about)
    return figure


def _name_points(axes: Axes, places: Floats, names: Collection[str]) -> None:
    """Write names beside points (2, n), each as near as it hides the fewest points and names before it."""
    to_axes = axes.transData + axes.transAxes.inverted()
    taken = [(at, np.array([0.012, 0.012])) for at in to_axes.transform(places.T) if np.isfinite(at).all()]
    fonts = families(names)
    directions = np.array([(1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)])
    for name, point in zip(names, places.T, strict=True):
        at = to_axes.transform(point)
        if not ((at >= 0) & (at <= 1)).all():
            continue
        name = lettered(name)
        # letters of East Asia are twice as wide
        width = len(name) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in name)
        half = np.array([0.0095 * width, 0.018])

        def hidden(centre: Floats, half: Floats = half) -> int:
            return sum((np.abs(centre - other) < half + size).all() for other, size in taken)

        gaps = np.array([0.014, 0.05, 0.1])[:, None, None]
        centres = at + ((half + gaps) * directions).reshape(-1, 2)
        centre = min(np.clip(centres, half, 1 - half), key=hidden)
        taken.append((centre, half))
        axes.annotate(
            name,
            point,
            xytext=centre,
            textcoords="axes fraction",
            ha="center",
            va="center",
            fontsize=6.5,
            fontfamily=fonts,
            parse_math=False,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3},
            path_effects=HALO,
            zorder=5,
        )


def _span(values: Floats, bounds: tuple[float, float], least: float) -> tuple[float, float]:
    """Return limits around the values that lie within bounds, with a margin and at least 2 `least` apart."""
    inside = values[(values >= bounds[0]) & (values <= bounds[1])]
    if not len(inside):
        return bounds
    low, high = inside.min(), inside.max()
    margin = max(0.06 * (high - low), least - (high - low) / 2)
    return low - margin, high + margin


def _scatter(axes: Axes, points: Floats, errors: Floats, colour: Floats, norm: Normalize) -> PathCollection:
    """Draw points (2, n) with the lower and upper errors (2, 2, n) of x and y."""
    few = points.shape[1] <= style.FEW
    axes.errorbar(
        points[0],
        points[1],
        xerr=errors[0],
        yerr=errors[1],
        fmt="none",
        ecolor="0.35",
        elinewidth=0.6 if few else 0.3,
        alpha=1 if few else np.clip(200 / points.shape[1], 0.05, 0.5),
        rasterized=not few,
        zorder=2,
    )
    return axes.scatter(
        points[0],
        points[1],
        s=22 if few else 5,
        c=colour,
        cmap=AGES,
        norm=norm,
        edgecolors="black" if few else "none",
        linewidths=0.5,
        rasterized=not few,
        zorder=3,
    )


def _hexagons(axes: Axes, points: Floats, colour: Floats | None, norm: Normalize) -> PolyCollection:
    """Bin points (2, n) in hexagons: their number, or the median of `colour`."""
    left, right = sorted(axes.get_xlim())
    return axes.hexbin(
        points[0],
        points[1],
        C=colour,
        reduce_C_function=np.median,
        gridsize=(110, 70),
        extent=(left, right, *axes.get_ylim()),
        cmap=COUNTS if colour is None else AGES,
        norm=norm,
        mincnt=1,
        linewidths=0.1,
        rasterized=True,
        zorder=2,
    )


def _typical(axes: Axes, spread: Floats) -> None:
    """Draw the errors (2, 2) of a typical star in a corner."""
    at = (axes.transAxes + axes.transData.inverted()).transform((0.88, 0.88))
    axes.errorbar(
        at[0], at[1], xerr=spread[0][:, None], yerr=spread[1][:, None], color="black", elinewidth=0.9
    )


def _flagged(axes: Axes, place: Floats, flags: Mapping[str, Bools], binned: bool) -> list[Line2D]:
    """Mark flagged stars, or hexagons where most stars have the flag; return legend entries with counts."""
    handles = []
    for name, marker in MARKED.items():
        has = flags.get(name, np.zeros(0, bool))
        if not has.any():
            continue
        look: dict[str, Any] = {"marker": marker, "markeredgecolor": "black", "markerfacecolor": "none"}
        if binned:
            cells = _hexagons(axes, place, has.astype(float), Normalize(0, 1))
            at = np.asarray(cells.get_offsets())[np.asarray(cells.get_array()) > 0.5].T
            cells.remove()
            look |= {"markersize": 1.2, "markeredgewidth": 0.25}
        else:
            at = place[:, has]
            few = place.shape[1] <= style.FEW
            look |= {"markersize": 8 if few else 3, "markeredgewidth": 0.7 if few else 0.25}
        axes.plot(at[0], at[1], linestyle="none", zorder=3.5, **look)
        look |= {"markersize": 5, "markeredgewidth": 0.7}
        handles.append(Line2D([], [], linestyle="none", label=f"{name} ({has.sum()})", **look))
    return handles
