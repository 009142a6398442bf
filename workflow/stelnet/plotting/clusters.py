"""The test clusters: their ages beside the ZAMS (Figure 4), predicted ages and masses (Figures 5, 6)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stelnet.plotting import style


@style.paper
def zams_figure(clusters: Mapping[str, pd.DataFrame], zams: pd.DataFrame) -> Figure:
    """Draw each cluster's age against its members' masses, and the ZAMS age as a function of initial mass.

    Parameters
    ----------
    clusters
        Label -> standard star table, whose ages are the cluster's literature age.
    zams
        ZAMS ages: initial_mass [Msun], log_age_zams.
    """
    figure = Figure(figsize=(style.SINGLE, 2.7), layout="constrained")
    axes = figure.subplots()
    for (label, stars), look in zip(clusters.items(), style.looks(clusters, first=3).values(), strict=True):
        axes.plot(
            stars["log_mass"],
            stars["log_age"],
            look.marker,
            color=look.colour,
            markersize=3.5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label=f"{style.plain(label)} ({len(stars)})",
        )
    axes.margins(0.1, 0.12)
    axes.set_xlim(axes.get_xlim())
    mass, age = np.log10(zams["initial_mass"]), zams["log_age_zams"]
    shown = mass.between(*axes.get_xlim())
    # one point beyond each limit carries the line to the edge
    shown |= shown.shift(1, fill_value=False) | shown.shift(-1, fill_value=False)
    axes.plot(mass[shown], age[shown], color=style.ZAMS, label="ZAMS age")
    axes.set(xlabel=style.LABELS["mass"], ylabel=style.LABELS["age"])
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1.2)
    return figure


@style.paper
def predictions_figure(models: Mapping[str, pd.DataFrame], label: str) -> Figure:
    """Draw a cluster's predicted ages beside its literature age, and predicted against reported masses.

    Parameters
    ----------
    models
        Model -> its predictions for the members of one cluster.
    label
        The cluster's name.
    """
    figure = Figure(figsize=(style.DOUBLE, 3.1), layout="constrained")
    ages, masses = figure.subplots(1, 2)
    edges = np.histogram_bin_edges(pd.concat(models.values())["log_age_mean"], bins=16)
    for model, stars in models.items():
        look = style.MODELS[model]
        ages.hist(stars["log_age_mean"], bins=edges, histtype="stepfilled", color=look.colour, alpha=0.3)
        ages.hist(stars["log_age_mean"], bins=edges, histtype="step", color=look.colour)
        masses.errorbar(
            stars["log_mass"],
            stars["log_mass_mean"],
            yerr=stars["log_mass_sd"],
            fmt=look.marker,
            color=look.colour,
            markersize=3.5,
            markeredgecolor="black",
            markeredgewidth=0.3,
            elinewidth=0.5,
        )
    age, low, high = stars[["log_age", "e_log_age_lo", "e_log_age_hi"]].iloc[0]
    ages.axvspan(age - low, age + high, color=style.LITERATURE, alpha=0.3, linewidth=0)
    literature = f"literature, {age:.3f} ({age - low:.3f} to {age + high:.3f})"
    lines = [ages.axvline(age, color=style.LITERATURE, label=literature)]
    style.counts(ages)
    ages.set(xlabel=f"predicted {style.LABELS['age']}")
    middle = stars["log_mass"].median()
    lines.append(masses.axline((middle, middle), slope=1, color="black", linewidth=0.8, label="1:1"))
    masses.set(xlabel=f"reported {style.LABELS['mass']}", ylabel=f"predicted {style.LABELS['mass']}")
    handles = [style.handle(model, style.MODELS[model]) for model in models] + lines
    title = f"{style.plain(label)}, {len(stars)} stars"
    figure.legend(handles=handles, title=title, loc="outside upper center", ncols=len(handles))
    return figure
