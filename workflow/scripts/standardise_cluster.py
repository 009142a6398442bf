"""Turn the raw files of a cluster's members into a standard star table; list the members left out."""

from stelnet.catalogues import standardise_cluster
from stelnet.io import read_table, write_csv, write_table
from stelnet.provenance.job import job, settings

with job(snakemake) as log:
    config, cluster = settings(snakemake), snakemake.wildcards.cluster
    block = config["clusters"][cluster]
    paths = dict(snakemake.input.items())
    zams = paths.pop("zams", None)
    stars, dropped = standardise_cluster(
        block["adapter"],
        paths,
        vizier=snakemake.params.vizier,
        cluster=cluster,
        stage=block["stage"],
        source=block["source"],
        names=block["names"],
        zams=zams and read_table(zams),
    )
    log.info("%s: %d members, %d rows left out", cluster, len(stars), len(dropped))
    simulated = str(config["simulated"]).lower()
    metadata = {"catalogue": cluster, "source": block["source"], "simulated": simulated}
    write_table(stars, snakemake.output.stars, metadata)
    write_csv(dropped, snakemake.output.dropped)
