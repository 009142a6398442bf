"""`stelnet plot`: stars of a table on the Hertzsprung-Russell diagram, with their ages and masses."""

import os
from pathlib import Path
from typing import Annotated

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
from stelnet.starlists.formats import BadValues

SUFFIXES = (".png", ".pdf")
COMPRESSED = (".gz", ".bz2", ".xz")
#: Where MIST tracks are looked for: in the results of the workflow, and in a mirror of the raw data.
RESULTS, MIRRORED = "results/mist/tracks.parquet", "mist/mist_v1.2_feh0.00_vvcrit0.4_exact_rows.csv.gz"


def plot(
    stars: StarsArgument,
    star: Annotated[
        str, typer.Option(metavar="ID", help="One star: its name in the table, or the number of its row.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All stars.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A .png or .pdf file (default: named after table and star)."),
    ] = None,
    overwrite: OverwriteOption = False,
    model: ModelOption = "",
    stage: StageOption = None,
    age_prior: AgePriorOption = "field",
    tracks: Annotated[
        Path | None,
        typer.Option(
            help="MIST tracks: tracks.parquet of a run, the consolidated table or the official archive "
            f"(default: {RESULTS}, else the table in STELNET_MIRROR)."
        ),
    ] = None,
    teff: TeffOption = "",
    lum: LumOption = "",
    radius: RadiusOption = "",
    feh: FehOption = "",
    e_teff: TeffErrorOption = "",
    e_lum: LumErrorOption = "",
    e_radius: RadiusErrorOption = "",
    e_feh: FehErrorOption = "",
    floor: FloorOption = "",
    input_kind: InputFormatOption = None,
    hdu: HduOption = "",
    bad_values: BadValuesOption = BadValues.ERROR,
) -> None:
    """Draw stars on the H-R diagram: one with the posterior of its age and mass, or all with theirs.

    Behind them are the ZAMS, the domain that the networks know and, where they are found, MIST tracks.
    """
    if bool(star) == everything:
        raise typer.BadParameter("give --star ID, or --all")
    try:
        path = file_of(stars)
        if out:
            _check_target(out, path, overwrite)
        from stelnet.plotting import style
        from stelnet.starlists.place import Columns
        from stelnet.starlists.prediction import Request
        from stelnet.starplots import content, lettering
        from stelnet.starplots.many_stars import NAMED, crowd_figure
        from stelnet.starplots.one_star import star_figure

        with star_list(stars, input_kind, hdu, bad_values) as opened:
            if opened.note:
                say(f"{opened.label}: {opened.note}")
            chosen = load_model(model)
            columns = Columns.found(
                opened, teff, lum, e_teff, e_lum, feh, e_feh, chosen.metallicities, radius, e_radius
            )
            request = Request(stage, age_prior=age_prior, floor=floor_of(floor))
            chosen.check(age_prior=age_prior, floor=request.floor)
            say(*columns.described().values())
            names, naming = content.names(opened)
            say(naming)
            row = content.row(names, star, opened.label) if star else None
            target = out or _default_target(path, None if row is None else content.file_name(names, row))
            _check_target(target, path, overwrite)
            background = content.background(chosen, _tracks(tracks))
            about = f"model {chosen.name} {chosen.sha256[:12]}, age prior {age_prior}"
            about += f", stage {stage}" if stage else ""
            if row is not None:
                say(*filter(None, [lettering.lacking([names[row]])]))
                one = content.star(chosen, opened, columns, row, names[row], request)
                figure, title = star_figure(one, background, about), one.name
            else:
                table, flags = content.everything(chosen, opened, columns, request)
                if len(names) <= NAMED:
                    say(*filter(None, [lettering.lacking(names)]))
                figure = crowd_figure(table, flags, names, background, about)
                title = f"{opened.label}, {len(names)} stars"
            say(*(f"{opened.label}: {remark}" for remark in opened.remarks()))
        style.save(figure, [target], title, chosen.simulated)
        say(f"{target}: {title}")
    except StelnetError as error:
        say(f"stelnet: {error}")
        raise typer.Exit(2)
    except OSError as error:
        say(f"stelnet: {error.filename or out}: {error.strerror or error}.")
        raise typer.Exit(2)


def _default_target(path: Path | None, star: str | None) -> Path:
    """Return a name made of the table's and the star's, in the working directory."""
    table = path if path and path.suffix not in COMPRESSED else Path(path.stem if path else "stars")
    return Path((table.stem if star is None else f"{table.stem}-{star}") + ".png")


def _check_target(target: Path, source: Path | None, overwrite: bool) -> None:
    if target.suffix.lower() not in SUFFIXES:
        raise DataError(f"{target}: a figure is a {' or a '.join(SUFFIXES)} file.")
    check_target(target, source, overwrite)


def _tracks(path: Path | None) -> Path | None:
    """Return the file of MIST tracks that is named, or else the first one found, and say what is found."""
    if path is None:
        mirror = os.environ.get("STELNET_MIRROR")
        places = [Path(RESULTS), *([Path(mirror).expanduser() / MIRRORED] if mirror else [])]
        path = next(filter(Path.is_file, places), None)
        if path is None:
            say(f"no MIST tracks behind the stars: {' and '.join(map(str, places))} not found; see --tracks")
            return None
    say(f"MIST tracks from {path}")
    return path
