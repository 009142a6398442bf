"""Findings of an audit on a terminal: the lineage as a tree, the verdicts, their culprits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from stelnet.audit.findings import Cause, Finding, Verdict

COLOURS = {
    Verdict.VERIFIED: "green",
    Verdict.STALE: "yellow",
    Verdict.ALTERED: "red",
    Verdict.UNKNOWN: "magenta",
}
#: Columns where the output goes to a file or a pipe.
WIDTH = 160
#: Settings of a job that its node of the tree shows, and names of files that a node lists.
SETTINGS, MANY = 6, 3


def show(findings: Sequence[Finding], trees: bool) -> None:
    """Print findings, each with its lineage as a tree or not, and a summary."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    if trees:
        for finding in findings:
            console.print(tree(finding))
            _causes(console, finding.causes)
            console.print()
    else:
        _causes(console, sorted({cause for finding in findings for cause in finding.causes}))
    counts = Counter((finding.verdict, finding.status) for finding in findings)
    parts = [f"[{COLOURS[verdict]}]{counts[verdict, word]} {word}[/]" for verdict, word in sorted(counts)]
    console.print(", ".join(parts) or "nothing to audit")


def _causes(console: Console, causes: Iterable[Cause]) -> None:
    """Print causes, those that several files share once."""
    files: dict[tuple[Verdict, str, str], list[str]] = {}
    for cause in sorted(causes, key=lambda cause: (-cause.verdict, cause.path)):
        files.setdefault((cause.verdict, cause.word, cause.message), []).append(cause.path)
    for (verdict, word, message), paths in files.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        line = printable(f"{paths[0]}{more}: {message}")
        console.print(Text.assemble((f"{word}: ", COLOURS[verdict]), line))


def printable(text: str) -> str:
    """Return text of one line without what would steer a terminal: records may be forged."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def tree(finding: Finding) -> Tree:
    """Return the lineage of a finding; what the same script made of the same inputs shares a node."""
    root = Tree(_label([finding]), guide_style="dim")
    _grow(root, [finding], set())
    return root


def _grow(node: Tree, group: list[Finding], seen: set[str]) -> None:
    first = group[0]
    for line in _about(first):
        node.add(Text(printable(line), style="dim"))
    for siblings in _grouped(first.inputs):
        names = {finding.path for finding in siblings}
        label = _label(siblings)
        if names <= seen:
            node.add(label.append(" as above", "dim"))
        else:
            seen |= names
            _grow(node.add(label), siblings, seen)


def _grouped(inputs: Iterable[Finding]) -> list[list[Finding]]:
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in inputs:
        record = finding.record
        alone = record is None or "source" in record
        made = (record["job"]["script"]["path"], *record["inputs"]) if record else ()
        key = (PurePosixPath(finding.path).parent, finding.status, made, finding.path if alone else None)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def _label(group: list[Finding]) -> Text:
    first = group[0]
    name = first.copy or first.path
    if len(group) > 1:
        paths = sorted(
            (PurePosixPath(finding.path) for finding in group), key=lambda p: (len(p.name), p.name)
        )
        names = [path.name for path in paths]
        if len(names) > MANY:
            names = [names[0], "…", names[-1]]
        name = f"{paths[0].parent}/{{{', '.join(names)}}}"
    text = Text.assemble((printable(name), "bold"), f" ({len(group)} files) " if len(group) > MANY else " ")
    text.append(first.status, COLOURS[first.verdict])
    return text.append(f" (a copy of {printable(first.path)})") if first.copy and first.record else text


def _about(finding: Finding) -> list[str]:
    """Return what made a file, in a few lines; of a raw file also where it came from and whom to cite."""
    if not finding.record:
        return []
    job = finding.record["job"]
    commit = (job["commit"] or "unknown")[:12] + " with changes" * bool(job["dirty"])
    values = job["config"]["values"]
    shown = [f"{key}={value}" for key, value in values.items()][:SETTINGS]
    more = f" and {len(values) - SETTINGS} more" if len(values) > SETTINGS else ""
    lines = [
        f"{job['script']['path']} at commit {commit}; {job['ended'][:19]}, {job['wall_seconds']:.1f} s; "
        f"sha256 {finding.record['output']['sha256'][:12]}",
        *([f"config {', '.join(shown)}{more}"] if shown else []),
    ]
    if differences := job["environment"]["differences"]:
        lines.append(
            f"environment differs from {job['environment']['lock']['path']}: {', '.join(differences)}"
        )
    if source := finding.record.get("source"):
        lines = [f"{source['title']}; {source['version']}"]
        if source["via"] == "simulated":
            lines = [f"simulated by the workflow on {source['retrieved']}, in the place of: {lines[0]}"]
        else:
            address = f"{source['via']}: {source['address']}"
            url = source["registered"]["url"]
            public = f", public at {url}" if url and url != source["address"] else ""
            lines.append(
                f"retrieved {source['retrieved']} from the {address}{public}; sha256 {source['sha256'][:12]}"
            )
        for citation in source["citations"]:
            doi = f" https://doi.org/{citation['doi']}" if citation["doi"] else ""
            lines.append(f"{citation['cite']} {citation['bibcode'] or ''}{doi}")
    return lines
