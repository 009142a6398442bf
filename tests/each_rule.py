"""One job of each rule, run alone on the results of a finished run.

Run it as snakemake itself, in the folder of a checkout, with a file to write and the arguments of snakemake.
Each job is a process of its own that begins with what this one has imported. The file tells, as JSON, for
every rule its output files whose bytes are not those of before.
"""

import hashlib
import json
import multiprocessing
import sys
from functools import partial
from pathlib import Path

from conftest import numbered_as_one
from plan import instead_of_a_run, jobs_of
from script_job import run_as_script
from snakemake.jobs import Job
from snakemake.script import Snakemake
from snakemake.workflow import Workflow


def _digests(job: Job) -> dict[str, str | None]:
    paths = {str(path): Path(path) for path in job.output}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
        for name, path in paths.items()
    }


def _run(workflow: Workflow, job: Job) -> None:
    handed = Snakemake(
        job.input, job.output, job.params, job.wildcards, job.threads, job.resources, job.log,
        workflow.config, job.rule.name, None, str(Path(workflow.main_snakefile).parent / "workflow/scripts"),
    )  # fmt: skip
    run_as_script(Path(handed.scriptdir) / Path(str(job.rule.script)).name, handed)


def run_one_of_each(target: Path, workflow: Workflow) -> None:
    """Run one job of each rule that has a script, first jobs first."""
    chosen: dict[str, Job] = {}
    for _, job in sorted(jobs_of(workflow), key=lambda one: (one[0], list(one[1].output))):
        if job.rule.script:
            chosen.setdefault(numbered_as_one(job.rule.name), job)
    changed = {}
    for rule, job in chosen.items():
        before = _digests(job)
        for path in job.output:
            Path(path).unlink()
        process = multiprocessing.get_context("fork").Process(target=_run, args=(workflow, job))
        process.start()
        process.join()
        after = _digests(job)
        changed[rule] = [path for path in before if before[path] != after[path] or before[path] is None]
    target.write_text(json.dumps(changed))


if __name__ == "__main__":
    instead_of_a_run(partial(run_one_of_each, Path(sys.argv[1])), sys.argv[2:])
