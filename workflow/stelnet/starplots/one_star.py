"""One star: its place on the H-R diagram and the joint posterior of its age and mass."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from stelnet.arrays import Floats
from stelnet.inference.observed import AgePrior
from stelnet.plotting import style
from stelnet.starplots.diagram import (
    COLOURS,
    HALO,
    STAR,
    Background,
    Star,
    draw_background,
    draw_legend,
    draw_universe,
)
from stelnet.starplots.lettering import families, lettered, weight
from stelnet.terms import LOG_AGE_UNIVERSE, STAGES

#: Shares of the posterior within the contours.
CREDIBLE = (0.68, 0.95)
#: Half the width and the height of the diagram around one star [dex], where its errors are not large.
WINDOW = (0.22, 1.9)
PRIOR = "#CC79A7"
#: Bounds that bound nothing.
EVERYWHERE = (-math.inf, math.inf)
#: Priors of age begin here [dex yr].
YOUNGEST = 5.0
#: The panel's share beside which the limits from the data alone stand.
LIMITS_AT = 0.93
#: A stage with less of the posterior than this is told in words, so that the other one has the panel.
SHOWN = 0.05


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

    x: Floats
    y: Floats
    value: Floats
    cell: float

    @property
    def mode(self) -> tuple[float, float]:
        """Where it is highest."""
        at = np.unravel_index(self.value.argmax(), self.value.shape)
        return self.x[at], self.y[at]


def shrinkage(bandwidth: float) -> float:
    """Return by what factor draws are drawn together, so that smoothing leaves their covariance as it is."""
    return math.sqrt(1 - bandwidth**2)


def density(
    x: Floats,
    y: Floats,
    weight: float = 1.0,
    bandwidth: float = 0.45,
    bounds: tuple[float, float] = EVERYWHERE,
) -> Density:
    """Smooth draws, each of shape (N,), to a density whose integral is `weight`.

    The kernel has the shape of the draws' covariance, so that a narrow ridge stays narrow; `bandwidth` is in
    their standard deviations. Nothing is smoothed beyond `bounds` of y.
    """
    draws = np.stack([x, y])
    middle = draws.mean(axis=1, keepdims=True)
    factor = np.linalg.cholesky(np.cov(draws) + 1e-8 * np.eye(2))
    white = shrinkage(bandwidth) * np.linalg.solve(factor, draws - middle)
    low, high = np.percentile(white, [0.1, 99.9], axis=1)
    edges = np.linspace(low - 2, high + 2, 257).T
    counts, *_ = np.histogram2d(white[0], white[1], bins=list(edges))
    steps = edges[:, 1] - edges[:, 0]
    smooth = gaussian_filter(counts, bandwidth / steps, mode="constant")
    grid = np.stack(np.meshgrid(*((edges[:, 1:] + edges[:, :-1]) / 2), indexing="ij"))
    at = np.einsum("ij,jkl->ikl", factor, grid) + middle[..., None]
    smooth[(at[1] < bounds[0]) | (at[1] > bounds[1])] = 0
    cell = steps.prod() * np.linalg.det(factor)
    return Density(at[0], at[1], weight * smooth / (smooth.sum() * cell), cell)


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


# --- One star ---------------------------------------------------------------------------------------------


@style.paper
def star_figure(star: Star, background: Background, about: str) -> Figure:
    """Draw a star on the diagram and, beside it, the joint posterior of its age and mass.

    `about` tells in small print what made the prediction.
    """
    figure = Figure(figsize=(style.DOUBLE, 4), layout="constrained")
    grid = figure.add_gridspec(2, 3, width_ratios=[1.2, 1, 0.3], height_ratios=[0.3, 1])
    diagram = figure.add_subplot(grid[:, 0])
    diagram.set_title(
        lettered(star.name),
        loc="left",
        weight=weight(star.name),
        fontsize=9,
        fontfamily=families([star.name]),
        parse_math=False,
    )
    _around(diagram, star, background.zams)
    handles = draw_background(diagram, background)
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
        for panel in (mass, age):
            panel.tick_params(labelbottom=False, labelleft=False)
        mass.tick_params(axis="y", which="both", length=0)
        age.tick_params(axis="x", which="both", length=0)
        joint.set(xlabel=style.LABELS["mass"], ylabel=style.LABELS["age"])
        mass.set_title(_in_words(star.answer), loc="left", fontsize=6.5)
        _posterior(joint, mass, age, star, background)
        handles.append(Line2D([], [], color="black", linestyle=":", linewidth=0.8, label="age at the ZAMS"))
        if star.prior:
            handles.append(Line2D([], [], color=PRIOR, linewidth=1, label=f"prior of the age: {star.prior}"))
            label = "ages that the data allow, 68 and 95 %"
            handles.append(Line2D([], [], color=PRIOR, linewidth=3.5, label=label))
        if joint.get_ylim()[1] > LOG_AGE_UNIVERSE:
            handles.append(draw_universe(joint))
    else:
        empty = figure.add_subplot(grid[:, 1:])
        empty.axis("off")
        empty.text(0.5, 0.5, "no prediction", ha="center", va="center", transform=empty.transAxes)
    if star.flags:
        diagram.set_title("flags: " + ", ".join(star.flags), loc="right", color=style.LITERATURE, fontsize=7)
    small_print = [about, *(f"{name}: {text}" for name, text in star.flags.items())]
    draw_legend(figure, handles, "\n".join(small_print))
    return figure


def _around(axes: Axes, star: Star, zams: tuple[Floats, Floats]) -> None:
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
    bounds = (star.prior.low, star.prior.high) if star.prior else EVERYWHERE
    densities = {
        stage: density(one[:, 1], one[:, 0], shares[stage], star.bandwidth, bounds)
        for stage, one in draws.items()
    }
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
        if name == "log_age" and star.prior:
            low, high = min(low, answer["log_age_data_lo95"]), max(high, answer["log_age_data_hi95"])
        grid = np.linspace(low - 0.04 * (high - low), high + 0.04 * (high - low), 500)
        parts = {
            stage: shares[stage]
            * _marginal(one[:, column], grid, star.bandwidth, EVERYWHERE if column else bounds)
            for stage, one in draws.items()
        }
        _profile(panel, grid, parts, [answer[f"{name}_{end}"] for end in ("p16", "median", "p84")])
    if star.prior:
        _prior_and_limits(age, star.prior, answer)
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


def prior_density(prior: AgePrior, log_age: Floats) -> Floats:
    """Return the density of a prior at log ages [dex yr], per dex."""
    low, high = max(prior.low, YOUNGEST), prior.high
    slope = (1 - prior.gamma) * np.log(10)
    inside = (log_age >= low) & (log_age <= high)
    if slope == 0:
        return inside / (high - low)
    # relative to the older end, which keeps powers of ten small
    whole = (1 - np.exp(slope * (low - high))) / slope
    return np.where(inside, np.exp(slope * (np.minimum(log_age, high) - high)) / whole, 0)


def _prior_and_limits(axes: Axes, prior: AgePrior, answer: Mapping[str, float]) -> None:
    """Draw a line for the prior, and a bar for the ages that the data allow, on a tall marginal of age."""
    grid = np.linspace(*axes.get_ylim(), 2000)
    density = prior_density(prior, grid)
    axes.plot(density, grid, color=PRIOR, linewidth=1, zorder=3)
    axes.set_xlim(0, max(axes.get_xlim()[1], 1.08 * density.max()))
    for percent, width in ((95, 1.2), (68, 3.5)):
        ends = [answer[f"log_age_data_{end}{percent}"] for end in ("lo", "hi")]
        axes.plot(
            [LIMITS_AT] * 2,
            ends,
            color=PRIOR,
            linewidth=width,
            transform=axes.get_yaxis_transform(),
            zorder=3,
        )


def _marginal(draws: Floats, grid: Floats, bandwidth: float, bounds: tuple[float, float]) -> Floats:
    """Return the smoothed density of draws, shape (N,), on an even grid (n,), nothing of it beyond bounds."""
    step = grid[1] - grid[0]
    drawn = draws.mean() + shrinkage(bandwidth) * (draws - draws.mean())
    counts, _ = np.histogram(drawn, np.append(grid, grid[-1] + step) - step / 2)
    smooth = gaussian_filter1d(counts.astype(float), bandwidth * draws.std() / step, mode="constant")
    inside = (grid >= bounds[0]) & (grid <= bounds[1])
    marginal: Floats = np.where(inside, smooth * smooth.sum() / smooth[inside].sum(), 0) / (len(draws) * step)
    return marginal


def _profile(axes: Axes, grid: Floats, parts: Mapping[str, Floats], interval: Sequence[float]) -> None:
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


def _annotate(axes: Axes, label: str, mode: tuple[float, float], draws: Floats) -> None:
    """Write a label near a mode, where it hides few of the draws, shape (N, 2) of mass and age."""
    to_axes = axes.transData + axes.transAxes.inverted()
    at, drawn = to_axes.transform(mode), to_axes.transform(draws)
    half = np.array([0.015 * len(label) + 0.02, 0.05])

    def hidden(centre: Floats) -> float:
        crowded = (np.abs(drawn - centre) < half).all(axis=1).mean()
        return float(crowded + 0.1 * np.hypot(*(centre - at)))

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
            rf"{style.LABELS[name]} $= {median:.{digits}f}"
            rf"_{{-{median - low:.{digits}f}}}^{{+{high - median:.{digits}f}}}$"
        )

    mass = line("mass", 3, lambda log_mass: _digits(10**log_mass), r" M$_\odot$")
    return f"{line('age', 2, years, '')}\n{mass}"
