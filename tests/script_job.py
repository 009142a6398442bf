"""Scripts run in the test's own process, with the object that Snakemake itself hands to them."""

import logging
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snakemake.iocontainers import InputFiles, Log, Namedlist, OutputFiles, Params, ResourceList, Wildcards
from snakemake.script import Snakemake

from stelnet import configuration

SCRIPTS = Path(__file__).parents[1] / "workflow/scripts"


def _named(kind: type[Namedlist], items: Mapping[str, Any], files: bool = False) -> Namedlist:
    """Return a list of Snakemake with names; several files under one name stand flat in it, as in a rule."""
    flat, spans = [], {}
    for name, value in items.items():
        several = files and isinstance(value, list)
        values = [str(item) for item in value] if several else [str(value) if files else value]
        spans[name] = (len(flat), len(flat) + len(values) if several else None)
        flat += values
    result = kind(flat)
    for name, (start, end) in spans.items():
        result._set_name(name, start, end=end)
    return result


def run_as_script(script: Path, job: Snakemake) -> None:
    """Run a script in this process as Snakemake does in another."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    try:
        runpy.run_path(str(script), {"snakemake": job}, run_name="__main__")
    finally:
        root.handlers = handlers
        logging.captureWarnings(False)


def run_script(
    rule: str,
    folder: Path,
    *,
    output: Mapping[str, Any],
    input: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    wildcards: Mapping[str, str] | None = None,
    script: str | None = None,
) -> Path:
    """Run the script of a rule on files below `folder`; return its log, ``<folder>/logs/<rule>.log``.

    `config` is what the rule uses of the configuration.
    """
    log = folder / f"logs/{rule}.log"
    config = config or {}
    used = {"keys": list(config), "values": configuration.flatten(config) if config else {}}
    job = Snakemake(
        _named(InputFiles, input or {}, files=True),
        _named(OutputFiles, output, files=True),
        _named(Params, {**(params or {}), "config": used}),
        _named(Wildcards, wildcards or {}),
        1,
        ResourceList(),
        Log([str(log)]),
        {"output_dir": str(folder), **config},
        rule,
        None,
        str(SCRIPTS),
    )
    run_as_script(SCRIPTS / (script or f"{rule}.py"), job)
    return log


def registry_of(**datasets: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a registry, as records.registry does, of made-up datasets: key -> their files."""
    about = {"title": "made up for a test", "version": "1", "citations": []}
    keys = ("name", "url", "mirror", "sha256")
    return {
        name: about | {"files": [{key: file.get(key) for key in keys} for file in files]}
        for name, files in datasets.items()
    }
