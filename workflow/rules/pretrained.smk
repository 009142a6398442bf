"""Models for users.

Inputs: networks, tracks, star tables.
Outputs: one file a model, and their model card.

`make pretrained` takes them from the results to resources/pretrained/, which is installed with the library.
"""


rule pack_model:
    """Pack the networks of both stages into the one file of a model."""
    input:
        unpack(packed_inputs),
    output:
        "<results>/pretrained/{model}.safetensors",
    log:
        "<logs>/pack_model/{model}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("pack_model.py", model_keys),
        about=about_model,
    script:
        "../scripts/pack_model.py"


rule model_card:
    """Score the packed models on all catalogues and clusters, and write their card."""
    input:
        **{model: f"<results>/pretrained/{model}.safetensors" for model in PACKAGED},
        **{f"{stage}_points": f"<results>/mist/{stage}.parquet" for stage in STAGES},
        **{f"{stage}_sample": path for stage, path in TRANSFER_SAMPLES.items()},
        catalogues=[f"<results>/catalogues/{PRETRAINED_VARIANT}/{name}.parquet" for name in CATALOGUES],
        clusters=[f"<results>/clusters/{name}.parquet" for name in CLUSTERS],
        mist_error="<results>/tables/mist_error.csv",
        citation=os.path.relpath(ROOT / "CITATION.cff"),
    output:
        card="<results>/pretrained/models.json",
        text="<results>/pretrained/README.md",
    log:
        "<logs>/model_card.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=by_attempt(2000),
    params:
        **used("model_card.py", card_keys()),
        models=PACKAGED,
        samples=card_samples(),
        mist=about(MIST_DATASET),
        template=digest_of([ROOT / "workflow/stelnet/cards/templates/model_card.md.j2"]),
    script:
        "../scripts/model_card.py"
