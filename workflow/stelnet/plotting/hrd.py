"""The training samples on the Hertzsprung-Russell diagram (Figure 1)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stelnet.plotting import style
from stelnet.terms import STAGES

#: Last equivalent evolutionary point drawn: the tip of the red giant branch.
LAST_EEP = 605

#: Initial masses whose nearest tracks are drawn [Msun].
TRACKS = (0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)


def _tracks(axes: Axes, tracks: pd.DataFrame, stage: str, zams_eep: int) -> None:
    """Draw the ZAMS and, on the stage's side of it, a few labelled tracks."""
    zams = tracks[tracks["eep"] == zams_eep].sort_values("initial_mass")
    axes.plot(zams["log_teff"], zams["log_lum"], color="black", linewidth=0.9, zorder=3.5)
    first, last = (1, zams_eep) if stage == "pre" else (zams_eep, LAST_EEP)
    side = tracks[tracks["eep"].between(first, last)].sort_values("eep")
    inside = axes.transAxes + axes.transData.inverted()
    # a track is drawn where its label has room
    (left, bottom), (right, top) = inside.transform([(0.05, 0.05), (0.95, 0.95)])
    masses = zams["initial_mass"].to_numpy()
    for mass in sorted({masses[np.abs(masses - mass).argmin()] for mass in TRACKS}):
        start = zams[zams["initial_mass"] == mass].iloc[0]
        if left < start["log_teff"] < right and bottom < start["log_lum"] < top:
            track = side[side["initial_mass"] == mass]
            axes.plot(track["log_teff"], track["log_lum"], color=style.GREY, linewidth=0.6, zorder=1)
            axes.annotate(
                f"{mass:g}",
                (start["log_teff"], start["log_lum"]),
                xytext=(-3, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize=6.5,
            )


@style.paper
def figure(
    samples: Mapping[str, pd.DataFrame], labels: Mapping[str, str], tracks: pd.DataFrame, zams_eep: int
) -> Figure:
    """Draw the samples in one panel for each stage, over evolutionary tracks.

    Parameters
    ----------
    samples
        Name -> standard star table.
    labels
        Name -> label of every sample; their order gives colours and markers.
    tracks
        Standard MIST rows.
    zams_eep
        The equivalent evolutionary point of the zero-age main sequence.
    """
    figure = Figure(figsize=(style.DOUBLE, 3.3), layout="constrained")
    looks = style.looks(labels)
    stages = {name: table["stage"].iloc[0] for name, table in samples.items()}
    panels = [stage for stage in reversed(STAGES) if stage in stages.values()]
    for axes, stage in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        shown = {name: samples[name] for name in labels if stages.get(name) == stage}
        for name, table in shown.items():
            style.stars(axes, table["log_teff"], table["log_lum"], looks[name])
        axes.margins(0.06)
        axes.autoscale_view()
        axes.autoscale(False)
        _tracks(axes, tracks, stage, zams_eep)
        handles = [
            style.handle(f"{labels[name]} ({len(table)})", looks[name]) for name, table in shown.items()
        ]
        handles += [
            Line2D([], [], color="black", linewidth=0.9, label="ZAMS"),
            Line2D([], [], color=style.GREY, linewidth=0.6, label=r"tracks, mass in M$_\odot$"),
        ]
        axes.legend(handles=handles, title=f"{stage}-ZAMS", loc="lower left", alignment="left")
        axes.invert_xaxis()
        axes.set(xlabel=r"log($T_\mathrm{eff}$/K)", ylabel=r"log($L$/L$_\odot$)")
    return figure
