"""Predicted ages and masses of the members of the test clusters, against the literature."""

from stelnet.evaluation import tables
from stelnet.evaluation.scores import CLUSTER_COLUMNS, cluster_statistics, gather
from stelnet.io import read_table, write_csv
from stelnet.provenance.job import job

with job(snakemake):
    params, outputs = snakemake.params, snakemake.output
    predictions = list(map(read_table, snakemake.input.predictions))
    for variant, path in zip(params.variants, outputs.variants, strict=True):
        own = [table for table in predictions if table.attrs["variant"] == variant]
        columns = ["cluster", "stage", "model", "source", *CLUSTER_COLUMNS]
        rows = gather(own, cluster_statistics, params.samples, columns)
        rows = rows.sort_values(
            "cluster", key=lambda names: names.map(list(params.labels).index), kind="stable"
        )
        write_csv(rows, path)
        if variant == params.report_variant:
            text = tables.as_text(rows, dict.fromkeys(CLUSTER_COLUMNS[1:], tables.DECIMALS))
            shown = text.replace({"cluster": params.labels, "source": tables.WORDS})
            notes = ["Ages in log10(yr), masses in log10(Msun). No member was trained on.", *params.notes]
            caption = f"Predicted ages and masses of cluster members ({variant} catalogues)"
            tables.write(rows, outputs.csv, shown, caption, notes)
