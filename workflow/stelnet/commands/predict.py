"""`stelnet predict`: ages and masses of the stars of a table."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stelnet.commands.common import (
    AgePriorOption,
    BadValuesOption,
    FehErrorOption,
    FehOption,
    FloorOption,
    HduOption,
    InputFormatOption,
    LumErrorOption,
    LumOption,
    ModelOption,
    OverwriteOption,
    RadiusErrorOption,
    RadiusOption,
    StageOption,
    StarsArgument,
    TeffErrorOption,
    TeffOption,
    check_target,
    file_of,
    floor_of,
    load_model,
    say,
    star_list,
)
from stelnet.errors import DataError, StelnetError
from stelnet.inference.answer import FLAGS, Method
from stelnet.progress import bar
from stelnet.starlists.formats import FORMATS, BadValues, Format, output_format

if TYPE_CHECKING:
    from stelnet.starlists.base import StarList
    from stelnet.starlists.prediction import Summary

#: What a shell reports of a command that a broken pipe ended.
BROKEN_PIPE = 141


def predict(
    stars: StarsArgument,
    out: Annotated[str, typer.Option("--out", "-o", help="The file to write; - for standard output.")] = "-",
    model: ModelOption = "",
    stage: StageOption = None,
    age_prior: AgePriorOption = "field",
    teff: TeffOption = "",
    lum: LumOption = "",
    radius: RadiusOption = "",
    feh: FehOption = "",
    e_teff: TeffErrorOption = "",
    e_lum: LumErrorOption = "",
    e_radius: RadiusErrorOption = "",
    e_feh: FehErrorOption = "",
    floor: FloorOption = "",
    samples: Annotated[int, typer.Option(min=0, metavar="N", help="Add N draws from each posterior.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    method: Annotated[
        Method,
        typer.Option(
            help="posterior: the network, or exact-grid, sums over the isochrones of --grid; transfer and "
            "baseline: exact, the networks, or a table of their answers; auto: the faster."
        ),
    ] = Method.AUTO,
    grid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The cube of isochrones for --method exact-grid.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Put before the names of the new columns.")] = "",
    kind: Annotated[
        Format | None,
        typer.Option("--format", help="Format of the output (default: by extension, or that of the list)."),
    ] = None,
    input_kind: InputFormatOption = None,
    hdu: HduOption = "",
    bad_values: BadValuesOption = BadValues.ERROR,
    chunk_size: Annotated[int, typer.Option(min=1, metavar="N", help="Stars in memory at a time.")] = 1 << 17,
    overwrite: OverwriteOption = False,
) -> None:
    """Add ages and masses, with their uncertainties and flags, to a table of stars.

    The table needs effective temperatures and luminosities; their columns are found by name or unit.
    No row is dropped: one that cannot be used has no age, and a flag that says why.
    """
    from stelnet.starlists.place import Columns
    from stelnet.starlists.prediction import Request, predict_list

    # a job that a scheduler ends leaves no half-written file either; a signal that is ignored stays so
    if signal.getsignal(signal.SIGTERM) != signal.SIG_IGN:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        target = file_of(out)
        with star_list(stars, input_kind, hdu, bad_values) as opened:
            if opened.note:
                say(f"{opened.label}: {opened.note}")
            if target:
                check_target(target, file_of(stars), overwrite)
            output = _output_format(target, kind, opened)
            if samples and output == "csv":
                raise DataError("CSV cannot hold draws, which are arrays: choose another --format.")
            chosen = load_model(model, grid)
            columns = Columns.found(
                opened, teff, lum, e_teff, e_lum, feh, e_feh, chosen.metallicities, radius, e_radius
            )
            request = Request(stage, method, age_prior, floor_of(floor), samples, seed, chunk_size, prefix)
            chosen.check(method, age_prior, request.floor)
            say(*columns.described().values())
            with bar("stars", opened.rows) as advance:
                summary = predict_list(chosen, opened, columns, target, output, request, advance)
            say(*(f"{opened.label}: {remark}" for remark in opened.remarks()))
        _summarise(summary)
    except StelnetError as error:
        say(f"stelnet: {error}")
        raise typer.Exit(2)
    except BrokenPipeError:
        # nobody reads on; without this Python complains once more when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE)
    except KeyboardInterrupt:
        say("stelnet: interrupted.")
        # killed by the signal, not just with its exit code: else a loop of the shell around this goes on
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except OSError as error:
        say(f"stelnet: {error.filename or out}: {error.strerror or error}.")
        raise typer.Exit(2)


def _output_format(target: Path | None, given: Format | None, stars: "StarList") -> str:
    # text of other kinds than CSV is not written
    default = stars.kind if stars.kind in FORMATS else Format.CSV
    kind = str(given or (output_format(target) if target else default))
    if target is None and kind not in ("csv", "ecsv") and sys.stdout.isatty():
        raise DataError(f"{kind.upper()} is not for a terminal: give a file with -o, or --format csv.")
    return kind


def _summarise(summary: "Summary") -> None:
    from stelnet.starlists.place import FROM_RADIUS

    told = summary.metadata
    choices = ""
    if "feh" in told["columns"]:
        floor = ",".join(f"{error:g}" for error in told["floor"].values())
        choices = f", age prior {told['age_prior']}, floor {floor} dex"
    luminosities = told["luminosity_from"]
    several = len(luminosities) > 1 or FROM_RADIUS in luminosities
    from_what = (
        ", of ".join(f"{count} from {name}" for name, count in luminosities.items()) if several else ""
    )
    simulated = ", trained on a simulated sky" if told["simulated"] else ""
    say(
        f"{summary.stars} star{'s' * (summary.stars != 1)}, {summary.answered} with age and mass; "
        f"model {told['model']} {told['model_sha256'][:12]}{simulated}, {told['method']} method{choices}",
        *([f"  luminosity of {from_what}"] if from_what else []),
        *(f"  {count} {name}: {FLAGS[name]}" for name, count in told["flags"].items()),
    )
