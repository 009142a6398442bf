#!/bin/sh
# Says of a job, by its number, what Snakemake wants to know: running, success or failed.
# The exit code that the job left counts (jobscript.sh); before there is one, it runs as long as the scheduler lists it.
code=.snakemake/cluster/$1.exit

list() {
  if command -v squeue > /dev/null; then squeue --me --noheader --format=%A
  elif command -v bjobs > /dev/null; then bjobs -noheader -o jobid || true # fails when there is none
  elif command -v qselect > /dev/null && [ -z "$SGE_ROOT" ]; then qselect -u "$(id -un)"
  else qstat -u "$(id -un)"
  fi 2> /dev/null
}

if [ ! -s "$code" ]; then
  # a scheduler that does not answer has not lost the job
  jobs=$(list) || { echo running; exit; }
  if echo "$jobs" | awk -v job="$1" '$1 == job { found = 1 } END { exit !found }'; then echo running; exit; fi
  # a network file system may show the exit code some seconds late
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$code" ] && break; sleep 1; done
fi
if [ "$(cat "$code" 2> /dev/null)" = 0 ]; then echo success; else echo failed; fi
