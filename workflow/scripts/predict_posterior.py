"""Answer for all stars of a stage, under several priors, by the posterior network or exactly."""

from stelnet import choices
from stelnet.evaluation.posteriors import answers
from stelnet.inference.loading import load
from stelnet.io import read_table, require_one_sky, write_table
from stelnet.provenance.job import job, settings

with job(snakemake):
    config, stage, inputs = settings(snakemake), snakemake.wildcards.stage, snakemake.input
    samples = [name for group in ("catalogues", "clusters") for name in choices.samples(config[group])[stage]]
    stars = dict(zip(samples, map(read_table, inputs.stars), strict=True))
    simulated = require_one_sky(stars)
    model = load(path=inputs.model, grid=next(iter(inputs.cube), None), threads=snakemake.threads)
    own = config["posterior"]
    predicted = answers(
        stars, model.predict, own["age_priors"], (own["floor"]["log_teff"], own["floor"]["log_lum"])
    )
    metadata = {**snakemake.wildcards, "simulated": str(simulated).lower()}
    write_table(predicted, snakemake.output[0], metadata)
