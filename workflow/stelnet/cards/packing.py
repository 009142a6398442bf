"""Take the models of a finished run, their card and the record of what made them to where they are packaged.

``python -m stelnet.inference.packaged.packing results resources/pretrained`` (`make pretrained`).
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from stelnet.audit.audit import Audit
from stelnet.audit.findings import Finding, Verdict
from stelnet.audit.terminal import show
from stelnet.errors import DataError, StelnetError
from stelnet.files import atomic_path, sha256_file, write_json
from stelnet.inference.packaged import CARD, PROVENANCE, read, verify
from stelnet.provenance.records import digest

#: Folder of the models below the results, and the card for readers.
FOLDER, TEXT = "pretrained", "README.md"
#: The most that all packaged files may weigh [bytes].
LIMIT = 10_000_000

#: What is kept of the record of a job, of its run, and of the source of a raw file.
JOB = ("rule", "wildcards", "script", "seed", "ended", "wall_seconds")
RUN = ("commit", "dirty", "repository", "configuration", "environment", "python", "platform", "cpu", "gpu")
SOURCE = ("dataset", "title", "version", "citations", "registered", "via", "retrieved")


class _Pool:
    """Values that several records share, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._indices: dict[str, int] = {}

    def add(self, value: Any) -> int:
        """Return the index of a value."""
        key = digest(value)
        if key not in self._indices:
            self._indices[key] = len(self.values)
            self.values.append(value)
        return self._indices[key]


def lineage(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the records of files (name in the results -> record) in one value, what they share kept once.

    Returns
    -------
    outputs: name -> sha256, bytes, the index of its job, and of a raw file its source. jobs: rule, script,
    settings, inputs (name -> sha256), and indices of its code and run. code: path -> sha256 of the modules.
    runs: commit, configuration, environment.
    """
    jobs, code, runs, outputs = _Pool(), _Pool(), _Pool(), {}
    for name, record in sorted(records.items()):
        job = record["job"]
        inputs = {path: one["sha256"] for path, one in (record["inputs"] | record["resources"]).items()}
        kept = {key: job[key] for key in JOB} | {"config": job["config"]["values"], "inputs": inputs}
        kept |= {"code": code.add(job["modules"]), "run": runs.add({key: job[key] for key in RUN})}
        outputs[name] = {key: record["output"][key] for key in ("sha256", "bytes")} | {"job": jobs.add(kept)}
        if source := record.get("source"):
            outputs[name]["source"] = {key: source[key] for key in SOURCE}
    return {"outputs": outputs, "jobs": jobs.values, "code": code.values, "runs": runs.values}


def pack(results: Path, target: Path) -> list[Finding]:
    """Copy models and card from the results to `target`, with their provenance, once they have been verified.

    What is stale, because code or configuration changed since, is taken; the provenance tells the code and
    configuration that made it.

    Returns
    -------
    What the audit found about each file.

    Raises
    ------
    DataError
        The results lack the models, something in their lineage is altered or unknown, the card does not fit
        them, or they weigh too much.
    """
    source = results / FOLDER
    models = [model["file"] for model in read(CARD, source)["models"].values()]
    verify(source)
    files = [*models, CARD, TEXT]
    audit = Audit(results)
    findings = {name: audit.of_output(f"{FOLDER}/{name}") for name in files}
    for finding in findings.values():
        for cause in finding.causes:
            if cause.verdict > Verdict.STALE:
                raise DataError(f"{results}: {cause.verdict}: {cause.path}: {cause.message}.")
    weight = sum((source / name).stat().st_size for name in files)
    if weight > LIMIT:
        raise DataError(f"{source}: {weight / 1e6:.1f} MB are more than the {LIMIT / 1e6:g} MB of a package.")
    # of the card its own record, of the models all that they were made from
    told = [*findings.values(), *(one for name in models for one in findings[name].lineage())]
    records = {finding.path: finding.record for finding in told if finding.record}
    for name in files:
        with atomic_path(target / name) as temporary:
            shutil.copyfile(source / name, temporary)
    packed = {name: {"sha256": sha256_file(target / name), "output": f"{FOLDER}/{name}"} for name in files}
    write_json({"files": packed, **lineage(records)}, target / PROVENANCE)
    return list(findings.values())


def main(results: Path, target: Path) -> None:
    """Take the models of finished results to where they are packaged."""
    try:
        show(pack(results, target), trees=False)
    except StelnetError as error:
        typer.echo(f"stelnet: {error}", err=True)
        raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(main)
