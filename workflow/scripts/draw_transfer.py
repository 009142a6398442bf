"""Draw the sample that the transfer networks of one variant and stage are trained on."""

from stelnet.io import read_table, require_one_sky, write_table
from stelnet.provenance.job import job
from stelnet.training.sample import draw_sample

with job(snakemake) as log:
    params = snakemake.params
    mist = read_table(snakemake.input.mist)
    stars = {name: read_table(path) for name, path in zip(params.plan, snakemake.input.stars, strict=True)}
    simulated = require_one_sky({**stars, "MIST": mist})
    sample = draw_sample(stars, mist, params.plan, params.mist_points, params.seed, params.names)
    log.info("drawn: %s", sample["sample"].value_counts(sort=False).to_dict())
    metadata = {"names": "/".join(map(str, params.names)), "simulated": str(simulated).lower()}
    write_table(sample, snakemake.output[0], {**metadata, "seed": str(params.seed)})
