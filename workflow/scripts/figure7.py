"""Figure 7: the individual ages of the stars of the pre-ZAMS training samples."""

from stelnet import choices
from stelnet.io import read_table, require_one_sky
from stelnet.plotting import ages, style
from stelnet.provenance.job import job, settings

with job(snakemake):
    tables = [read_table(path) for path in snakemake.input.catalogues]
    samples = {table.attrs["catalogue"]: table for table in tables}
    simulated = require_one_sky(samples)
    figure = ages.figure(samples, choices.labels(settings(snakemake)["catalogues"]))
    style.save(figure, snakemake.output, "Individual ages in young samples", simulated)
