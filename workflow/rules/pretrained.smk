"""Models for users. Comes in: networks, tracks, star tables; goes out: one file a model, and their model card.

`make pretrained` takes them from the results to resources/pretrained/, which is installed with the library.
"""

# the catalogues with their known faults mended, where they are built
PRETRAINED_VARIANT = "corrected" if "corrected" in VARIANTS else config["report_variant"]
PRETRAINED = [
    *(f"{OUT}/pretrained/{model}.safetensors" for model in MODELS),
    f"{OUT}/pretrained/models.json",
    f"{OUT}/pretrained/README.md",
]
# stage -> the sample that its transfer networks learnt from
TRANSFER_SAMPLES = {
    stage: f"{OUT}/models/transfer/{PRETRAINED_VARIANT}/{stage}/sample.parquet" for stage in STAGES
}


localrules:
    pack_model,
    model_card,


rule pack_model:
    input:
        **{
            stage: lambda wildcards, stage=stage: networks(
                "this_work", wildcards.model, PRETRAINED_VARIANT, stage
            )
            for stage in STAGES
        },
        tracks=f"{OUT}/mist/tracks.parquet",
        zams=f"{OUT}/mist/zams.parquet",
        samples=lambda wildcards: list(TRANSFER_SAMPLES.values()) if wildcards.model == "transfer" else [],
    output:
        f"{OUT}/pretrained/{{model}}.safetensors",
    log:
        f"{OUT}/logs/pack_model/{{model}}.log",
    benchmark:
        f"{OUT}/benchmarks/pack_model/{{model}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(10),
    params:
        catalogues=list(CATALOGUES),
        zams_eep=config["mist"]["zams_eep"],
        about=about_model,
        config=used(model_keys),
        code=code_of("pack_model.py"),
    script:
        "../scripts/pack_model.py"


rule model_card:
    input:
        **{model: f"{OUT}/pretrained/{model}.safetensors" for model in MODELS},
        **{f"{stage}_points": f"{OUT}/mist/{stage}.parquet" for stage in STAGES},
        **{f"{stage}_sample": path for stage, path in TRANSFER_SAMPLES.items()},
        catalogues=[f"{OUT}/catalogues/{PRETRAINED_VARIANT}/{name}.parquet" for name in CATALOGUES],
        clusters=[f"{OUT}/clusters/{name}.parquet" for name in CLUSTERS],
        mist_error=f"{OUT}/tables/mist_error.csv",
        citation="CITATION.cff",
    output:
        card=f"{OUT}/pretrained/models.json",
        text=f"{OUT}/pretrained/README.md",
    log:
        f"{OUT}/logs/model_card.log",
    benchmark:
        f"{OUT}/benchmarks/model_card.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        models=MODELS,
        stages=STAGES,
        samples={
            name: {
                "label": block["label"],
                "datasets": [
                    {key: DATASETS[dataset][key] for key in ("title", "version", "citations")}
                    for dataset in block["inputs"][block["source"]].values()
                ],
            }
            for name, block in (CATALOGUES | CLUSTERS).items()
        },
        mist={key: DATASETS[MIST_DATASET][key] for key in ("title", "version", "citations")},
        config=used(
            "seed",
            "max_abs_feh",
            "mist",
            "training",
            "transfer",
            *(f"catalogues.*.{key}" for key in ("label", "stage", "source", "inputs", "copies", "draw")),
            *(f"clusters.*.{key}" for key in ("label", "stage", "source", "inputs")),
        ),
        text=digest_of([ROOT / "workflow/stelnet/cards/templates/model_card.md.j2"]),
        code=code_of("model_card.py"),
    script:
        "../scripts/model_card.py"
