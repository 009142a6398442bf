"""Transfer learning.

Comes in: star tables, MIST points, one baseline network of each stage. Goes out: the sample drawn for each variant
and stage, its transfer networks with their losses, and the scores of repetitions with other seeds. As in training.smk,
one rule, numbered, trains each block of bootstraps.
"""

from itertools import product

TRANSFER = config["transfer"]
# the keys of the configuration that the settings of transfer are made of, for each stage its own learning rate
TRANSFER_KEYS = ["transfer.steps", "transfer.loss", "transfer.optimiser"]


localrules:
    draw_transfer,


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
        mem_mb=by_attempt(500),
        runtime=by_attempt(5),
    params:
        plan=lambda wildcards: transfer_plan(wildcards.stage),
        mist_points=TRANSFER["mist_points"],
        seed=config["seed"],
        names=lambda wildcards: transfer_names(wildcards.variant, wildcards.stage),
        config=used("seed", "transfer.mist_points", "catalogues.*.stage", transfer_plan_keys),
        code=code_of("draw_transfer.py"),
    script:
        "../scripts/draw_transfer.py"


for variant, stage, (block, boots) in product(VARIANTS, STAGES, BLOCKS.items()):

    rule:
        name:
            f"train_transfer_{variant}_{stage}_{block}"
        input:
            sample=f"{OUT}/models/transfer/{variant}/{stage}/sample.parquet",
            start=transfer_start(stage),
        output:
            networks=[f"{OUT}/models/transfer/{variant}/{stage}/{boot}.safetensors" for boot in boots],
            losses=f"{OUT}/models/transfer/{variant}/{stage}/block{block}.training.csv",
        log:
            f"{OUT}/logs/train_transfer/{variant}_{stage}_{block}.log",
        benchmark:
            f"{OUT}/benchmarks/train_transfer/{variant}_{stage}_{block}.tsv"
        conda:
            "../../envs/torch.yaml"
        threads: 1
        resources:
            **transfer_resources(boots),
        params:
            variant=variant,
            stage=stage,
            boots=boots,
            settings=transfer_settings(stage),
            seed=config["seed"],
            names=transfer_names(variant, stage),
            config=used(
                "seed",
                "training.bootstraps_per_job",
                "transfer.start_bootstrap",
                *TRANSFER_KEYS,
                f"transfer.learning_rate.{stage}",
            ),
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
        **transfer_resources(BOOTSTRAPS),
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
