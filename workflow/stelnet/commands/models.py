"""`stelnet models`: which models come with the library."""

import json
import sys
from typing import Annotated, Any

import typer

from stelnet.commands.common import load_model, say
from stelnet.errors import StelnetError
from stelnet.terms import MISSING


def models(
    name: Annotated[
        str, typer.Argument(help="All that this model, or the model in this file, says of itself, as JSON.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the models that come with the library; `stelnet predict --model` takes their names."""
    from stelnet.inference.packaged import verify

    try:
        if name:
            model = load_model(name)
            told: Any = {"sha256": model.sha256, **model.metadata}
        else:
            verify()
            told = packaged()
    except StelnetError as error:
        say(f"stelnet: {error}")
        raise typer.Exit(2)
    if as_json or name:
        json.dump(told, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _show(told)


def packaged() -> list[dict[str, Any]]:
    """Return what card and provenance tell of each packaged model.

    Returns
    -------
    name; default; simulated; variant of the catalogues, empty where none served; trained_on (stage -> sample
    -> number of points); made, the time in ISO 8601; commit of the code that made it, with "-dirty" behind it
    where there were changes; bytes; sha256; path.
    """
    from stelnet.inference.packaged import CARD, PROVENANCE, read, weights

    card, provenance = read(CARD), read(PROVENANCE)
    rows = []
    for name, model in card["models"].items():
        output = provenance["outputs"][provenance["files"][model["file"]]["output"]]
        job = provenance["jobs"][output["job"]]
        run = provenance["runs"][job["run"]]
        rows.append(
            {
                "name": name,
                "default": name == card["default"],
                "simulated": card["simulated"],
                "variant": model["variant"],
                "trained_on": model["trained_on"],
                "made": job["ended"],
                "commit": (run["commit"] or "unknown") + "-dirty" * bool(run["dirty"]),
                "bytes": model["bytes"],
                "sha256": model["sha256"],
                "path": str(weights(name)),
            }
        )
    return rows


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("model", "sha256", "variant", "trained on", "made", "commit", "MB"):
        table.add_column(column, no_wrap=column != "trained on")
    for row in rows:
        table.add_row(
            row["name"] + "*" * row["default"],
            row["sha256"][:12],
            row["variant"] or MISSING,
            _learnt(row),
            row["made"][:10],
            row["commit"][:8] + "-dirty" * row["commit"].endswith("-dirty"),
            f"{row['bytes'] / 1e6:.1f}",
        )
    console.print(table)
    console.print("* used where none is named")
    for row in rows:
        # paths are long: a line each, whole even on a narrow terminal
        console.print(f"{row['name']}: {row['path']}", soft_wrap=True)


def _learnt(row: dict[str, Any]) -> str:
    """Return in a few words what a model was trained on."""
    points = [item for samples in row["trained_on"].values() for item in samples.items()]
    tracks = sum(n for sample, n in points if sample.startswith("MIST"))
    stars = sum(n for _, n in points) - tracks
    simulated = "simulated " if row["simulated"] else ""
    return simulated + f"{stars} star and " * bool(stars) + f"{tracks} MIST points"
