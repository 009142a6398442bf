"""Answer for the stars of one piece of a star list."""

from pathlib import Path

from stelnet.inference.loading import load
from stelnet.provenance.job import job, settings
from stelnet.starlists.parquet_list import ParquetList, Rows
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request
from stelnet.starlists.scatter import predict_rows

with job(snakemake) as log:
    path = Path(snakemake.input.stars)
    config = settings(snakemake)["star_lists"][snakemake.wildcards.star_list]
    model = load(path=snakemake.input.model, threads=snakemake.threads)
    whole, size = ParquetList(path, str(path)), config["rows_per_job"]
    named = {**config.get("columns", {}), "feh": str(config.get("feh", ""))}
    columns = Columns.found(whole, **named, metallicities=model.metallicities)
    method = config["method"] if config["method"] != "auto" else model.method_for(whole.rows)
    request = Request(
        config["stage"], method, config.get("age_prior", "field"), prefix=config.get("prefix", "")
    )
    rows = Rows(path, str(path), int(snakemake.wildcards.piece) * size, size)
    log.info(
        "%d of %d rows, %s method; %s", rows.rows, whole.rows, method, "; ".join(columns.described().values())
    )
    predict_rows(model, rows, columns, request, Path(snakemake.output[0]))
