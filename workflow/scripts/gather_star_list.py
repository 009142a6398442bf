"""Put the answers of all pieces of a star list beside it, in the order of its rows."""

from pathlib import Path

from stelnet.provenance.job import job
from stelnet.starlists.parquet_list import ParquetList
from stelnet.starlists.scatter import gather

with job(snakemake) as log:
    path = Path(snakemake.input.stars)
    pieces = [Path(piece) for piece in snakemake.input.pieces]
    target = Path(snakemake.output[0])
    told = gather(ParquetList(path, str(path)), pieces, target, snakemake.wildcards.format)
    log.info("%d stars, %d with age and mass; flags %s", told["stars"], told["stars_with_age"], told["flags"])
