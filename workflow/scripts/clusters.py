"""Predicted ages and masses of the members of the test clusters, against the literature."""

from stelnet import choices
from stelnet.evaluation import tables
from stelnet.evaluation.scores import CLUSTER_COLUMNS, cluster_statistics, gather
from stelnet.io import read_table, write_csv
from stelnet.provenance.job import job, settings

UNITS = "Ages in log10(yr), masses in log10(Msun). No member was trained on."

with job(snakemake):
    config, outputs = settings(snakemake), snakemake.output
    labels, notes = choices.labels(config["clusters"]), tables.notes(config)
    samples = choices.samples(config["clusters"])
    predictions = list(map(read_table, snakemake.input.predictions))
    for variant, path in zip(config["variants"], outputs.variants, strict=True):
        own = [table for table in predictions if table.attrs["variant"] == variant]
        columns = ["cluster", "stage", "model", "source", *CLUSTER_COLUMNS]
        rows = gather(own, cluster_statistics, samples, columns)
        rows = rows.sort_values("cluster", key=lambda names: names.map(list(labels).index), kind="stable")
        write_csv(rows, path)
        if variant == config["report_variant"]:
            text = tables.as_text(rows, dict.fromkeys(CLUSTER_COLUMNS[1:], tables.DECIMALS))
            shown = text.replace({"cluster": labels, "source": tables.WORDS})
            caption = f"Predicted ages and masses of cluster members ({variant} catalogues)"
            tables.write(rows, outputs.csv, shown, caption, [UNITS, *notes])
