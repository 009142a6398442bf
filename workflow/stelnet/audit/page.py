"""A page that shows every figure and table with what made it: one HTML file that needs nothing beside it."""

import base64
import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import networkx as nx
from docutils.core import publish_parts

from stelnet.audit.audit import Audit
from stelnet.audit.findings import Finding
from stelnet.provenance.records import commit_of

PAGE = "index.html"
#: Formats in which a figure or table is offered beside the one that is shown.
SUFFIXES = {".png": (".pdf", ".png"), ".csv": (".csv", ".md", ".tex")}
#: Geometry of the graph [px]: a box, and the distances between boxes of a column and between columns.
BOX, GAP, STEP = (140, 24), 12, 172


def page(audit: Audit) -> str:
    """Return the page of the figures and tables of a run, as HTML."""
    # an earlier page is no part of this one
    findings = [finding for finding in audit.findings() if finding.path != PAGE]
    shown = sorted(filter(_shown, findings), key=lambda finding: (finding.path.count("/"), finding.path))
    items = [_item(audit, finding) for finding in shown]
    papers = {paper["cite"]: paper for item in items for paper in item["papers"]}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stelnet.audit"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    counts = Counter((finding.verdict, finding.status) for finding in findings)
    simulated = any(
        (finding.record or {}).get("source", {}).get("via") == "simulated" for finding in findings
    )
    return environment.get_template("index.html.j2").render(
        items=items,
        papers=[papers[cite] for cite in sorted(papers)],
        counts=[(word, count) for (_, word), count in sorted(counts.items())],
        total=len(findings),
        graph=graph(findings),
        simulated=simulated,
    )


def _shown(finding: Finding) -> bool:
    path = Path(finding.path)
    kinds = {"figures": ".png", "tables": ".csv"}
    # what lies deeper than the tables is an intermediate result
    depth = len(path.parts) == 2 or path.parts[0] == "figures"
    return finding.record is not None and depth and kinds.get(path.parts[0]) == path.suffix


def _item(audit: Audit, finding: Finding) -> dict[str, Any]:
    record, path = finding.record, Path(finding.path)
    assert record is not None, "only what has a record is shown"
    job = record["job"]
    lineage = list(finding.lineage())[1:]
    sources = [
        one.record["source"] | {"path": one.path} for one in lineage if one.record and "source" in one.record
    ]
    jobs = {
        (one.record["job"]["rule"], one.record["job"]["started"]): one.record["job"]
        for one in lineage
        if one.record
    }
    offered = [path.with_suffix(suffix) for suffix in SUFFIXES[path.suffix]]
    configfiles = [file for file in job["configuration"]["files"] if file != "config.yaml"]
    overrides = [f"{key}={json.dumps(value)}" for key, value in job["configuration"]["overrides"].items()]
    return {
        "name": finding.path,
        "anchor": finding.path.replace("/", "-"),
        "kind": path.parts[0].removesuffix("s"),
        "caption": _caption(audit, job),
        "image": _data_uri(audit.out / path) if path.suffix == ".png" else None,
        "rows": _rows(audit.out / path) if path.suffix == ".csv" else None,
        "files": [file.as_posix() for file in offered if (audit.out / file).is_file()],
        "verdict": finding.status,
        "causes": [{"verdict": c.word, "path": c.path, "message": c.message} for c in finding.causes],
        "job": job,
        "commit": commit_of(job),
        "link": _link(job),
        "id": record["id"],
        "sha256": record["output"]["sha256"],
        "inputs": {**record["inputs"], **record["resources"]},
        "sources": sources,
        "papers": [paper for source in sources for paper in source["citations"]],
        "config": job["config"]["values"],
        "lineage_seconds": job["wall_seconds"] + sum(one["wall_seconds"] for one in jobs.values()),
        "lineage_jobs": len(jobs) + 1,
        "command": " ".join(
            [
                "snakemake --cores 2",
                *(["--configfile", *configfiles] if configfiles else []),
                *(["--config", *overrides] if overrides else []),
                "--force",
                _relative(audit.out / path, audit.root),
            ]
        ),
    }


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _link(job: Mapping[str, Any]) -> str | None:
    """Return the address of a job's script at its commit, if the repository has a public one."""
    if not job.get("repository") or not job["commit"]:
        return None
    return f"{job['repository']}/blob/{job['commit']}/{job['script']['path']}"


def _caption(audit: Audit, job: Mapping[str, Any]) -> str:
    """Return the caption of the report as HTML, empty if there is none."""
    path = audit.root / "workflow/report" / f"{Path(job['script']['path']).stem}.rst"
    if not path.is_file():
        return ""
    config = audit.configuration(job)
    if config is None:
        return ""
    snakemake = SimpleNamespace(params=job["params"], config=config, wildcards=job["wildcards"])
    text = jinja2.Template(path.read_text(encoding="utf-8")).render(snakemake=snakemake)
    settings = {"file_insertion_enabled": False, "raw_enabled": False, "report_level": 5}
    fragment: str = publish_parts(text, writer="html5", settings_overrides=settings)["fragment"]
    return fragment


def _data_uri(path: Path) -> str | None:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}" if path.is_file() else None


def _rows(path: Path) -> list[list[str]]:
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [[_short(cell) for cell in row] for row in csv.reader(file)]


def _short(cell: str) -> str:
    """Return a number at four significant digits, anything else as it is."""
    try:
        return f"{float(cell):.4g}" if "." in cell else cell
    except ValueError:
        return cell


# --- the graph ------------------------------------------------------------------------------------------


def steps(findings: list[Finding]) -> nx.DiGraph:
    """Return the graph of steps, which are scripts, from each to those that take files of it."""
    graph = nx.DiGraph()
    for finding in findings:
        if finding.record:
            step = Path(finding.record["job"]["script"]["path"]).stem
            graph.add_node(step)
            made = (Path(one.record["job"]["script"]["path"]).stem for one in finding.inputs if one.record)
            graph.add_edges_from((one, step) for one in made if one != step)
    return graph


def layers(graph: nx.DiGraph) -> list[list[str]]:
    """Return the steps of a graph without cycles in columns, each right of all that it takes files from."""
    columns = [sorted(column) for column in nx.topological_generations(graph)]
    for left, right in pairwise(columns):
        # near what they come from, so that fewer lines cross
        order = {step: i for i, step in enumerate(left)}

        def nearest(step: str, order: dict[str, int] = order) -> tuple[int, str]:
            return min((order.get(one, 99) for one in graph.pred[step]), default=0), step

        right.sort(key=nearest)
    return columns


def graph(findings: list[Finding]) -> dict[str, Any]:
    """Return the boxes and lines of the workflow's graph, in pixels."""
    # a line says nothing where a longer way does
    edges = nx.transitive_reduction(steps(findings))
    boxes = {
        step: (x * STEP, y * (BOX[1] + GAP))
        for x, column in enumerate(layers(edges))
        for y, step in enumerate(column)
    }

    def lines() -> Iterator[tuple[int, int, int, int]]:
        for one, step in sorted(edges.edges):
            yield (
                boxes[one][0] + BOX[0],
                boxes[one][1] + BOX[1] // 2,
                boxes[step][0],
                boxes[step][1] + BOX[1] // 2,
            )

    width = max((x + BOX[0] for x, _ in boxes.values()), default=0)
    height = max((y + BOX[1] for _, y in boxes.values()), default=0)
    return {"boxes": boxes, "lines": list(lines()), "width": width, "height": height, "box": BOX}
