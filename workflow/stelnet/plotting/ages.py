"""The individual ages of the stars in young samples (Figure 7)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stelnet.plotting import style


@style.paper
def figure(samples: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> Figure:
    """Draw a histogram of log age in a panel for each sample, with the range of ages in the corner.

    Parameters
    ----------
    samples
        Name -> standard star table.
    labels
        Name -> label of every sample; their order gives the colours.
    """
    figure = Figure(figsize=(style.DOUBLE, 2.6), layout="constrained")
    looks = style.looks(labels)
    edges = np.histogram_bin_edges(pd.concat(samples.values())["log_age"], bins=40)
    panels = figure.subplots(1, len(samples), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (name, table) in zip(panels, samples.items(), strict=True):
        age = table["log_age"]
        axes.hist(age, bins=edges, color=looks[name].colour, edgecolor="black", linewidth=0.4)
        axes.text(
            0.03,
            0.96,
            f"{style.plain(labels[name])}, $n$ = {len(age)}\nrange {age.min():.2f} to {age.max():.2f}",
            transform=axes.transAxes,
            va="top",
        )
        axes.set_xlabel(style.LABELS["age"])
        style.counts(axes)
        axes.label_outer()
    return figure
