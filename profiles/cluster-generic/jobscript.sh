#!/bin/sh
# properties = {properties}
# Runs a job and leaves its exit code where status.sh looks for it.
cd "${{PBS_O_WORKDIR:-${{LS_SUBCWD:-${{SGE_O_WORKDIR:-${{SLURM_SUBMIT_DIR:-.}}}}}}}}" || exit 1
( {exec_job} )
code=$?
echo $code > ".snakemake/cluster/${{PBS_JOBID:-${{LSB_JOBID:-${{JOB_ID:-$SLURM_JOB_ID}}}}}}.exit"
exit $code
