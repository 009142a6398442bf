"""Turn the raw files of a cluster's members into a standard star table; list the members left out."""

from stelnet.catalogues import standardise_cluster
from stelnet.io import read_table, write_csv, write_table
from stelnet.provenance.job import job

with job(snakemake) as log:
    params, cluster = snakemake.params, snakemake.wildcards.cluster
    paths = dict(snakemake.input.items())
    zams = paths.pop("zams", None)
    stars, dropped = standardise_cluster(
        params.adapter,
        paths,
        vizier=params.vizier,
        cluster=cluster,
        stage=params.stage,
        source=params.source,
        names=params.names,
        zams=zams and read_table(zams),
    )
    log.info("%s: %d members, %d rows left out", cluster, len(stars), len(dropped))
    metadata = {"catalogue": cluster, "source": params.source, "simulated": params.simulated}
    write_table(stars, snakemake.output.stars, metadata)
    write_csv(dropped, snakemake.output.dropped)
