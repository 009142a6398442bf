"""What all figures share: sizes, colours, axis labels, the mark of simulated data, reproducible files."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stelnet.arrays import Floats
from stelnet.files import atomic_path
from stelnet.provenance import records

# a line for every table of every font that goes into a PDF would drown a job's log
logging.getLogger("fontTools").setLevel(logging.WARNING)

#: Widths of one and of two columns of the journal [inch].
SINGLE, DOUBLE = 3.4, 7.1

#: Decorator under which figures are drawn and saved; a user's own matplotlibrc has no say.
paper = matplotlib.style.context(
    [
        "default",
        {
            "axes.axisbelow": True,
            "axes.labelsize": 8,
            "axes.linewidth": 0.6,
            "font.size": 7.5,
            "legend.fontsize": 7.5,
            "legend.frameon": False,
            "legend.handletextpad": 0.4,
            "lines.linewidth": 1.0,
            "patch.linewidth": 0.8,
            "pdf.fonttype": 42,
            "savefig.dpi": 300,
            "xtick.direction": "in",
            "xtick.labelsize": 7.5,
            "xtick.minor.visible": True,
            "xtick.top": True,
            "ytick.direction": "in",
            "ytick.labelsize": 7.5,
            "ytick.minor.visible": True,
            "ytick.right": True,
        },
    ]
)

#: Labels of the axes of the predicted quantities.
LABELS = {"age": "log(age/yr)", "mass": r"log($M$/M$_\odot$)"}


@dataclass(frozen=True)
class Look:
    """How the stars of one sample are drawn."""

    colour: str
    marker: str
    size: float = 4.5


#: How samples are drawn, in turn. All colours are from the palette of Okabe & Ito (2008), which is told
#: apart under all common kinds of colour blindness.
CYCLE = (
    Look("#D55E00", "*", 7.5),
    Look("#56B4E9", "o"),
    Look("#009E73", "^"),
    Look("#0072B2", "o"),
    Look("#E69F00", "s"),
    Look("#CC79A7", "D"),
    Look("#000000", "v"),
)
MODELS = {"baseline": Look("#0072B2", "o"), "transfer": Look("#E69F00", "s")}
LITERATURE = ZAMS = "#D55E00"
GREY = "0.55"

#: Up to this many stars are drawn large, with error bars; more are small, translucent and rasterised.
FEW = 50


def looks(names: Iterable[str], first: int = 0) -> dict[str, Look]:
    """Return the look of each sample, by its place among all samples, so that it is the same in every figure.

    `first` is the place in the cycle of looks of the first sample.
    """
    return {name: CYCLE[i % len(CYCLE)] for i, name in enumerate(names, first)}


def stars(axes: Axes, x: Floats | pd.Series, y: Floats | pd.Series, look: Look) -> None:
    """Draw the stars of one sample; `x` and `y` have shape (n,).

    Small samples lie on top of large ones, whatever the order in which they are drawn; lines at zorder 2.95
    lie between.
    """
    few = len(x) <= FEW
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        color=look.colour,
        markersize=look.size if few else 2.2,
        markeredgecolor="black" if few else "none",
        markeredgewidth=0.5,
        alpha=1 if few else 0.5,
        rasterized=not few,
        zorder=(3 if few else 2.9) - 1e-5 * min(len(x), 50_000),
    )


def counts(axes: Axes) -> None:
    """Let the vertical axis of a histogram count stars."""
    axes.set_ylabel("number of stars")
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", which="minor", left=False, right=False)


def plain(text: str) -> str:
    """Return text that a figure shows as it is, not as a formula."""
    return text.replace("$", r"\$")


def handle(label: str, look: Look) -> Line2D:
    """Return a legend entry for the stars of one sample."""
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=look.marker,
        color=look.colour,
        markersize=look.size,
        markeredgecolor="black",
        markeredgewidth=0.5,
        label=plain(label),
    )


@paper
def save(figure: Figure, files: Iterable[str | Path], title: str, simulated: bool) -> None:
    """Write a figure to PDF and PNG files whose bytes depend on the figure and the job that made it alone.

    In a job of the workflow they carry the commit, the digest of the inputs and the id of their record.

    Parameters
    ----------
    figure
        Drawn with constrained layout.
    files
        Paths ending in ``.pdf`` or ``.png``.
    title
        Goes into the metadata of the files.
    simulated
        Whether to write "simulated" in the lower right corner, below everything else.
    """
    if simulated:
        width, height = figure.get_size_inches()
        figure.text(1 - 0.04 / width, 0.04 / height, "simulated", ha="right", va="bottom", weight="bold")
        layout = figure.get_layout_engine()
        assert isinstance(layout, ConstrainedLayoutEngine)
        layout.set(rect=(0, 0.16 / height, 1, 1 - 0.16 / height))
    job = records.current.get()
    for file in files:
        about = str(job.identity(file)) if job else None
        metadata = {
            ".pdf": {"Subject": about, "Creator": None, "Producer": None, "CreationDate": None},
            ".png": {"Description": about, "Software": None},
        }
        with atomic_path(file) as temporary:
            figure.savefig(temporary, metadata={"Title": title, **metadata[temporary.suffix]})
