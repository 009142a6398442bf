"""Split the MIST rows at the ZAMS, mark the held-out ones, and tell the ZAMS age of a mass and the bounds."""

from stelnet.data.stages import split_stages
from stelnet.data.zams import zams_table
from stelnet.files import write_json
from stelnet.io import read_table, write_table
from stelnet.provenance.job import job, settings

with job(snakemake) as log:
    config = settings(snakemake)
    mist = config["mist"]
    tracks = read_table(snakemake.input[0])
    stages, bounds = split_stages(
        tracks,
        zams_eep=mist["zams_eep"],
        post_fraction=mist["post_fraction"],
        test_fraction=mist["test_fraction"],
        test_track_every=mist["test_track_every"],
        seed=config["seed"],
    )
    metadata = {name: tracks.attrs[name] for name in ("dataset", "simulated")}
    for stage, rows in stages.items():
        held_out = rows.test_rows.sum(), rows.test_tracks.sum()
        log.info("%s: %d rows, held out %d row-wise and %d track-wise", stage, len(rows), *held_out)
        write_table(rows, snakemake.output[stage], metadata | {"stage": stage})
    zams = zams_table(tracks, zams_eep=mist["zams_eep"], end_eep=mist["end_eep"])
    write_table(zams, snakemake.output.zams, metadata)
    write_json(bounds, snakemake.output.bounds)
