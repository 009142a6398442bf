"""Turn the raw files of a catalogue into a standard star table for each variant; list the rows left out."""

import pandas as pd

from stelnet.catalogues import standardise
from stelnet.io import write_csv, write_table
from stelnet.provenance.job import job, settings

with job(snakemake) as log:
    config, catalogue = settings(snakemake), snakemake.wildcards.catalogue
    block = config["catalogues"][catalogue]
    common = {"catalogue": catalogue, "source": block["source"]}
    tables, dropped = {}, {}
    for variant in config["variants"]:
        tables[variant], dropped[variant] = standardise(
            block["adapter"],
            dict(snakemake.input.items()),
            vizier=snakemake.params.vizier,
            stage=block["stage"],
            variant=variant,
            max_abs_feh=config["max_abs_feh"],
            **common,
        )
        counts = len(tables[variant]), len(dropped[variant])
        log.info("%s, %s: %d stars, %d rows left out", catalogue, variant, *counts)
    simulated = str(config["simulated"]).lower()
    for (variant, stars), path in zip(tables.items(), snakemake.output.stars, strict=True):
        write_table(stars, path, common | {"variant": variant, "simulated": simulated})
    write_csv(pd.concat(dropped, names=["variant"]).reset_index("variant"), snakemake.output.dropped)
