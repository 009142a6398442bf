"""Transfer learning.

Inputs: star tables, MIST points, one baseline network of each stage.
Outputs: the sample drawn for each variant and stage, its transfer networks with their losses, and the scores of
repetitions with other seeds.

As in training.smk, one rule, numbered, trains each block of bootstraps.
"""


rule draw_transfer:
    """Draw the sample that transfer networks are trained on."""
    input:
        stars=lambda wildcards: star_tables(wildcards.variant, wildcards.stage),
        mist="<results>/mist/{stage}.parquet",
    output:
        "<results>/models/transfer/{variant}/{stage}/sample.parquet",
    log:
        "<logs>/draw_transfer/{variant}_{stage}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("draw_transfer.py", "seed transfer.mist_points catalogues.*.stage", drawn_keys),
    script:
        "../scripts/draw_transfer.py"


for variant, stage, (block, boots) in product(VARIANTS, STAGES, BLOCKS.items()):

    rule:
        """Retrain a block of networks on the sample."""
        name:
            f"train_transfer_{variant}_{stage}_{block}"
        input:
            sample=f"<results>/models/transfer/{variant}/{stage}/sample.parquet",
            start=transfer_start(stage),
        output:
            networks=[f"<results>/models/transfer/{variant}/{stage}/{boot}.safetensors" for boot in boots],
            losses=f"<results>/models/transfer/{variant}/{stage}/block{block}.training.csv",
        log:
            f"<logs>/train_transfer/{variant}_{stage}_{block}.log",
        benchmark:
            f"<benchmarks>/train_transfer/{variant}_{stage}_{block}.tsv"
        conda:
            "../../envs/torch.yaml"
        resources:
            **transfer_resources(boots),
        params:
            **used("train_transfer.py", transfer_keys(stage), "training.bootstraps_per_job"),
            variant=variant,
            stage=stage,
            boots=boots,
        script:
            "../scripts/train_transfer.py"


rule score_transfer_seed:
    """Repeat the transfer draw and training with another seed, and score it."""
    input:
        **{f"{stage}_mist": f"<results>/mist/{stage}.parquet" for stage in STAGES},
        **{f"{stage}_start": transfer_start(stage) for stage in STAGES},
        **{f"{stage}_stars": star_tables(config["report_variant"], stage) for stage in STAGES},
    output:
        "<results>/tables/transfer_seeds/{repetition}.csv",
    log:
        "<logs>/score_transfer_seed/{repetition}.log",
    benchmark:
        "<benchmarks>/score_transfer_seed/{repetition}.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        **transfer_resources(BOOTSTRAPS),
    params:
        **used(
            "score_transfer_seed.py",
            transfer_keys(),
            "transfer.mist_points training.bootstraps evaluation.max_log_tau report_variant",
            below("catalogues.*", "stage copies draw"),
        ),
    script:
        "../scripts/score_transfer_seed.py"
