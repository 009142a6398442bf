"""Figure 1: the training samples on the Hertzsprung-Russell diagram."""

from stelnet import choices
from stelnet.io import read_table, require_one_sky
from stelnet.plotting import hrd, style
from stelnet.provenance.job import job, settings

with job(snakemake):
    config = settings(snakemake)
    tables = [read_table(path) for path in snakemake.input.catalogues]
    samples = {table.attrs["catalogue"]: table for table in tables}
    tracks = read_table(snakemake.input.tracks)
    simulated = require_one_sky({**samples, "tracks": tracks})
    labels = choices.labels(config["catalogues"])
    figure = hrd.figure(samples, labels, tracks, config["mist"]["zams_eep"])
    style.save(figure, snakemake.output, "Training samples on the Hertzsprung-Russell diagram", simulated)
