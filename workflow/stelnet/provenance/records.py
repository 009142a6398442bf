"""The record of every output: which file, made by which code with what settings, from what.

A job describes itself when it starts, so that a figure can carry the id of its record (it has no clock), and
when it ends well writes one JSON file an output below OUT/provenance. docs/audit.md describes them.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from stelnet.errors import DataError
from stelnet.files import PACKAGE, ROOT, read_json, remove_halves, sha256_file, write_text
from stelnet.provenance import code, ledger

#: Folder of the records below the output folder, and the form of a record.
FOLDER, FORMAT = "provenance", 1
#: Variable through which a run hands its jobs what they all share (see :func:`describe_run`).
RUN = "STELNET_RUN"
#: How a figure states its commit and the id of its record.
MARK = re.compile(rb"commit ([\w-]+); inputs sha256 [0-9a-f]{64}; stelnet-record:([0-9a-f]{64})")


def digest(value: Any) -> str:
    """Return the SHA-256 digest of a value as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def record_path(out: Path, name: str) -> Path:
    """Return where the record of an output lies; `name` is the output's path relative to `out`."""
    return out / FOLDER / f"{name}.json"


def record_id(record: Mapping[str, Any]) -> str:
    """Return the id of a record: the same whenever the same code makes the same output of the same inputs."""
    job = record["job"]
    shaped = {key: job[key] for key in ("rule", "wildcards", "params", "config")}
    inputs = {
        group: {name: entry["sha256"] for name, entry in record[group].items()}
        for group in ("inputs", "resources")
    }
    # an input's name says little once its file is copied elsewhere, its content and its own record's id all
    ids = sorted(entry["id"] for entry in record["inputs"].values() if entry["id"])
    return digest([record["output"]["path"], shaped, job["script"]["sha256"], inputs, ids])


def commit_of(job: Mapping[str, Any]) -> str:
    """Return the commit of a job in one word."""
    return (job["commit"] or "unknown") + "-dirty" * bool(job["dirty"])


def seal(record: Mapping[str, Any]) -> str:
    """Return the digest that exposes a record that was edited by hand."""
    return digest({key: value for key, value in record.items() if key != "seal"})


# --- what is the same for all jobs of a run ------------------------------------------------------------


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def environment(root: Path = ROOT) -> dict[str, Any]:
    """Return the versions of what the project uses directly, and how the environment differs from the lock.

    A package of the lock that is not installed is no difference: no result can have come from it.
    """
    installed = {_normal(d.name): d.version.split("+")[0] for d in importlib.metadata.distributions()}
    lock = root / "envs/requirements.lock"
    locked = lock.read_text(encoding="utf-8") + (root / "envs/torch.lock").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", locked, re.MULTILINE))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    direct = sorted({re.split(r"[^\w.-]", need)[0] for need in needs} - {project["name"]}, key=str.lower)
    return {
        "prefix": sys.prefix,
        "packages": {name: installed[_normal(name)] for name in direct if _normal(name) in installed},
        "lock": {"path": "envs/requirements.lock", "sha256": sha256_file(lock)},
        "differences": {
            name: {"lock": version, "installed": installed[_normal(name)]}
            for name, version in pins.items()
            if installed.get(_normal(name), version) != version
        },
    }


def git_state(root: Path = ROOT) -> dict[str, Any]:
    """Return the commit of the repository at `root`, whether its tree is dirty, and its web page.

    It is dirty where a file of the commit has changed, or a new one lies with the code. Each is None where it
    is not known.
    """

    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    nothing = {"commit": None, "dirty": None, "repository": None}
    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return nothing
        # other new files, such as a user's tables, shape no result
        new_code = git("ls-files", "--others", "--exclude-standard", "--", "workflow")
        changed = git("status", "--porcelain", "--untracked-files=no")
        state = {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed or new_code)}
    except (OSError, subprocess.CalledProcessError):
        return nothing
    try:
        return state | {"repository": web_address(git("remote", "get-url", "origin"))}
    except subprocess.CalledProcessError:
        return state | {"repository": None}


