"""Predictions. Comes in: star tables, networks of all kinds; goes out: each ensemble's predictions for each stage."""

MODELS = ["baseline", "transfer"]


localrules:
    predict,


if config["evaluation"]["published_networks"]:

    localrules:
        convert_published,

    rule convert_published:
        input:
            raw("published_networks"),
        output:
            [
                path
                for model in MODELS
                for stage in STAGES
                for path in networks("published_networks", model, None, stage)
            ],
        log:
            f"{OUT}/logs/convert_published.log",
        benchmark:
            f"{OUT}/benchmarks/convert_published.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(1000),
            runtime=by_attempt(5),
        params:
            code=code_of("convert_published.py"),
        script:
            "../scripts/convert_published.py"


rule predict:
    input:
        stars=lambda wildcards: [
            *(
                f"{OUT}/catalogues/{wildcards.variant}/{name}.parquet"
                for name in of_stage(CATALOGUES, wildcards.stage)
            ),
            *(f"{OUT}/clusters/{name}.parquet" for name in of_stage(CLUSTERS, wildcards.stage)),
        ],
        networks=lambda wildcards: networks(**wildcards),
    output:
        f"{OUT}/predictions/{{source}}/{{model}}/{{variant}}/{{stage}}.parquet",
    log:
        f"{OUT}/logs/predict/{{source}}_{{model}}_{{variant}}_{{stage}}.log",
    benchmark:
        f"{OUT}/benchmarks/predict/{{source}}_{{model}}_{{variant}}_{{stage}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        samples=lambda wildcards: [
            *of_stage(CATALOGUES, wildcards.stage),
            *of_stage(CLUSTERS, wildcards.stage),
        ],
        config=used("catalogues.*.stage", "clusters.*.stage", "training.bootstraps"),
        code=code_of("predict.py"),
    script:
        "../scripts/predict.py"
