"""Write the configuration as the run resolved it (config.yaml, further files and --config together)."""

import yaml

from stelnet.files import write_text
from stelnet.provenance.job import job

with job(snakemake):
    write_text(yaml.safe_dump(snakemake.config, sort_keys=False), snakemake.output[0])