def web_address(remote: str) -> str | None:
    """Return the web page of a remote repository, without credentials; None where it is no public address."""
    found = re.fullmatch(
        r"(?:https?://|ssh://|)(?:[^@/]*@)?([\w.-]+\.\w+)(?::\d+)?[:/](.+?)(?:\.git)?/?", remote
    )
    return f"https://{found[1]}/{found[2]}" if found and not remote.startswith(("/", ".")) else None


def describe_run(configfiles: Iterable[str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all jobs of a run share, to be handed to them through the variable :data:`RUN`.

    Parameters
    ----------
    configfiles, overrides
        What the configuration was resolved from, later ones winning; the audit resolves it anew.
    """
    return {
        **git_state(),
        "environment": environment(),
        "configuration": {"files": [*configfiles], "overrides": dict(overrides)},
    }


# --- one job -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Identity:
    """What a figure says of itself."""

    id: str
    commit: str
    inputs: str

    def __str__(self) -> str:
        return f"commit {self.commit}; inputs sha256 {self.inputs}; stelnet-record:{self.id}"


class Job:
    """What a job is, and from what it makes its outputs.

    Parameters
    ----------
    snakemake
        The object that Snakemake hands to a script.
    script
        The script that runs.

    Raises
    ------
    DataError
        An input is not the file that was recorded when it was made.
    """

    def __init__(self, snakemake: Any, script: Path) -> None:
        self.started = datetime.now(UTC)
        self.out = Path(os.path.abspath(snakemake.config["output_dir"]))
        self.outputs = [self._name(path)[1] for path in snakemake.output]
        run = json.loads(os.environ.get(RUN) or json.dumps(describe_run([], {})))
        # a job in an environment of its own (conda) is not in that of the run
        self.environment = run["environment"] if run["environment"]["prefix"] == sys.prefix else environment()
        params = json.loads(json.dumps(dict(snakemake.params.items()), default=str))
        config = params.pop("config", {"keys": [], "values": {}})
        self.job: dict[str, Any] = {
            "rule": snakemake.rule,
            "wildcards": dict(snakemake.wildcards.items()),
            "params": params,
            "config": config,
            "seed": config["values"].get("seed"),
            "script": {"path": _inside(script, ROOT), "sha256": sha256_file(script)},
            "commit": run["commit"],
            "dirty": run["dirty"],
            "repository": run["repository"],
            "configuration": run["configuration"],
            "threads": snakemake.threads,
            "modules": _digests(code.source_files(script)),
            "bookkeeping": _digests(code.bookkeeping()),
        }
        self.inputs: dict[str, dict[str, dict[str, Any]]] = {"inputs": {}, "resources": {}}
        for path in dict.fromkeys(snakemake.input):
            group, name = self._name(path)
            entry: dict[str, Any] = {"sha256": sha256_file(path)}
            if group == "inputs":
                entry["id"] = self._id_of(path, name, entry["sha256"])
            self.inputs[group][name] = entry

    def _id_of(self, path: str, name: str, sha256: str) -> str | None:
        """Return the id of an input's record, None if it has none; the content must be the recorded one."""
        place = record_path(self.out, name)
        if not place.is_file():
            return None
        made = read_json(place)
        try:
            recorded, id = made["output"]["sha256"], made["id"]
        except (KeyError, TypeError):
            raise DataError(f"{place}: damaged; make its file again: rm {path} {place}, and run again.")
        if recorded != sha256:
            raise DataError(
                f"{path}: damaged or edited since it was made (sha256 {sha256[:12]}, recorded is "
                f"{str(recorded)[:12]}); make it again: rm {path}, and run again."
            )
        return None if id is None else str(id)

    def _name(self, path: str) -> tuple[str, str]:
        """Return the kind of a file, and its name in the output folder or else in the repository."""
        absolute = Path(os.path.abspath(path))
        if absolute.is_relative_to(self.out):
            return "inputs", absolute.relative_to(self.out).as_posix()
        return "resources", _inside(absolute, ROOT)

    def _record(self, name: str) -> dict[str, Any]:
        record = {"format": FORMAT, "output": {"path": name}, "job": self.job, **self.inputs}
        return record | {"id": record_id(record)}

    @property
    def commit(self) -> str:
        """The commit of the code that runs, in one word."""
        return commit_of(self.job)

    def identity(self, path: str | Path) -> Identity:
        """Return what a figure says of itself; `path` is where it goes."""
        inputs = {name: entry["sha256"] for group in self.inputs.values() for name, entry in group.items()}
        return Identity(
            id=self._record(self._name(str(path))[1])["id"],
            commit=self.commit,
            inputs=digest(inputs),
        )

    def remove_halves(self) -> None:
        """Remove what a killed job left half-written of the outputs and their records."""
        for name in self.outputs:
            remove_halves(self.out / name)
            remove_halves(record_path(self.out, name))

    def write(self) -> None:
        """Write the record of every output; raise OSError when an output is not there."""
        ended = datetime.now(UTC)
        begun = _process_start() or self.started
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.job |= {
            # adapters are imported by their configured names
            "modules": _digests(_loaded()) | self.job["modules"],
            "environment": {key: value for key, value in self.environment.items() if key != "prefix"},
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpu": _cpu(),
            "gpu": _gpu(),
            "started": begun.isoformat(timespec="milliseconds"),
            "ended": ended.isoformat(timespec="milliseconds"),
            "wall_seconds": round((ended - begun).total_seconds(), 3),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "peak_memory_mb": round(usage.ru_maxrss / 1024, 1),
        }
        texts: dict[str, str] = {}
        for name in self.outputs:
            path = self.out / name
            record = self._record(name)
            record["output"] |= {"sha256": sha256_file(path), "bytes": path.stat().st_size}
            if (sidecar := Path(f"{path}.source.json")).is_file():
                record["source"] = _origin(sidecar, path.name)
            sealed = record | {"seal": seal(record)}
            texts[name] = json.dumps(sealed, indent=2, sort_keys=True, allow_nan=False) + "\n"
        ledger.announce(self.out / FOLDER, digest(self.outputs)[:16], texts)
        for name, text in texts.items():
            write_text(text, record_path(self.out, name))


#: The job that runs; figures take their identity from it.
current: ContextVar[Job | None] = ContextVar("current", default=None)


def _inside(path: Path, folder: Path) -> str:
    path, folder = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _digests(paths: Iterable[Path]) -> dict[str, str]:
    return {_inside(path, ROOT): sha256_file(path) for path in paths}


def _loaded() -> set[Path]:
    """Return the files of this package that this process has imported."""
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == PACKAGE.name]
    return {Path(module.__file__) for module in modules if module.__file__} - code.bookkeeping()


def _process_start() -> datetime | None:
    """Return when this process began, imports included, where the system says."""
    try:
        ticks = float(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    age = uptime - ticks / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - age, UTC)


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _gpu() -> str | None:
    """Return the GPU that this job used, None if it used none."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_initialized() else None


@functools.cache
def registry(root: Path) -> dict[str, Any]:
    """Return the content of resources/datasets.yaml; raise DataError where it cannot be read."""
    import yaml  # few jobs need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
    path = root / "resources/datasets.yaml"
    try:
        content: dict[str, Any] = yaml.load(path.read_text("utf-8"), loader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{path}: not readable as YAML ({' '.join(str(error).split())}).")
    return content


def _origin(sidecar: Path, name: str) -> dict[str, Any]:
    """Return where a raw file came from, and whom to cite for it."""
    source = read_json(sidecar)
    dataset = registry(ROOT).get(source["dataset"], {"files": []})
    file = next((file for file in dataset["files"] if file["name"] == name), None)
    if file is None:
        raise DataError(f"{sidecar}: {source['dataset']!r} has no file {name} in resources/datasets.yaml.")
    registered = {key: file[key] for key in ("name", "url", "mirror", "sha256")}
    about = {key: dataset[key] for key in ("title", "version", "citations")}
    return {**source, **about, "registered": registered}
