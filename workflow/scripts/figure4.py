"""Figure 4: ages and masses of the test clusters beside the age of the ZAMS."""

from stelnet import choices
from stelnet.io import read_table, require_one_sky
from stelnet.plotting import clusters, style
from stelnet.provenance.job import job, settings

with job(snakemake):
    tables = map(read_table, snakemake.input.clusters)
    labels = choices.labels(settings(snakemake)["clusters"])
    members = dict(zip(labels.values(), tables, strict=True))
    zams = read_table(snakemake.input.zams)
    simulated = require_one_sky({**members, "zams": zams})
    figure = clusters.zams_figure(members, zams)
    style.save(figure, snakemake.output, "Test clusters and the age of the ZAMS", simulated)
