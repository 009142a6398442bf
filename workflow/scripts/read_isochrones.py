"""Make the standard rows of the isochrones of all metallicities from the file of either source."""

from stelnet.data.isochrones import read_package, read_tarball
from stelnet.io import write_table
from stelnet.provenance.job import job, settings

READERS = {"mist_isochrones": read_tarball, "mist_cube": read_package}

with job(snakemake) as log:
    config, dataset = settings(snakemake), snakemake.params.dataset
    rows, dropped = READERS[dataset](snakemake.input[0], config["mist"]["last_eep"])
    log.info(
        "%s: %d rows of %d metallicities; %d left out as no numbers",
        dataset,
        len(rows),
        rows.feh.nunique(),
        dropped,
    )
    metadata = {"dataset": dataset, "simulated": str(config["simulated"]).lower()}
    write_table(rows, snakemake.output[0], metadata)
