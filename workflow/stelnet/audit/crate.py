"""A run as a Workflow Run RO-Crate: results, records and code in one zip file, described in a standard form.

Profile: Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), on RO-Crate 1.1. The run of the
workflow is one action, every job another: its script is the instrument, inputs and settings are the objects,
its outputs the results.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from rocrate.model import ContextEntity, CreativeWork
from rocrate.rocrate import ROCrate

from stelnet.audit.audit import Audit
from stelnet.errors import DataError
from stelnet.provenance.records import FOLDER, git_state

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".tex": "application/x-tex",
    ".yaml": "application/yaml",
}
OTHER = "application/octet-stream"

Record = Mapping[str, Any]


def code_files(root: Path) -> list[str]:
    """Return the files of the repository as committed.

    Raises
    ------
    DataError
        It is no git repository, or it holds changes that no commit has.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    try:
        changed, names = git("status", "--porcelain"), git("ls-files", "-z")
    except (OSError, subprocess.CalledProcessError):
        raise DataError(f"{root}: not a git repository; an archive needs the commit of its code.")
    if changed:
        raise DataError(
            f"{root}: there are changes that are not committed ({changed.split()[1]} ...); commit them first."
        )
    return [name for name in names.split("\0") if name]


def archive(audit: Audit, path: Path) -> None:
    """Write results, records, code and crate to a zip file that `stelnet audit` understands once unpacked.

    Raises
    ------
    DataError
        The code is not committed, or the output folder lies outside the repository.
    """
    if not audit.out.is_relative_to(audit.root):
        raise DataError(f"{audit.out}: an archive needs its results inside the repository, {audit.root}.")
    if path.suffix != ".zip":
        raise DataError(f"{path}: the name of an archive must end in .zip.")
    crate(audit, code_files(audit.root)).write_zip(path)


def crate(audit: Audit, code: list[str]) -> ROCrate:
    """Return the crate of a run; `code` names the files of the repository that go into it."""
    return _Builder(audit, code).crate


