"""Make the standard rows of all MIST tracks from the official archive or the consolidated table."""

from stelnet.data.mist import read_consolidated, read_tarball
from stelnet.io import write_table
from stelnet.provenance.job import job

READERS = {"mist_tarball": read_tarball, "mist_table": read_consolidated}

with job(snakemake) as log:
    dataset = snakemake.params.dataset
    rows = READERS[dataset](snakemake.input[0], snakemake.params.last_eep)
    log.info("%s: %d rows of %d tracks", dataset, len(rows), rows.initial_mass.nunique())
    metadata = {"dataset": dataset, "simulated": str(snakemake.params.simulated).lower()}
    write_table(rows, snakemake.output[0], metadata)
