"""Figure 4: ages and masses of the test clusters beside the age of the ZAMS."""

from stelnet.io import read_table, require_one_sky
from stelnet.plotting import clusters, style
from stelnet.provenance.job import job

with job(snakemake):
    tables = map(read_table, snakemake.input.clusters)
    members = dict(zip(snakemake.params.labels, tables, strict=True))
    zams = read_table(snakemake.input.zams)
    simulated = require_one_sky({**members, "zams": zams})
    figure = clusters.zams_figure(members, zams)
    style.save(figure, snakemake.output, "Test clusters and the age of the ZAMS", simulated)
