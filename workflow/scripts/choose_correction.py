"""Keep of a correction what wins on catalogues that it did not see."""

import json

import pandas as pd

from stelnet.evaluation.heldout import carries_over
from stelnet.inference.correction import Correction
from stelnet.provenance.job import job
from stelnet.safetensors_file import read_tensors, write_tensors

with job(snakemake) as log:
    tensors, metadata, _ = read_tensors(snakemake.input.correction)
    about = json.loads(metadata["correction"])
    won = carries_over(pd.read_csv(snakemake.input.scores), "posterior")
    log.info("on by default: %s", ", ".join(" ".join(pair) for pair in won) or "nothing")
    kept = Correction.of_tensors(tensors, about["limits"]).only(won)
    about |= {"limits": kept.limits(), "on": [list(pair) for pair in won]}
    write_tensors(snakemake.output[0], kept.tensors(), metadata | {"correction": about})
