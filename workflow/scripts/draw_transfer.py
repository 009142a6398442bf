"""Draw the sample that the transfer networks of one variant and stage are trained on."""

from stelnet import choices
from stelnet.io import read_table, require_one_sky, write_table
from stelnet.provenance.job import job, settings
from stelnet.training.sample import draw_sample, stream_names

with job(snakemake) as log:
    config, wildcards = settings(snakemake), snakemake.wildcards
    mist = read_table(snakemake.input.mist)
    catalogues = choices.samples(config["catalogues"])[wildcards.stage]
    stars = dict(zip(catalogues, map(read_table, snakemake.input.stars), strict=True))
    simulated = require_one_sky({**stars, "MIST": mist})
    names = stream_names(wildcards.variant, wildcards.stage)
    plan = {name: config["catalogues"][name] for name in catalogues}
    sample = draw_sample(stars, mist, plan, config["transfer"]["mist_points"], config["seed"], names)
    log.info("drawn: %s", sample["sample"].value_counts(sort=False).to_dict())
    metadata = {"names": "/".join(map(str, names)), "simulated": str(simulated).lower()}
    write_table(sample, snakemake.output[0], {**metadata, "seed": str(config["seed"])})
