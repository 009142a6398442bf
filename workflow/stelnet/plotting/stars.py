"""A user's own stars: one with its posterior, or all of them, on the Hertzsprung-Russell diagram and beyond.

A stage of evolution has the same colour in every panel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from stelnet.inference.bundle import LOG_AGE_UNIVERSE
from stelnet.inference.columns import STAGES
from stelnet.plotting import hrd, style

COLOURS = {"pre": "#0072B2", "post": "#E69F00"}
STAR = style.CYCLE[0]
DOMAIN = "0.92"

#: Keeps small letters readable on whatever they lie on.
HALO = (withStroke(linewidth=1.5, foreground="white"),)

#: Shares of the posterior within the contours.
CREDIBLE = (0.68, 0.95)
#: Half the width and the height of the diagram around one star [dex], where its errors are not large.
WINDOW = (0.22, 1.9)
#: Smoothing of draws, in standard deviations of a stage's posterior: they come from about 20 networks.
BANDWIDTH = 0.45
#: Draws are drawn together by this factor, so that smoothing leaves their covariance as it is.
SHRINKAGE = (1 - BANDWIDTH**2) ** 0.5
#: A stage with less of the posterior than this is told in words, so that the other one has the panel.
SHOWN = 0.05

#: Up to this many stars have their names beside them, and above the other one they are binned.
NAMED, MANY = 12, 10_000
#: Flags that are marked on the diagram of many stars, with their markers; the others are counted.
MARKED = {"outside_tracks": "s", "partly_outside": "D", "wrong_stage": "v", "two_modes": "o"}
#: Colours of ages, and of numbers of stars.
AGES, COUNTS = "viridis_r", "cividis_r"


@dataclass(frozen=True)
class Background:
    """What lies behind the stars.

    Attributes
    ----------
    zams
        log Teff [dex K] and log L [dex Lsun] of the zero-age main sequence (ZAMS), each of shape (m,).
    zams_age
        log mass [dex Msun] and log age [dex yr] at the ZAMS, each of shape (k,).
    log_teff, log_lum
        Axes of the raster of the domain, shapes (i,) and (j,).
    distance
        How far the place is from the tracks that the networks know, shape (j, i); at most 1 counts as known.
    tracks
        Standard MIST rows, where the user has them.
    zams_eep
        Equivalent evolutionary point of the ZAMS.
    """

    zams: tuple[np.ndarray, np.ndarray]
    zams_age: tuple[np.ndarray, np.ndarray]
    log_teff: np.ndarray
    log_lum: np.ndarray
    distance: np.ndarray
    tracks: pd.DataFrame | None = None
    zams_eep: int = 202


@dataclass(frozen=True)
class Star:
    """One star and its posterior.

    Attributes
    ----------
    name
        What it is called.
    log_teff, log_lum
        Measured value [dex K, dex Lsun] and its error [dex].
    answer
        The columns of its prediction; NaN where there is none.
    draws
        Stage -> draws of (log age, log mass) from the posterior, shape (N, 2); none without a prediction.
    flags
        Its flags, and what they mean.
    """

    name: str
    log_teff: tuple[float, float]
    log_lum: tuple[float, float]
    answer: Mapping[str, float]
    draws: Mapping[str, np.ndarray]
    flags: Mapping[str, str]


@dataclass(frozen=True)
class Density:
    """A density on a grid that is sheared along the correlation of its draws.

    Attributes
    ----------
    x, y, value
        Shape (n, n).
    cell
        Area of a cell of the grid.
    """

    x: np.ndarray
    y: np.ndarray
    value: np.ndarray
    cell: float

    @property
    def mode(self) -> tuple[float, float]:
        """Where it is highest."""
        at = np.unravel_index(self.value.argmax(), self.value.shape)
        return self.x[at], self.y[at]


def density(x: np.ndarray, y: np.ndarray, weight: float = 1.0) -> Density:
    """Smooth draws, each of shape (N,), to a density whose integral is `weight`.

    The kernel has the shape of the draws' covariance, so that a narrow ridge stays narrow.
    """
    draws = np.stack([x, y])
    middle = draws.mean(axis=1, keepdims=True)
    factor = np.linalg.cholesky(np.cov(draws) + 1e-8 * np.eye(2))
    white = SHRINKAGE * np.linalg.solve(factor, draws - middle)
    low, high = np.percentile(white, [0.1, 99.9], axis=1)
    edges = np.linspace(low - 2, high + 2, 257).T
    counts, *_ = np.histogram2d(*white, bins=list(edges))
    steps = edges[:, 1] - edges[:, 0]
    smooth = gaussian_filter(counts, BANDWIDTH / steps, mode="constant")
    grid = np.stack(np.meshgrid(*((edges[:, 1:] + edges[:, :-1]) / 2), indexing="ij"))
    at = np.einsum("ij,jkl->ikl", factor, grid) + middle[..., None]
    cell = steps.prod() * np.linalg.det(factor)
    return Density(*at, weight * smooth / (smooth.sum() * cell), cell)


def thresholds(densities: Sequence[Density], shares: Sequence[float] = CREDIBLE) -> list[float]:
    """Return the densities above which lie the given shares of the posterior of stage, age and mass."""
    value = np.concatenate([one.value.ravel() for one in densities])
    mass = np.concatenate([one.value.ravel() * one.cell for one in densities])
    order = value.argsort()[::-1]
    within = mass[order].cumsum() / mass.sum()
    return [float(value[order[within.searchsorted(share)]]) for share in shares]


def years(log_age: float) -> str:
    """Write an age [dex yr] with three digits and a unit."""
    exponent, unit = next(
        (pair for pair in ((9, "Gyr"), (6, "Myr"), (3, "kyr")) if log_age >= pair[0]), (0, "yr")
    )
    return f"{_digits(10 ** (log_age - exponent))} {unit}"


def _digits(value: float) -> str:
    return f"{value:#.3g}".rstrip(".") if value < 999.5 else f"{value:.0f}"


def _percent(share: float) -> str:
    if 0.01 <= share <= 0.99 or share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return "< 1 %" if share < 0.5 else "> 99 %"


# --- The Hertzsprung-Russell diagram ----------------------------------------------------------------------


def _background(axes: Axes, background: Background) -> list[Line2D | Patch]:
    """Draw domain, tracks and ZAMS within the limits of the axes, hot stars left; return legend entries."""
    axes.autoscale(False)
    axes.contourf(
        background.log_teff, background.log_lum, background.distance, [-1, 1], colors=DOMAIN, zorder=0
    )
    axes.plot(*background.zams, color="black", linewidth=1.1, zorder=1.5)
    handles = [
        Line2D([], [], color="black", linewidth=1.1, label="ZAMS"),
        Patch(facecolor=DOMAIN, label="domain of the networks"),
    ]
    if background.tracks is not None:
        _tracks(axes, background.tracks, background.zams_eep)
        for stage, what in (("pre", ""), ("post", r", mass in M$_\odot$")):
            label = f"MIST {STAGES[stage]}{what}"
            handles.append(Line2D([], [], color=COLOURS[stage], linewidth=0.6, alpha=0.6, label=label))
    axes.set(xlabel=r"log($T_\mathrm{eff}$/K)", ylabel=r"log($L$/L$_\odot$)")
    return handles


def _tracks(axes: Axes, tracks: pd.DataFrame, zams_eep: int) -> None:
    """Draw some tracks, each side of the ZAMS in its stage's colour, their masses at the ZAMS."""
    tracks = tracks[tracks["eep"] <= hrd.LAST_EEP].sort_values(["initial_mass", "eep"])
    masses = tracks["initial_mass"].unique()
    inside = axes.transAxes + axes.transData.inverted()
    corners = inside.transform([(0.05, 0.04), (0.97, 0.97)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    for mass in sorted({masses[np.abs(masses - mass).argmin()] for mass in hrd.TRACKS}):
        track = tracks[tracks["initial_mass"] == mass]
        for stage, side in (("pre", track["eep"] <= zams_eep), ("post", track["eep"] >= zams_eep)):
            points = track.loc[side, ["log_teff", "log_lum"]].to_numpy()
            axes.plot(*points.T, color=COLOURS[stage], linewidth=0.6, alpha=0.6, zorder=1)
        start = track.loc[track["eep"] <= zams_eep, ["log_teff", "log_lum"]].to_numpy()[-1]
        if ((low < start) & (start < high)).all():
            axes.annotate(
                f"{mass:g}",
                start,
                xytext=(-3, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize=6.5,
                path_effects=HALO,
                zorder=5,
            )


def _legend(figure: Figure, handles: Sequence[Line2D | Patch], about: str) -> None:
    """Put the legend and, as its title, the small print below the panels."""
    legend = figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles) if len(handles) < 6 else 4,
        columnspacing=1,
        fontsize=7,
        title=about,
    )
    legend.get_title().set(fontsize=6, color="0.35")


def _universe(axes: Axes) -> Line2D:
    """Draw the age of the Universe across ages; return its legend entry."""
    return axes.axhline(
        LOG_AGE_UNIVERSE,
        color=style.GREY,
        linestyle="--",
        linewidth=0.8,
        zorder=0.5,
        label="age of the Universe",
    )


# --- One star ---------------------------------------------------------------------------------------------


@style.paper
def star_figure(star: Star, background: Background, about: str) -> Figure:
    """Draw a star on the diagram and, beside it, the joint posterior of its age and mass.

    `about` tells in small print what made the prediction.
    """
    figure = Figure(figsize=(style.DOUBLE, 4), layout="constrained")
    grid = figure.add_gridspec(2, 3, width_ratios=[1.2, 1, 0.3], height_ratios=[0.3, 1])
    diagram = figure.add_subplot(grid[:, 0])
    diagram.set_title(star.name, loc="left", weight="bold", fontsize=9, parse_math=False)
    _around(diagram, star, background.zams)
    handles = _background(diagram, background)
    diagram.errorbar(
        star.log_teff[0],
        star.log_lum[0],
        xerr=star.log_teff[1],
        yerr=star.log_lum[1],
        color="black",
        marker=STAR.marker,
        markersize=10,
        markerfacecolor=STAR.colour,
        markeredgewidth=0.6,
        elinewidth=0.9,
        capsize=2,
        zorder=4,
    )
    if star.draws:
        joint = figure.add_subplot(grid[1, 1])
        mass = figure.add_subplot(grid[0, 1], sharex=joint)
        age = figure.add_subplot(grid[1, 2], sharey=joint)
        for panel, value in ((mass, "y"), (age, "x")):
            panel.tick_params(labelbottom=False, labelleft=False)
            panel.tick_params(axis=value, which="both", length=0)
        joint.set(xlabel=style.QUANTITIES["mass"], ylabel=style.QUANTITIES["age"])
        mass.set_title(_in_words(star.answer), loc="left", fontsize=6.5)
        _posterior(joint, mass, age, star, background)
        handles.append(Line2D([], [], color="black", linestyle=":", linewidth=0.8, label="age at the ZAMS"))
        if joint.get_ylim()[1] > LOG_AGE_UNIVERSE:
            handles.append(_universe(joint))
    else:
        empty = figure.add_subplot(grid[:, 1:])
        empty.axis("off")
        empty.text(0.5, 0.5, "no prediction", ha="center", va="center", transform=empty.transAxes)
    if star.flags:
        diagram.set_title("flags: " + ", ".join(star.flags), loc="right", color=style.LITERATURE, fontsize=7)
    _legend(figure, handles, "\n".join([about, *(f"{name}: {text}" for name, text in star.flags.items())]))
    return figure


def _around(axes: Axes, star: Star, zams: tuple[np.ndarray, np.ndarray]) -> None:
    """Set limits around a star that has the ZAMS in view; around its middle in what was not measured."""
    line = np.stack(zams)
    at = np.array([star.log_teff[0], star.log_lum[0]])
    error = np.nan_to_num([star.log_teff[1], star.log_lum[1]], posinf=0, neginf=0)
    at = np.where(np.isfinite(at), at, np.median(line, axis=1))
    half = np.maximum(WINDOW, 4 * error)
    away = (line - at[:, None]) / half[:, None]
    nearest = line[:, np.hypot(*away).argmin()]
    low = np.minimum(at - half, nearest - 0.2 * half)
    high = np.maximum(at + half, nearest + 0.2 * half)
    axes.set(xlim=(high[0], low[0]), ylim=(low[1], high[1]))


def _posterior(joint: Axes, mass: Axes, age: Axes, star: Star, background: Background) -> None:
    """Draw contours, marginals, the modes of both stages and the answer in words."""
    answer = star.answer
    shares = {"pre": float(answer["p_pre"]), "post": 1 - float(answer["p_pre"])}
    draws = {stage: one for stage, one in star.draws.items() if shares[stage] >= SHOWN}
    densities = {stage: density(one[:, 1], one[:, 0], shares[stage]) for stage, one in draws.items()}
    outer, inner = sorted(thresholds(list(densities.values())))
    for stage, one in densities.items():
        colour = COLOURS[stage]
        peak = max(one.value.max(), inner) * 1.01
        for level, alpha in ((outer, 0.25), (inner, 0.45)):
            joint.contourf(one.x, one.y, one.value, [level, peak], colors=colour, alpha=alpha)
        joint.contour(one.x, one.y, one.value, [outer, inner], colors=colour, linewidths=0.8)
        joint.plot(*one.mode, "+", color="black", markersize=6, markeredgewidth=0.9, zorder=4)
    for panel, column, name in ((mass, 1, "log_mass"), (age, 0, "log_age")):
        within = [(one.x, one.y)[1 - column][one.value > outer / 3] for one in densities.values()]
        low, high = min(values.min() for values in within), max(values.max() for values in within)
        grid = np.linspace(low - 0.04 * (high - low), high + 0.04 * (high - low), 500)
        parts = {stage: shares[stage] * _marginal(one[:, column], grid) for stage, one in draws.items()}
        _profile(panel, grid, parts, [answer[f"{name}_{end}"] for end in ("p16", "median", "p84")])
    zams_mass, zams_age = background.zams_age
    joint.autoscale(False)
    joint.plot(zams_mass, zams_age, color="black", linestyle=":", linewidth=0.8, zorder=0.5)
    everything = np.concatenate(list(draws.values()))[:, ::-1]
    for stage, label in STAGES.items():
        if stage in densities:
            _annotate(joint, f"{label}, {_percent(shares[stage])}", densities[stage].mode, everything)
        elif stage in star.draws:
            log_age, log_mass = np.median(star.draws[stage], axis=0)
            words = [*label.split(" ", 1), _percent(shares[stage]) + ":", years(log_age)]
            words.append(rf"{_digits(10**log_mass)} M$_\odot$")
            corner = mass.text(1.07, 1, "\n".join(words), transform=mass.transAxes, va="top", fontsize=6.5)
            corner.set_in_layout(False)


def _marginal(draws: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the smoothed density of draws, shape (N,), on an even grid (n,)."""
    step = grid[1] - grid[0]
    drawn = draws.mean() + SHRINKAGE * (draws - draws.mean())
    counts, _ = np.histogram(drawn, np.append(grid, grid[-1] + step) - step / 2)
    smooth = gaussian_filter1d(counts.astype(float), BANDWIDTH * draws.std() / step, mode="constant")
    return smooth / (len(draws) * step)


def _profile(
    axes: Axes, grid: np.ndarray, parts: Mapping[str, np.ndarray], interval: Sequence[float]
) -> None:
    """Draw a marginal and its median and 68 % interval, along x in a flat panel and along y in a tall one."""
    box = axes.get_position()
    flat = box.width > box.height
    fill, line = (axes.fill_between, axes.axvline) if flat else (axes.fill_betweenx, axes.axhline)
    base = np.zeros_like(grid)
    for stage, part in parts.items():
        fill(grid, base, base + part, color=COLOURS[stage], alpha=0.45, linewidth=0)
        base = base + part
    axes.plot(*((grid, base) if flat else (base, grid)), color="black", linewidth=0.8)
    for value, dashes in zip(interval, ("--", "-", "--"), strict=True):
        line(value, color="black", linestyle=dashes, linewidth=0.8)
    (axes.set_xlim if flat else axes.set_ylim)(grid[0], grid[-1])
    (axes.set_ylim if flat else axes.set_xlim)(0, 1.08 * base.max())


def _annotate(axes: Axes, label: str, mode: tuple[float, float], draws: np.ndarray) -> None:
    """Write a label near a mode, where it hides few of the draws, shape (N, 2) of mass and age."""
    to_axes = axes.transData + axes.transAxes.inverted()
    at, drawn = to_axes.transform(mode), to_axes.transform(draws)
    half = np.array([0.015 * len(label) + 0.02, 0.05])

    def hidden(centre: np.ndarray) -> float:
        return (np.abs(drawn - centre) < half).all(axis=1).mean() + 0.1 * np.hypot(*(centre - at))

    steps = np.linspace(0, 1, 17)
    places = np.clip(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), half, 1 - half)
    axes.annotate(
        label,
        mode,
        xytext=min((place for place in places if (np.abs(place - at) > half).any()), key=hidden),
        textcoords="axes fraction",
        ha="center",
        va="center",
        arrowprops={"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 4},
        path_effects=HALO,
        zorder=5,
    )


def _in_words(answer: Mapping[str, float]) -> str:
    """Write medians and 68 % intervals of age and mass."""

    def line(name: str, digits: int, value: Callable[[float], str], unit: str) -> str:
        low, median, high = (answer[f"log_{name}_{end}"] for end in ("p16", "median", "p84"))
        return (
            f"{name} {value(median)}{unit} (68 %: {value(low)} to {value(high)}{unit}),  "
            rf"{style.QUANTITIES[name]} $= {median:.{digits}f}"
            rf"_{{-{median - low:.{digits}f}}}^{{+{high - median:.{digits}f}}}$"
        )

    mass = line("mass", 3, lambda log_mass: _digits(10**log_mass), r" M$_\odot$")
    return f"{line('age', 2, years, '')}\n{mass}"


# --- All stars --------------------------------------------------------------------------------------------


@style.paper
def crowd_figure(
    stars: Mapping[str, np.ndarray],
    flags: Mapping[str, np.ndarray],
    names: Sequence[str],
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
    handles = _background(diagram, background)
    point = np.stack([stars["log_mass_median"], stars["log_age_median"]])
    known = np.isfinite(point).all(axis=0)
    ages = point[1, known]
    norm = Normalize(*(np.percentile(ages, [2, 98]) if len(ages) else (6, 10)))
    plane.set(xlabel=style.QUANTITIES["mass"], ylabel=style.QUANTITIES["age"])
    plane.plot(*background.zams_age, color="black", linewidth=1.1, zorder=1.5)
    handles.append(_universe(plane))
    errors = np.repeat(np.stack([stars["e_log_teff"], stars["e_log_lum"]])[:, None], 2, axis=1)
    ends = np.array([[stars[f"{name}_{end}"] for end in ("p16", "p84")] for name in ("log_mass", "log_age")])
    shown = ends if len(names) <= style.FEW else point[:, None]
    plane.set(xlim=_span(shown[0], (-1.2, 2.6), 0.1), ylim=_span(shown[1], (2, 13), 0.3))
    spread = np.abs(ends - point[:, None])
    binned = known.sum() > MANY
    if binned:
        colours = _hexagons(diagram, place[:, known], ages, norm)
        counts = _hexagons(plane, point[:, known], None, LogNorm(vmin=1))
        figure.colorbar(counts, ax=plane, label="number of stars", pad=0.01, aspect=40)
        _typical(plane, np.nanmedian(spread, axis=2))
    else:
        colours = _scatter(diagram, place[:, known], errors[..., known], ages, norm)
        _scatter(plane, point[:, known], spread[..., known], ages, norm)
    figure.colorbar(colours, ax=diagram, label=style.QUANTITIES["age"], pad=0.01, aspect=40)
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
    _legend(figure, handles, about)
    return figure


def _name_points(axes: Axes, places: np.ndarray, names: Sequence[str]) -> None:
    """Write names beside points (2, n), each as near as it hides the fewest points and names before it."""
    to_axes = axes.transData + axes.transAxes.inverted()
    taken = [(at, np.array([0.012, 0.012])) for at in to_axes.transform(places.T) if np.isfinite(at).all()]
    directions = np.array([(1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)])
    for name, point in zip(names, places.T, strict=True):
        at = to_axes.transform(point)
        if not ((at >= 0) & (at <= 1)).all():
            continue
        half = np.array([0.0095 * len(name), 0.018])

        def hidden(centre: np.ndarray, half: np.ndarray = half) -> int:
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
            parse_math=False,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3},
            path_effects=HALO,
            zorder=5,
        )


def _span(values: np.ndarray, bounds: tuple[float, float], least: float) -> tuple[float, float]:
    """Return limits around the values that lie within bounds, with a margin and at least 2 `least` apart."""
    inside = values[(values >= bounds[0]) & (values <= bounds[1])]
    if not len(inside):
        return bounds
    low, high = inside.min(), inside.max()
    margin = max(0.06 * (high - low), least - (high - low) / 2)
    return low - margin, high + margin


def _scatter(
    axes: Axes, points: np.ndarray, errors: np.ndarray, colour: np.ndarray, norm: Normalize
) -> ScalarMappable:
    """Draw points (2, n) with the lower and upper errors (2, 2, n) of x and y."""
    few = points.shape[1] <= style.FEW
    axes.errorbar(
        *points,
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
        *points,
        s=22 if few else 5,
        c=colour,
        cmap=AGES,
        norm=norm,
        edgecolors="black" if few else "none",
        linewidths=0.5,
        rasterized=not few,
        zorder=3,
    )


def _hexagons(axes: Axes, points: np.ndarray, colour: np.ndarray | None, norm: Normalize) -> ScalarMappable:
    """Bin points (2, n) in hexagons: their number, or the median of `colour`."""
    return axes.hexbin(
        *points,
        C=colour,
        reduce_C_function=np.median,
        gridsize=(110, 70),
        extent=(*sorted(axes.get_xlim()), *axes.get_ylim()),
        cmap=COUNTS if colour is None else AGES,
        norm=norm,
        mincnt=1,
        linewidths=0.1,
        rasterized=True,
        zorder=2,
    )


def _typical(axes: Axes, spread: np.ndarray) -> None:
    """Draw the errors (2, 2) of a typical star in a corner."""
    at = (axes.transAxes + axes.transData.inverted()).transform((0.88, 0.88))
    axes.errorbar(*at, xerr=spread[0][:, None], yerr=spread[1][:, None], color="black", elinewidth=0.9)


def _flagged(axes: Axes, place: np.ndarray, flags: Mapping[str, np.ndarray], binned: bool) -> list[Line2D]:
    """Mark flagged stars, or hexagons where most stars have the flag; return legend entries with counts."""
    handles = []
    for name, marker in MARKED.items():
        has = flags.get(name, np.zeros(0, bool))
        if not has.any():
            continue
        look = {"marker": marker, "markeredgecolor": "black", "markerfacecolor": "none"}
        if binned:
            cells = _hexagons(axes, place, has.astype(float), Normalize(0, 1))
            at = cells.get_offsets()[cells.get_array() > 0.5].T
            cells.remove()
            look |= {"markersize": 1.2, "markeredgewidth": 0.25}
        else:
            at = place[:, has]
            few = place.shape[1] <= style.FEW
            look |= {"markersize": 8 if few else 3, "markeredgewidth": 0.7 if few else 0.25}
        axes.plot(*at, linestyle="none", zorder=3.5, **look)
        look |= {"markersize": 5, "markeredgewidth": 0.7}
        handles.append(Line2D([], [], linestyle="none", label=f"{name} ({has.sum()})", **look))
    return handles
