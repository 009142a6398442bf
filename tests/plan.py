"""The plan of a run, as Snakemake has it, in JSON: every job, what it reads and makes, and what it asks for.

Run it as snakemake itself, in the folder of a checkout, with a file to write and the arguments of snakemake.
"""

import json
import sys
from pathlib import Path
from typing import Any

from snakemake.cli import main
from snakemake.jobs import Job
from snakemake.workflow import Workflow


def _resources(job: Job, attempt: int) -> dict[str, Any]:
    """What a job asks for at an attempt."""
    job.attempt = attempt
    return {name: str(value) for name, value in job.resources.items()}


def _described(job: Job) -> dict[str, Any]:
    script = job.rule.script
    return {
        "rule": job.rule.name,
        "input": list(job.input),
        "output": list(job.output),
        "script": script and Path(str(script)).name,
        "local": job.rule.norun or job.rule.name in job.rule.workflow._localrules,
        "params": {name: str(value) for name, value in job.params.items()},
        "threads": job.threads,
        "resources": _resources(job, 1),
        "retried": _resources(job, 2),
    }


def tell(target: Path, arguments: list[str]) -> None:
    """Write the plan of a run with these arguments, first jobs first, and run nothing."""
    build = Workflow._build_dag

    def build_and_tell(workflow: Workflow) -> None:
        build(workflow)
        levels = list(workflow.dag.toposorted())
        jobs = [_described(job) | {"level": i} for i, level in enumerate(levels) for job in level]
        target.write_text(json.dumps(jobs))
        sys.exit()

    Workflow._build_dag = build_and_tell
    main(arguments)


if __name__ == "__main__":
    tell(Path(sys.argv[1]), sys.argv[2:])
