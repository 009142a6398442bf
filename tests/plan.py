"""The plan of a run, as Snakemake has it, in JSON: every job, what it reads and makes, and what it asks for.

Run it as snakemake itself, in the folder of a checkout, with a file to write and the arguments of snakemake.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
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


def jobs_of(workflow: Workflow) -> list[tuple[int, Job]]:
    """All jobs of a plan, each with its level: no job needs one of its own level or of a later one."""
    return [(i, job) for i, level in enumerate(workflow.dag.toposorted()) for job in level]


def instead_of_a_run(act: Callable[[Workflow], None], arguments: list[str]) -> None:
    """Plan a run with these arguments and hand the plan over; nothing runs, and the process ends."""
    build = Workflow._build_dag

    def build_and_act(workflow: Workflow) -> None:
        build(workflow)
        act(workflow)
        sys.exit()

    Workflow._build_dag = build_and_act
    main(arguments)


def tell(target: Path, workflow: Workflow) -> None:
    """Write a plan, first jobs first."""
    jobs = [_described(job) | {"level": level} for level, job in jobs_of(workflow)]
    target.write_text(json.dumps(jobs))


if __name__ == "__main__":
    instead_of_a_run(partial(tell, Path(sys.argv[1])), sys.argv[2:])
