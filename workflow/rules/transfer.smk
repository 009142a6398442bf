"""Transfer learning.

Comes in: star tables, MIST points, one baseline network of each stage. Goes out: the sample drawn for each variant
and stage, its transfer networks with their losses, and the scores of repetitions with other seeds.
"""

TRANSFER = config["transfer"]
# the keys of the configuration that the settings of transfer are made of, for each stage its own learning rate
TRANSFER_KEYS = ["transfer.steps", "transfer.loss", "transfer.optimiser"]


rule draw_transfer:
    input:
        stars=lambda wildcards: [
            f"{OUT}/catalogues/{wildcards.variant}/{name}.parquet" for name in transfer_plan(wildcards.stage)
        ],
        mist=f"{OUT}/mist/{{stage}}.parquet",
    output:
        f"{OUT}/models/transfer/{{variant}}/{{stage}}/sample.parquet",
    log:
        f"{OUT}/logs/draw_transfer/{{variant}}_{{stage}}.log",
    benchmark:
        f"{OUT}/benchmarks/draw_transfer/{{variant}}_{{stage}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        plan=lambda wildcards: transfer_plan(wildcards.stage),
        mist_points=TRANSFER["mist_points"],
        seed=config["seed"],
        names=transfer_names,
        config=used("seed", "transfer.mist_points", "catalogues.*.stage", transfer_plan_keys),
        code=code_of("draw_transfer.py"),
    script:
        "../scripts/draw_transfer.py"


rule train_transfer:
    input:
        sample=f"{OUT}/models/transfer/{{variant}}/{{stage}}/sample.parquet",
        start=lambda wildcards: transfer_start(wildcards.stage),
    output:
        network=f"{OUT}/models/transfer/{{variant}}/{{stage}}/{{boot}}.safetensors",
        losses=f"{OUT}/models/transfer/{{variant}}/{{stage}}/{{boot}}.training.csv",
    log:
        f"{OUT}/logs/train_transfer/{{variant}}_{{stage}}_{{boot}}.log",
    benchmark:
        f"{OUT}/benchmarks/train_transfer/{{variant}}_{{stage}}_{{boot}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        settings=lambda wildcards: transfer_settings(wildcards.stage),
        seed=config["seed"],
        names=transfer_names,
        config=used("seed", "transfer.start_bootstrap", *TRANSFER_KEYS, "transfer.learning_rate.{stage}"),
        code=code_of("train_transfer.py"),
    script:
        "../scripts/train_transfer.py"


rule score_transfer_seed:
    input:
        **{f"{stage}_mist": f"{OUT}/mist/{stage}.parquet" for stage in STAGES},
        **{f"{stage}_start": transfer_start(stage) for stage in STAGES},
        **{
            f"{stage}_stars": [
                f"{OUT}/catalogues/{config['report_variant']}/{name}.parquet"
                for name in transfer_plan(stage)
            ]
            for stage in STAGES
        },
    output:
        f"{OUT}/tables/transfer_seeds/{{repetition}}.csv",
    log:
        f"{OUT}/logs/score_transfer_seed/{{repetition}}.log",
    benchmark:
        f"{OUT}/benchmarks/score_transfer_seed/{{repetition}}.tsv"
    wildcard_constraints:
        repetition=r"\d+",
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        plans={stage: transfer_plan(stage) for stage in STAGES},
        mist_points=TRANSFER["mist_points"],
        settings={stage: transfer_settings(stage) for stage in STAGES},
        boots=list(BOOTSTRAPS),
        max_log_tau=config["evaluation"]["max_log_tau"],
        seed=config["seed"],
        names=lambda wildcards: ["transfer", int(wildcards.repetition), config["report_variant"]],
        config=used(
            "seed",
            "transfer.start_bootstrap",
            "transfer.mist_points",
            "training.bootstraps",
            "evaluation.max_log_tau",
            "report_variant",
            *TRANSFER_KEYS,
            "transfer.learning_rate",
            *(f"catalogues.*.{key}" for key in ("stage", "copies", "draw")),
        ),
        code=code_of("score_transfer_seed.py"),
    script:
        "../scripts/score_transfer_seed.py"
