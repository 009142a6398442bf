"""Make the standard rows of all MIST tracks from the official archive or the consolidated table."""

from stelnet.data.mist import read_consolidated, read_tarball
from stelnet.io import write_table
from stelnet.provenance.job import job, settings

READERS = {"mist_tarball": read_tarball, "mist_table": read_consolidated}

with job(snakemake) as log:
    config, dataset = settings(snakemake), snakemake.params.dataset
    rows = READERS[dataset](snakemake.input[0], config["mist"]["last_eep"])
    log.info("%s: %d rows of %d tracks", dataset, len(rows), rows.initial_mass.nunique())
    metadata = {"dataset": dataset, "simulated": str(config["simulated"]).lower()}
    write_table(rows, snakemake.output[0], metadata)
