"""The command `stelnet`. What a subcommand needs is imported when it runs: the command starts at once."""

from typing import Annotated

import typer

from stelnet._version import __version__
from stelnet.commands.archive import archive
from stelnet.commands.audit import audit
from stelnet.commands.models import models
from stelnet.commands.plot import plot
from stelnet.commands.predict import predict

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
for command in (predict, plot, models, audit, archive):
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stelnet {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Stellar ages and masses from neural networks: tools beside the workflow."""


if __name__ == "__main__":
    app()
