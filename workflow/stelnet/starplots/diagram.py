"""A user's own stars: one with its posterior, or all of them, on the Hertzsprung-Russell diagram and beyond.

A stage of evolution has the same colour in every panel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from stelnet.arrays import Floats
from stelnet.inference.observed import AgePrior
from stelnet.plotting import hrd, style
from stelnet.terms import LOG_AGE_UNIVERSE, STAGES

COLOURS = {"pre": "#0072B2", "post": "#E69F00"}
STAR = style.CYCLE[0]
DOMAIN = "0.92"
#: Keeps small letters readable on whatever they lie on.
HALO = (withStroke(linewidth=1.5, foreground="white"),)


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

    zams: tuple[Floats, Floats]
    zams_age: tuple[Floats, Floats]
    log_teff: Floats
    log_lum: Floats
    distance: Floats
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
    bandwidth
        How much the draws are smoothed, in standard deviations of a stage's posterior.
    prior
        Prior of the age, where the answer has limits from the data alone to set against it.
    """

    name: str
    log_teff: tuple[float, float]
    log_lum: tuple[float, float]
    answer: Mapping[str, float]
    draws: Mapping[str, Floats]
    flags: Mapping[str, str]
    bandwidth: float = 0.45
    prior: AgePrior | None = None


# --- The Hertzsprung-Russell diagram ----------------------------------------------------------------------


def draw_background(axes: Axes, background: Background) -> list[Line2D | Patch]:
    """Draw domain, tracks and ZAMS within the limits of the axes, hot stars left; return legend entries."""
    axes.autoscale(False)
    axes.contourf(
        background.log_teff, background.log_lum, background.distance, [-1, 1], colors=DOMAIN, zorder=0
    )
    axes.plot(*background.zams, color="black", linewidth=1.1, zorder=1.5)
    handles: list[Line2D | Patch] = [
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


def draw_legend(figure: Figure, handles: Sequence[Line2D | Patch], about: str) -> None:
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


def draw_universe(axes: Axes) -> Line2D:
    """Draw the age of the Universe across ages; return its legend entry."""
    return axes.axhline(
        LOG_AGE_UNIVERSE,
        color=style.GREY,
        linestyle="--",
        linewidth=0.8,
        zorder=0.5,
        label="age of the Universe",
    )
