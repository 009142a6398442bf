"""Predictions.

Inputs: star tables, networks of all kinds.
Outputs: each ensemble's predictions for the stars of each stage.
"""

if config["evaluation"]["published_networks"]:

    rule convert_published:
        """Turn the published networks into files like those of our own."""
        input:
            raw("published_networks"),
        output:
            [networks("published_networks", model, None, stage) for model in MODELS for stage in STAGES],
        log:
            "<logs>/convert_published.log",
        localrule: True
        conda:
            "../../envs/torch.yaml"
        params:
            **used("convert_published.py"),
        script:
            "../scripts/convert_published.py"


rule predict:
    """Predict ages and masses of all stars of a stage with one ensemble."""
    input:
        stars=stars_of_stage,
        networks=lambda wildcards: networks(**wildcards),
    output:
        "<results>/predictions/{source}/{model}/{variant}/{stage}.parquet",
    log:
        "<logs>/predict/{source}_{model}_{variant}_{stage}.log",
    localrule: True
    conda:
        "../../envs/torch.yaml"
    params:
        **used("predict.py", "catalogues.*.stage clusters.*.stage training.bootstraps"),
    script:
        "../scripts/predict.py"
