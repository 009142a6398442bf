"""Pack the networks of both stages, the ages at the ZAMS and the domain into the one file of a model."""

from stelnet.inference.bundle import write_bundle
from stelnet.io import arrays, read_table, require_one_sky
from stelnet.provenance.job import job
from stelnet.terms import STAGES

with job(snakemake):
    params, inputs, model = snakemake.params, snakemake.input, snakemake.wildcards.model
    tracks, zams = read_table(inputs.tracks), read_table(inputs.zams)
    samples = dict(zip(STAGES, map(read_table, inputs.samples), strict=False))
    require_one_sky({"tracks": tracks, "zams": zams, **samples})
    stars = {
        stage: arrays(sample[sample["sample"].isin(params.catalogues)]) for stage, sample in samples.items()
    }
    write_bundle(
        snakemake.output[0],
        model,
        {stage: inputs[stage] for stage in STAGES},
        arrays(tracks),
        arrays(zams),
        params.zams_eep,
        stars or None,
        {"training": params.config["values"], **params.about},
    )