class _Builder:
    def __init__(self, audit: Audit, code: list[str]) -> None:
        self.audit, self.crate = audit, ROCrate(version="1.1")
        self.commit = git_state(audit.root)["commit"]
        self.prefix = audit.out.relative_to(audit.root).as_posix()
        self.records = [finding.record for finding in audit.findings() if finding.record]
        self.jobs: dict[tuple[str, ...], list[Record]] = {}
        for record in self.records:
            job = record["job"]
            self.jobs.setdefault((job["rule"], job["started"], *job["wildcards"].values()), []).append(record)
        self._about()
        self.version = {"version": self.commit} if self.commit else {}
        for name in code:
            self._code(name)
        for record in self.records:
            self._output(record)
        for name in ("logs", "benchmarks"):
            self._plain((audit.out / name).rglob("*"))
        self._plain([audit.ledger.path])
        self.runs = [self._action(records) for records in self.jobs.values()]
        self._run()

    def _about(self) -> None:
        citation = yaml.safe_load((self.audit.root / "CITATION.cff").read_text(encoding="utf-8"))
        crate = self.crate
        crate.name = f"Results of the {citation['title']}"
        crate.description = (
            "Figures, tables, networks and data of one run, the records of what made them, and the code."
        )
        crate.datePublished = max(record["job"]["ended"] for record in self.records)[:10]
        licence = f"https://spdx.org/licenses/{citation['license']}"
        crate.license = crate.add(CreativeWork(crate, licence, properties={"name": citation["license"]}))
        crate.root_dataset["author"] = [
            crate.add(ContextEntity(crate, f"#author-{i}", properties=_author(author)))
            for i, author in enumerate(citation["authors"])
        ]
        crate.root_dataset["conformsTo"] = [
            crate.add(CreativeWork(crate, id, properties={"name": name, "version": version}))
            for id, (name, version) in PROFILES.items()
        ]

    def _code(self, name: str) -> None:
        path = self.audit.root / name
        if name == "Snakefile":
            self.workflow = self.crate.add_workflow(
                path,
                name,
                main=True,
                lang="snakemake",
                properties=self.version | {"name": "Workflow"},
            )
            self.workflow["license"] = self.crate.license
        elif path.is_file():
            script = self.version | {"@type": ["File", "SoftwareSourceCode"], "programmingLanguage": "Python"}
            properties = {"name": name, **(script if path.parent.name == "scripts" else {})}
            self.crate.add_file(path, name, properties=properties | _format(path))

    def _output(self, record: Record) -> None:
        name, path = record["output"]["path"], self.audit.out / record["output"]["path"]
        properties = {
            "name": name,
            "sha256": record["output"]["sha256"],
            "contentSize": str(record["output"]["bytes"]),
            **_format(path),
        }
        if source := record.get("source"):
            properties["description"] = (
                f"{source['title']}, {source['version']}, retrieved {source['retrieved']}"
            )
            properties["citation"] = [self._paper(paper) for paper in source["citations"]]
            if source["registered"]["url"]:
                properties["url"] = source["registered"]["url"]
        self.crate.add_file(path, f"{self.prefix}/{name}", properties=properties)
        kept = self.audit.out / FOLDER / f"{name}.json"
        self.crate.add_file(
            kept,
            f"{self.prefix}/{FOLDER}/{name}.json",
            properties={"name": f"Record of {name}", "encodingFormat": "application/json"},
        )

    def _plain(self, paths: Iterable[Path]) -> None:
        for path in sorted(paths):
            if path.is_file():
                name = path.relative_to(self.audit.root).as_posix()
                self.crate.add_file(path, name, properties={"name": name, "encodingFormat": "text/plain"})

    def _paper(self, paper: Mapping[str, Any]) -> ContextEntity:
        id = f"https://doi.org/{paper['doi']}" if paper["doi"] else f"#{_slug(paper['cite'])}"
        known = self.crate.get(id)
        properties = {"@type": "ScholarlyArticle", "name": paper["cite"]}
        if paper["bibcode"]:
            properties["identifier"] = paper["bibcode"]
        return known or self.crate.add(ContextEntity(self.crate, id, properties=properties))

    def _setting(self, key: str, value: Any) -> ContextEntity:
        text = value if isinstance(value, str) else json.dumps(value)
        id = f"#setting-{_slug(f'{key}={text}')}"
        properties = {"@type": "PropertyValue", "name": key, "value": text}
        return self.crate.get(id) or self.crate.add(ContextEntity(self.crate, id, properties=properties))

    def _files(self, names: Mapping[str, Any]) -> list[ContextEntity]:
        return [
            self.crate.get(f"{self.prefix}/{name}")
            for name in names
            if self.crate.get(f"{self.prefix}/{name}")
        ]

    def _action(self, records: list[Record]) -> ContextEntity:
        """Add the action of one job."""
        job, inputs = records[0]["job"], records[0]["inputs"]
        resources = [self.crate.get(name) for name in records[0]["resources"] if self.crate.get(name)]
        settings = [self._setting(key, value) for key, value in job["config"]["values"].items()]
        properties = {
            "@type": "CreateAction",
            "name": " ".join([job["rule"], *map(str, job["wildcards"].values())]),
            "instrument": self.crate.get(job["script"]["path"]),
            "object": _one([*self._files(inputs), *resources, *settings]),
            "result": _one(self._files({record["output"]["path"]: None for record in records})),
            "startTime": job["started"],
            "endTime": job["ended"],
            "description": f"Job of rule {job['rule']} at commit {job['commit']}",
            "actionStatus": "http://schema.org/CompletedActionStatus",
        }
        return self.crate.add(
            ContextEntity(self.crate, f"#job-{records[0]['id'][:16]}", properties=properties)
        )

    def _run(self) -> None:
        """Add the action of the whole run."""
        records = self.records
        raw = {record["output"]["path"]: None for record in records if "source" in record}
        shown = [
            r["output"]["path"] for r in records if r["output"]["path"].startswith(("figures/", "tables/"))
        ]
        properties = {
            "@type": "CreateAction",
            "name": "Run of the workflow",
            "description": "From the raw files to every figure and table",
            "instrument": self.workflow,
            "object": self._files(raw),
            "result": self._files(dict.fromkeys(shown)),
            "startTime": min(record["job"]["started"] for record in records),
            "endTime": max(record["job"]["ended"] for record in records),
            "actionStatus": "http://schema.org/CompletedActionStatus",
        }
        run = self.crate.add(ContextEntity(self.crate, "#run", properties=properties))
        self.crate.root_dataset["mentions"] = [run, *self.runs]


def _format(path: Path) -> dict[str, str]:
    return {"encodingFormat": FORMATS.get(path.suffix, OTHER if path.suffix else "text/plain")}


def _author(author: Mapping[str, str]) -> dict[str, str]:
    """Return an author of CITATION.cff, where those with a `name` are no persons."""
    if "name" in author:
        return {"@type": "Organization", "name": author["name"]}
    return {"@type": "Person", "name": f"{author['given-names']} {author['family-names']}"}


def _one(values: list[ContextEntity]) -> ContextEntity | list[ContextEntity]:
    """Return a list, or its only member: RO-Crate wants no lists of one."""
    return values[0] if len(values) == 1 else values


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")
