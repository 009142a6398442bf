"""The course of a training: losses by epoch."""

import pandas as pd
from matplotlib.figure import Figure

from stelnet.plotting import style


@style.paper
def course(losses: pd.DataFrame, title: str) -> Figure:
    """Draw the parts of a loss by step, a panel each.

    Parameters
    ----------
    losses
        ``step`` and a column for each part.
    title
        What the network is.
    """
    parts = [name for name in losses if name != "step"]
    figure = Figure(figsize=(style.SINGLE, 1.4 * len(parts)), layout="constrained")
    panels = figure.subplots(len(parts), sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, parts, strict=True):
        axes.plot(losses["step"], losses[name], color="#0072B2", linewidth=1)
        axes.set_ylabel(f"loss ({name})")
    panels[0].set_title(title, loc="left")
    panels[-1].set_xlabel("step")
    return figure


@style.paper
def figure(losses: pd.DataFrame, title: str, loss: str) -> Figure:
    """Draw the loss of every network by epoch, thin, and the median of all, thick.

    Parameters
    ----------
    losses
        ``epoch``, ``boot``, ``train_loss`` and ``test_loss``.
    title
        What the networks are.
    loss
        Name of the loss, for the axis.
    """
    figure = Figure(figsize=(style.SINGLE, 2.6), layout="constrained")
    axes = figure.subplots()
    looks = {"train_loss": ("training rows", "#0072B2"), "test_loss": ("held-out rows", "#D55E00")}
    for column, (label, colour) in looks.items():
        runs = losses.pivot(index="epoch", columns="boot", values=column)
        axes.plot(runs.index, runs, color=colour, linewidth=0.4, alpha=0.4)
        axes.plot(runs.index, runs.median(axis=1), color=colour, linewidth=1.2, label=f"{label} (median)")
    axes.set(xlabel="epoch", ylabel=f"loss ({loss}, standardised outputs)", yscale="log")
    axes.legend(title=f"{title}, {losses['boot'].nunique()} networks")
    return figure
