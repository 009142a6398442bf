"""`stelnet archive`: all results in one file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from stelnet.commands.common import extra_workflow, repository, say
from stelnet.errors import StelnetError


def archive(
    path: Annotated[Path, typer.Argument(help="The zip file to write.")] = Path("stelnet-results.zip"),
    results: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
) -> None:
    """Bundle results, records, logs and the committed code in one zip file, as a Workflow Run RO-Crate."""
    with extra_workflow("archive", 2):
        from stelnet.audit.audit import Audit
        from stelnet.audit.crate import archive as write

    try:
        write(Audit(results, repository(Path(os.path.abspath(results)))), path)
    except StelnetError as error:
        say(f"stelnet: {error}")
        raise typer.Exit(2)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
