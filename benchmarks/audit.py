"""What the records cost a run, and how fast an audit answers.

    python benchmarks/audit.py [--results results]

Needs a finished run. The cost of the records is what every job logged of them, the import of the module that
writes them in every job, and the description of the run (git, packages) once; it is given as a share of the
time that the jobs took in all.
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from stelnet.audit.audit import Audit
from stelnet.files import write_text
from stelnet.provenance import records

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks/RESULTS.md"
REPEATS = 5


def import_seconds(module: str) -> float:
    """Return the least wall time of a new process that imports a module."""

    def once() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=ROOT / "workflow")
        return time.perf_counter() - start

    return min(once() for _ in range(REPEATS))


def timed(call) -> float:
    """Return the wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Measure and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    results = parser.parse_args().results
    findings = Audit(results).findings()
    jobs = {(job["rule"], job["started"]): job for job in (f.record["job"] for f in findings if f.record)}
    wall = sum(job["wall_seconds"] for job in jobs.values())
    logs = "".join(path.read_text() for path in (results / "logs").rglob("*.log"))
    logged = [float(seconds) for seconds in re.findall(r"records written in ([0-9.]+) s", logs)]
    loading = max(0.0, import_seconds("stelnet.provenance.records") - import_seconds("stelnet.io"))
    once = timed(lambda: records.describe_run([], {}))
    cost = sum(logged) + loading * len(jobs) + once
    deep, again = (
        timed(lambda: Audit(results, deep=True).findings()),
        timed(lambda: Audit(results).findings()),
    )
    section = f"""<!-- audit: begin, written by benchmarks/audit.py -->
## Records and audit

{len(findings)} files of {len(jobs)} jobs ({results}).

| what | measured |
|---|---|
| all jobs | {wall:.0f} s |
| records of all jobs | {sum(logged):.2f} s ({1000 * sum(logged) / max(1, len(logged)):.0f} ms a job) |
| import of what writes them, all jobs | {loading * len(jobs):.2f} s |
| description of the run | {once:.2f} s |
| share of the records | {100 * cost / wall:.2f} % |
| audit of everything, hashing every file | {deep:.2f} s |
| the same with the hashes that are kept | {again:.2f} s |
<!-- audit: end -->
"""
    text = (
        REPORT.read_text()
        if REPORT.exists()
        else "# Benchmarks\n\nWritten by the scripts beside this file.\n"
    )
    old = re.compile(r"<!-- audit: begin.*<!-- audit: end -->\n", re.DOTALL)
    text = old.sub(lambda _: section, text) if old.search(text) else f"{text.rstrip()}\n\n{section}"
    write_text(text, REPORT)
    print(section)


if __name__ == "__main__":
    main()
