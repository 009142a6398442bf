"""Turn the raw files of a catalogue into a standard star table for each variant; list the rows left out."""

import pandas as pd

from stelnet.catalogues import standardise
from stelnet.io import write_csv, write_table
from stelnet.provenance.job import job

with job(snakemake) as log:
    params, catalogue = snakemake.params, snakemake.wildcards.catalogue
    common = {"catalogue": catalogue, "source": params.source}
    tables, dropped = {}, {}
    for variant in params.variants:
        tables[variant], dropped[variant] = standardise(
            params.adapter,
            dict(snakemake.input.items()),
            vizier=params.vizier,
            stage=params.stage,
            variant=variant,
            max_abs_feh=params.max_abs_feh,
            **common,
        )
        counts = len(tables[variant]), len(dropped[variant])
        log.info("%s, %s: %d stars, %d rows left out", catalogue, variant, *counts)
    for (variant, stars), path in zip(tables.items(), snakemake.output.stars, strict=True):
        write_table(stars, path, common | {"variant": variant, "simulated": params.simulated})
    write_csv(pd.concat(dropped, names=["variant"]).reset_index("variant"), snakemake.output.dropped)
