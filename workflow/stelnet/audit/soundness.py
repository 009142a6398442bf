"""Whether a record is one that a job has written: its form, its seal, its id."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from stelnet.provenance import records

#: What a record must hold: key -> type or types, or what that must hold; ``*`` stands for any key.
FORM: Mapping[str, Any] = {
    "format": int,
    "id": str,
    "seal": str,
    "output": {"path": str, "sha256": str, "bytes": int},
    "inputs": {"*": {"sha256": str, "id": (str, NoneType)}},
    "resources": {"*": {"sha256": str}},
    "job": {
        "rule": str,
        "wildcards": {"*": str},
        "params": {},
        "config": {"keys": list, "values": {}},
        "script": {"path": str, "sha256": str},
        "modules": {"*": str},
        "commit": (str, NoneType),
        "dirty": (bool, NoneType),
        "repository": (str, NoneType),
        "configuration": {"files": list, "overrides": {}},
        "environment": {"differences": {}, "packages": {}, "lock": {}},
        "started": str,
        "ended": str,
        "wall_seconds": (int, float),
        "peak_memory_mb": (int, float),
    },
}
#: What a record may hold, in the same form.
OPTIONAL: Mapping[str, Any] = {
    "source": {
        "dataset": str,
        "title": str,
        "version": str,
        "via": str,
        "address": (str, NoneType),
        "retrieved": str,
        "sha256": str,
        "citations": list,
        "registered": {"name": str, "mirror": (str, NoneType), "url": (str, NoneType)},
    },
}


def fault(record: Any, name: str) -> str | None:
    """Return what is wrong with the record of the output `name`, None where nothing is."""
    if isinstance(record, dict) and record.get("format", records.FORMAT) != records.FORMAT:
        return f"is of form {record['format']}, which this version does not know"
    edited = "was edited by hand"
    optional = {key: form for key, form in OPTIONAL.items() if isinstance(record, dict) and key in record}
    if not _has_form(record, {**FORM, **optional}):
        return edited
    told = [*record["job"]["configuration"]["files"], *record["job"]["config"]["keys"]]
    papers = record.get("source", {}).get("citations", [])
    paper = {"cite": str, "bibcode": (str, NoneType), "doi": (str, NoneType)}
    sound = (
        all(isinstance(text, str) for text in told)
        and all(_has_form(one, paper) for one in papers)
        and _has_form(record["job"].get("bookkeeping", {}), {"*": str})
        and record["seal"] == records.seal(record)
        and record["id"] == records.record_id(record)
        and record["output"]["path"] == name
    )
    return None if sound else edited


def _has_form(value: Any, form: Any) -> bool:
    if not isinstance(form, Mapping):
        return isinstance(value, form)
    if not isinstance(value, Mapping):
        return False
    if "*" in form:
        return all(_has_form(part, form["*"]) for part in value.values())
    return all(key in value and _has_form(value[key], part) for key, part in form.items())
