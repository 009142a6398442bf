"""`stelnet audit`: what made a file, and whether it still holds."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from stelnet.commands.common import extra_workflow, repository, say
from stelnet.errors import StelnetError


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
    from stelnet.audit.findings import Verdict

    with extra_workflow("audit", Verdict.UNKNOWN):
        from stelnet.audit.audit import Audit, output_folder
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
    except (StelnetError, OSError, RecursionError) as error:
        say(f"stelnet: {error}")
        raise typer.Exit(Verdict.UNKNOWN)
    for one in audits.values():
        one.sha256.save()
    if as_json:
        json.dump([finding.summary() for finding in findings], sys.stdout, indent=2, sort_keys=True)
        sys.stdout.write("\n")
    else:
        show(findings, trees=not everything)
        if everything and (digest := audit_at(default).ledger.digest):
            typer.echo(f"sha256 of the list of all records: {digest}")
    raise typer.Exit(max((finding.verdict for finding in findings), default=Verdict.UNKNOWN))


def _recorded(folder: Path) -> bool:
    return (folder / "provenance").is_dir()
