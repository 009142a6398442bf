"""Pack the networks of both stages, the ages at the ZAMS and the domain into the one file of a model."""

from stelnet.inference.bundle import write_bundle
from stelnet.io import arrays, read_table, require_one_sky
from stelnet.provenance import records
from stelnet.provenance.job import job, settings
from stelnet.terms import STAGES

with job(snakemake):
    config, inputs, model = settings(snakemake), snakemake.input, snakemake.wildcards.model
    tracks, zams = read_table(inputs.tracks), read_table(inputs.zams)
    samples = dict(zip(STAGES, map(read_table, inputs.samples), strict=False))
    require_one_sky({"tracks": tracks, "zams": zams, **samples})
    stars = {
        stage: arrays(sample[sample["sample"].isin(config["catalogues"])])
        for stage, sample in samples.items()
    }
    write_bundle(
        snakemake.output[0],
        model,
        {stage: inputs[stage] for stage in STAGES},
        arrays(tracks),
        arrays(zams),
        config["mist"]["zams_eep"],
        stars or None,
        {
            "training": snakemake.params.config["values"],
            "commit": records.current.get().commit,
            **snakemake.params.about,
        },
    )
