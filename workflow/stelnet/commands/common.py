"""What subcommands share: options, how a star list and a model are opened, where the repository is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stelnet.errors import ConfigError, DataError, one_line
from stelnet.starlists.formats import BadValues, InputFormat
from stelnet.terms import Stage

if TYPE_CHECKING:
    from stelnet.inference.model import Model
    from stelnet.starlists.base import StarList


StarsArgument = Annotated[
    str, typer.Argument(help="CSV or other text, ECSV, FITS, VOTable or Parquet; - for standard input.")
]
ModelOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        help="posterior, transfer or baseline, or a model's file (default: the first that is packaged).",
    ),
]
StageOption = Annotated[
    Stage | None, typer.Option(help="Stage of all stars, if known: before or after the ZAMS.")
]
TeffOption = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column of Teff, with its unit if need be: 'T \\[kK]'.")
]
LumOption = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column of L or Mbol, with its unit if need be: 'L \\[W]'.")
]
TeffErrorOption = Annotated[
    str,
    typer.Option(
        metavar="COLUMN|NUMBER", help="Its error: COLUMN, LOWER,UPPER, NUMBER (in the column's unit) or N%."
    ),
]
LumErrorOption = Annotated[str, typer.Option(metavar="COLUMN|NUMBER", help="The same for --lum.")]
RadiusOption = Annotated[
    str,
    typer.Option(
        metavar="COLUMN", help="Column of the radius: gives L = R² (Teff/5772 K)⁴ to stars without one."
    ),
]
RadiusErrorOption = Annotated[str, typer.Option(metavar="COLUMN|NUMBER", help="The same for --radius.")]
FehOption = Annotated[
    str,
    typer.Option(
        metavar="COLUMN|NUMBER|neighbourhood",
        help="\\[Fe/H]: a column (default: if one is found), a number, or the solar neighbourhood's.",
    ),
]
FehErrorOption = Annotated[
    str, typer.Option(metavar="COLUMN|NUMBER", help="Its error \\[dex]: COLUMN, LOWER,UPPER or NUMBER.")
]
AgePriorOption = Annotated[
    str,
    typer.Option(
        metavar="field|log|LOW,HIGH",
        help="Prior of the age: constant star formation, flat in log age, or flat between two ages \\[yr].",
    ),
]
FloorOption = Annotated[
    str,
    typer.Option(
        metavar="TEFF,LUM",
        help="Systematic errors \\[dex] that are added to those of Teff and L (default: the model's, "
        "0.01,0.02 of posterior).",
    ),
]
InputFormatOption = Annotated[
    InputFormat | None,
    typer.Option("--input-format", help="Format of the list (default: what its content tells)."),
]
HduOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|N", help="The table, of a FITS file or VOTable with several (default: the first)."
    ),
]
BadValuesOption = Annotated[
    BadValues, typer.Option(help="What becomes of text among numbers: an error, or a missing value.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]


def say(*lines: str) -> None:
    """Print lines on standard error; names of columns and the like make none longer than it may be."""
    for line in lines:
        typer.echo(one_line(line), err=True)


def repository(out: Path) -> Path:
    """Return the repository around an output folder, or else the one that this library belongs to."""
    from stelnet.files import ROOT

    return next((folder for folder in out.parents if (folder / "workflow/stelnet").is_dir()), ROOT)


@contextmanager
def extra_workflow(command: str, code: int) -> Iterator[None]:
    """End with one line and an exit code where an import within needs the extra `workflow`."""
    try:
        yield
    except ModuleNotFoundError as error:
        say(f"stelnet {command} needs {error.name}; install it with: pip install 'stelnet[workflow]'")
        raise typer.Exit(code)


def file_of(name: str) -> Path | None:
    """Return the file that an argument names, None for standard input or output."""
    return None if name == "-" else Path(name)


def check_target(target: Path, source: Path | None, overwrite: bool) -> None:
    """Raise DataError where an output cannot be written, or must not: over the list itself, or unasked."""
    if target.is_dir():
        raise DataError(f"{target}: a folder; name a file.")
    if not target.parent.is_dir():
        raise DataError(f"{target}: there is no folder {target.parent}; make it first.")
    if target.exists():
        if source and target.samefile(source):
            raise DataError(f"{target}: is the star list itself; name another file with -o.")
        if not overwrite:
            raise DataError(f"{target}: exists; name another file with -o, or give --overwrite.")


def load_model(model: str, grid: Path | None = None) -> "Model":
    """Return what --model names; imported late, as not every command needs one."""
    from stelnet.inference.loading import load_named

    return load_named(model, grid)


def floor_of(text: str) -> tuple[float, float] | None:
    """Return the two numbers of --floor, None where it is not given.

    Raises
    ------
    ConfigError
        There are not two.
    """
    if not text:
        return None
    try:
        log_teff, log_lum = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--floor {text!r}: must be two errors in dex, such as 0.01,0.02.")
    return log_teff, log_lum


@contextmanager
def star_list(
    stars: str, given: InputFormat | None, hdu: str = "", bad_values: BadValues = BadValues.ERROR
) -> Iterator["StarList"]:
    """Yield the list that an argument names, in the format given or found.

    Standard input is put into a file first, as formats need to seek.
    """
    from stelnet.starlists.opening import open_list

    path, folder = file_of(stars), None
    try:
        if path is None:
            import shutil
            import tempfile

            folder = tempfile.TemporaryDirectory()
            path = Path(folder.name, "stdin")
            with open(path, "wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        opened = open_list(path, given, "standard input" if folder else stars, hdu)
        try:
            opened.bad_values = bad_values
            yield opened
        finally:
            opened.close()
    finally:
        if folder:
            folder.cleanup()
