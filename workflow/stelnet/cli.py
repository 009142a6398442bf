"""The command `stelnet`. What a subcommand needs is imported when it runs: the command starts at once."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from stelnet.commands.models import models
from stelnet.commands.plot import plot
from stelnet.commands.predict import predict
from stelnet.errors import StelnetError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

app.command()(models)
app.command()(plot)
app.command()(predict)


@app.callback()
def main() -> None:
    """Stellar ages and masses from neural networks: tools beside the workflow."""


@app.command()
def audit(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files to audit, wherever they lie.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Audit every output.")] = False,
    results: Annotated[
        Path | None,
        typer.Option(help="Folder of the results  [default: the one around the file, or results]"),
    ] = None,
    mirror: Annotated[
        Path | None, typer.Option(envvar="STELNET_MIRROR", help="Compare raw files with this mirror.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Hash even what seems unchanged.")] = False,
) -> None:
    """Tell what made a file, from what, and whether the workflow would still make it.

    Exit codes: 0 verified, 1 stale, 2 altered, 3 unknown; the worst wins.
    """
    from stelnet.audit.audit import Audit, output_folder
    from stelnet.audit.findings import Verdict
    from stelnet.audit.terminal import show

    if bool(paths) == everything:
        raise typer.BadParameter("name files, or give --all")
    default = results or next(filter(_recorded, (Path("results"), Path("results/demo"))), Path("results"))
    audits: dict[Path, Audit] = {}

    def audit_at(folder: Path) -> Audit:
        key = Path(os.path.abspath(folder))
        if key not in audits:
            audits[key] = Audit(key, repository(key), mirror, deep)
        return audits[key]

    try:
        if everything:
            findings = audit_at(default).findings()
        else:
            findings = [audit_at(results or output_folder(path) or default).of(path) for path in paths or []]
    except StelnetError as error:
        typer.echo(f"stelnet: {error}", err=True)
        raise typer.Exit(Verdict.UNKNOWN)
    for one in audits.values():
        one.sha256.save()
    if as_json:
        json.dump([finding.summary() for finding in findings], sys.stdout, indent=2, sort_keys=True)
        sys.stdout.write("\n")
    else:
        show(findings, trees=not everything)
    raise typer.Exit(max((finding.verdict for finding in findings), default=Verdict.UNKNOWN))


@app.command()
def archive(
    path: Annotated[Path, typer.Argument(help="The zip file to write.")] = Path("stelnet-results.zip"),
    results: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
) -> None:
    """Bundle results, records, logs and the committed code in one zip file, as a Workflow Run RO-Crate."""
    from stelnet.audit.audit import Audit
    from stelnet.audit.crate import archive as write

    try:
        write(Audit(results, repository(Path(os.path.abspath(results)))), path)
    except StelnetError as error:
        typer.echo(f"stelnet: {error}", err=True)
        raise typer.Exit(2)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def _recorded(folder: Path) -> bool:
    return (folder / "provenance").is_dir()


def repository(out: Path) -> Path:
    """Return the repository around an output folder, or else the one that this library belongs to."""
    from stelnet.provenance.records import ROOT

    return next((folder for folder in out.parents if (folder / "Snakefile").is_file()), ROOT)


if __name__ == "__main__":
    app()
