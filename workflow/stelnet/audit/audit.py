"""Is a file still what the workflow would make? Answered from the records of its run, every hash verified.

A file is worth what everything that it was made from is worth: the verdict on it is the worst of its lineage,
and every verdict but the good one names its culprits.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from stelnet import configuration
from stelnet.audit.findings import Cause, Finding, Verdict
from stelnet.audit.hashes import Hashes
from stelnet.audit.soundness import fault
from stelnet.errors import ConfigError, DataError
from stelnet.files import ROOT, read_json, sha256_file
from stelnet.provenance import records
from stelnet.provenance.ledger import Ledger, record_files

#: Folders below the output folder whose files have no records.
NOT_RECORDED = ("logs", "benchmarks", records.FOLDER)


def output_folder(path: Path) -> Path | None:
    """Return the output folder in which a file lies, None if it lies in none.

    It is the outermost one whose records are about files of the same folder: a folder of records that was put
    into another run's results hides nothing there.
    """
    absolute = Path(os.path.abspath(path))
    folders = [folder for folder in reversed(absolute.parents) if (folder / records.FOLDER).is_dir()]
    for folder in folders:
        part = absolute.relative_to(folder).parts[0]
        if (folder / records.FOLDER / part).is_dir() or os.path.isfile(records.record_path(folder, part)):
            return folder
    return folders[-1] if folders else None


class Audit:
    """An audit of the outputs of one run.

    Parameters
    ----------
    out
        The output folder, with its records.
    root
        The repository whose scripts, library and configuration the files are held against.
    mirror
        Folder with a copy of the raw data to compare with, None for no comparison.
    deep
        Hash every file anew, even one that seems unchanged since the last audit.

    Raises
    ------
    DataError
        There are no records at `out`.
    """

    def __init__(self, out: Path, root: Path = ROOT, mirror: Path | None = None, deep: bool = False) -> None:
        self.out, self.root, self.mirror = Path(os.path.abspath(out)), root, mirror
        self.folder = self.out / records.FOLDER
        if not self.folder.is_dir():
            raise DataError(
                f"{out}: no records of a run ({records.FOLDER}/) here; name the results with --results."
            )
        self.sha256 = Hashes(self.folder / ".hashes.json", deep)
        self.ledger = Ledger(self.folder)
        self._findings: dict[str, Finding] = {}
        self._code: dict[str, str | None] = {}
        self._configurations: dict[str, dict[str, Any] | None] = {}

    # --- what there is ---------------------------------------------------------------------------------

    @cached_property
    def _records(self) -> dict[str, dict[str, Any]]:
        """Name of an output -> its record, of all records; an empty one if it is not sound."""
        found: dict[str, dict[str, Any]] = {}
        for name, path in record_files(self.folder):
            record = _read(path)
            found[name] = record if fault(record, name) is None else {}
        return found

    def outputs(self) -> list[str]:
        """Return the names of all that has or had a record, or lies where only recorded files should."""
        names = {*self._records, *self.ledger.listed}
        for folder in self.out.iterdir():
            if folder.is_dir() and folder.name not in NOT_RECORDED and not self._is_another_run(folder):
                files = (
                    path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
                )
                names |= {path.relative_to(self.out).as_posix() for path in files}
        return sorted(names)

    def _is_another_run(self, folder: Path) -> bool:
        """Whether a folder holds the results of another run, see :func:`output_folder`."""
        return (folder / records.FOLDER).is_dir() and not (self.folder / folder.name).is_dir()

    def findings(self) -> list[Finding]:
        """Return what is found about every output."""
        findings = [self.of_output(name) for name in self.outputs()]
        self.sha256.save()
        return findings

    def _same_content(self, digest: str) -> list[str]:
        """Return the outputs of which this digest was recorded."""
        return [
            name for name, record in self._records.items() if record.get("output", {}).get("sha256") == digest
        ]

    # --- verdicts --------------------------------------------------------------------------------------

    def of(self, path: Path) -> Finding:
        """Return what is found about a file, wherever it lies.

        A file without a record of its own is traced by the id of the record that it carries, if it is a
        figure, and else by its content.
        """
        absolute = Path(os.path.abspath(path))
        name = absolute.relative_to(self.out).as_posix() if absolute.is_relative_to(self.out) else None
        if name and os.path.isfile(records.record_path(self.out, name)):
            return self.of_output(name)
        shown = name or str(path)
        if not os.path.isfile(absolute):
            return Finding(
                shown, None, (Cause(Verdict.UNKNOWN, shown, "there is no such file, and no record of one"),)
            )
        digest = sha256_file(absolute)
        carried = records.MARK.search(absolute.read_bytes())
        if carried:
            id = carried[2].decode()
            names = [name for name, record in self._records.items() if record.get("id") == id]
            if not names:
                message = f"it carries the record id {id}, of which {self.out} has no record"
                return Finding(shown, None, (Cause(Verdict.UNKNOWN, shown, message),))
        else:
            names = self._same_content(digest)
            if not names:
                message = f"{self.out} has no record of such a file or content"
                return Finding(shown, None, (Cause(Verdict.UNKNOWN, shown, message),))
        original = self.of_output(names[0])
        record = self._records[names[0]]
        # the copy is judged by its own bytes; whether the original still has its own is another matter
        causes = {*original.causes} - {
            Cause(verdict, original.path, message) for verdict, message in self._file(original.path, record)
        }
        if digest != record["output"]["sha256"]:
            commit = records.commit_of(record["job"])
            if carried and carried[1].decode() != commit:
                message = f"it was made at commit {carried[1].decode()}, these results at {commit}"
                return Finding(shown, None, (Cause(Verdict.UNKNOWN, shown, message),))
            message = f"it carries the id of {original.path} but is not the file that was recorded"
            causes.add(Cause(Verdict.ALTERED, shown, message))
        return Finding(original.path, original.record, tuple(sorted(causes)), original.inputs, copy=shown)

    def of_output(self, name: str) -> Finding:
        """Return what is found about an output; `name` is its path relative to the output folder."""
        if name not in self._findings:
            # stands until the real one is found: forged records may name each other as inputs
            circle = Cause(Verdict.ALTERED, name, "its records go in a circle: they were edited by hand")
            self._findings[name] = Finding(name, None, (circle,))
            self._findings[name] = self._find(name)
        return self._findings[name]

    def _find(self, name: str) -> Finding:
        def finding(verdict: Verdict, message: str) -> Finding:
            return Finding(name, None, (Cause(verdict, name, message),))

        path, place = self.out / name, records.record_path(self.out, name)
        # of names that a forger chose too, which os.path.isfile takes for no file
        if not os.path.isfile(place):
            what = "it has no record" if os.path.isfile(path) else "it is missing, and so is its record"
            return finding(Verdict.UNKNOWN, what)
        record = _read(place)
        if why := fault(record, name):
            of_other = isinstance(record, dict) and record.get("format", records.FORMAT) != records.FORMAT
            verdict = Verdict.UNKNOWN if of_other else Verdict.ALTERED
            return finding(verdict, f"its record ({records.FOLDER}/{name}.json) {why}")
        inputs = tuple(map(self.of_output, record["inputs"]))
        causes = {cause for finding in inputs for cause in finding.causes}
        own = [
            *self._file(name, record),
            *self._bookkeeping(name, record["job"]),
            *self._script(record["job"]),
            *self._config(record["job"]),
            *self._inputs(record, inputs),
            *self._raw(record),
        ]
        causes |= {Cause(verdict, name, message) for verdict, message in own}
        return Finding(name, record, tuple(sorted(causes)), inputs)

    def _file(self, name: str, record: Mapping[str, Any]) -> Iterator[tuple[Verdict, str]]:
        path = self.out / name
        if not os.path.isfile(path):
            yield Verdict.UNKNOWN, "it is missing: nothing that was made from it can be verified"
            return
        digest = self.sha256(path)
        if digest != record["output"]["sha256"]:
            others = self._same_content(digest)
            hint = f"; its content is that of {others[0]}" if others else ""
            yield Verdict.ALTERED, f"it is not the file that was recorded{hint}"

    def _bookkeeping(self, name: str, job: Mapping[str, Any]) -> Iterator[tuple[Verdict, str]]:
        """What does not put a result out of date: remarks, and whether a job wrote its record."""
        if not self.ledger.holds(name):
            yield (
                Verdict.ALTERED,
                f"its record ({records.FOLDER}/{name}.json) is not the one that its job wrote "
                f"({records.FOLDER}/{self.ledger.path.name})",
            )
        if job["dirty"]:
            yield Verdict.VERIFIED, f"made with changes that are in no commit, at {job['commit']}"
        for path, digest in job.get("bookkeeping", {}).items():
            if self._now(path) != digest:
                yield Verdict.VERIFIED, f"module {path}, which keeps records, was another when it was made"

    def _now(self, path: str) -> str | None:
        """Return the SHA-256 of a file of the repository, None if there is none."""
        if path not in self._code:
            file = self.root / path
            self._code[path] = sha256_file(file) if os.path.isfile(file) else None
        return self._code[path]

    def _script(self, job: Mapping[str, Any]) -> Iterator[tuple[Verdict, str]]:
        script = job["script"]
        for kind, path, digest in (
            ("script", script["path"], script["sha256"]),
            *(("module", path, digest) for path, digest in job["modules"].items()),
        ):
            if self._now(path) != digest:
                yield (
                    Verdict.STALE,
                    f"{kind} {path} {'is gone' if self._now(path) is None else 'has changed since'}",
                )

    def _config(self, job: Mapping[str, Any]) -> Iterator[tuple[Verdict, str]]:
        was, config = job["config"]["values"], self.configuration(job)
        if config is None:
            yield (
                Verdict.STALE,
                f"the configuration cannot be read: {', '.join(job['configuration']['files'])}",
            )
            return
        # as JSON knows it, so that a tuple and a list or 1 and 1.0 are no change
        now = json.loads(json.dumps(configuration.select(config, job["config"]["keys"]), default=str))
        for key in sorted(was.keys() | now.keys()):
            if key not in now:
                yield Verdict.STALE, f"config key {key} was {_shown(was[key])}, is gone"
            elif key not in was:
                yield Verdict.STALE, f"config key {key} is new, {_shown(now[key])}"
            elif was[key] != now[key]:
                yield Verdict.STALE, f"config key {key} was {_shown(was[key])}, is {_shown(now[key])}"

    def configuration(self, job: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what the configuration of a job is now, from the same sources; None if unreadable."""
        sources = job["configuration"]
        key = json.dumps(sources, sort_keys=True)
        if key not in self._configurations:
            try:
                files = [self.root / path for path in sources["files"]]
                self._configurations[key] = configuration.resolve(files, sources["overrides"])
            except ConfigError:
                self._configurations[key] = None
        return self._configurations[key]

    def _inputs(
        self, record: Mapping[str, Any], inputs: tuple[Finding, ...]
    ) -> Iterator[tuple[Verdict, str]]:
        for path, entry in record["resources"].items():
            if self._now(path) != entry["sha256"]:
                yield (
                    Verdict.STALE,
                    f"input {path} {'is gone' if self._now(path) is None else 'has changed since'}",
                )
        for finding, entry in zip(inputs, record["inputs"].values(), strict=True):
            made = finding.record
            if made is None:
                continue
            if made["output"]["sha256"] != entry["sha256"]:
                yield (
                    Verdict.STALE,
                    f"input {finding.path} was made again since, and is another ({made['job']['ended']})",
                )
            elif made["id"] != entry["id"] and made["job"]["ended"] <= record["job"]["ended"]:
                yield (
                    Verdict.ALTERED,
                    f"its record and that of its input {finding.path} do not fit: one was edited by hand",
                )

    def _raw(self, record: Mapping[str, Any]) -> Iterator[tuple[Verdict, str]]:
        source = record.get("source")
        if not source or source["via"] == "simulated":
            return
        registered = source["registered"]
        try:
            files = records.registry(self.root).get(source["dataset"], {"files": []})["files"]
            digests = [file["sha256"] for file in files if file["name"] == registered["name"]]
        except (DataError, KeyError, TypeError, AttributeError):
            yield Verdict.STALE, "resources/datasets.yaml cannot be read"
            return
        if digests != [registered.get("sha256")]:
            yield Verdict.STALE, f"resources/datasets.yaml registers another {registered['name']} than it did"
        if self.mirror and registered["mirror"]:
            file = self.mirror / registered["mirror"]
            if os.path.isfile(file) and self.sha256(file) != source["sha256"]:
                yield Verdict.STALE, f"raw download {file} has changed in the mirror since it was retrieved"


def _read(path: Path) -> Any:
    """Return what the file of a record says, None where it is no JSON."""
    try:
        return read_json(path)
    except (DataError, RecursionError):
        return None


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
