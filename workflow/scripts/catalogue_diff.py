"""Compare VizieR's version of each catalogue with the one assembled for the paper."""

import pandas as pd

from stelnet.catalogues import standardise
from stelnet.evaluation.catalogue_diff import differences
from stelnet.io import write_csv
from stelnet.provenance.job import job, settings

with job(snakemake) as log:
    config, tables = settings(snakemake), []
    for catalogue, vizier in snakemake.params.vizier.items():
        block = config["catalogues"][catalogue]
        versions = {}
        for source in ("assembled", "vizier"):
            paths = {
                role: snakemake.input[f"{catalogue}_{source}_{role}"] for role in block["inputs"][source]
            }
            versions[source], _ = standardise(
                block["adapter"],
                paths,
                vizier=vizier if source == "vizier" else {},
                catalogue=catalogue,
                stage=block["stage"],
                source=source,
                variant=config["report_variant"],
                max_abs_feh=config["max_abs_feh"],
            )
        tables.append(differences(catalogue, **versions))
        log.info("%s: %s", catalogue, {source: len(stars) for source, stars in versions.items()})
    write_csv(pd.concat(tables), snakemake.output[0])
