"""Tables.

Inputs: predictions, held-out MIST points, the paper's numbers.
Outputs: each table as CSV, Markdown and LaTeX.
"""


rule table1:
    """Table 1: fractions of stars whose predictions agree with their catalogue."""
    input:
        predictions=prediction_tables(SOURCES, MODELS, VARIANTS),
        paper=PAPER,
    output:
        **table_files("table1"),
    log:
        "<logs>/table1.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("table1.py", TABLE_KEYS, "catalogues.*.label catalogues.*.stage evaluation.max_log_tau"),
    script:
        "../scripts/table1.py"


rule pearson:
    """Pearson coefficients of predicted and reported ages and masses."""
    input:
        predictions=prediction_tables(SOURCES, MODELS, VARIANTS),
        paper=PAPER,
    output:
        **table_files("pearson"),
    log:
        "<logs>/pearson.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("pearson.py", TABLE_KEYS, "catalogues.*.stage"),
    script:
        "../scripts/pearson.py"


rule clusters:
    """Predicted ages and masses of cluster members against the literature."""
    input:
        predictions=prediction_tables(SOURCES, MODELS, VARIANTS),
    output:
        **table_files("clusters"),
        variants=expand("<results>/tables/clusters_{variant}.csv", variant=VARIANTS),
    log:
        "<logs>/clusters.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("clusters.py", TABLE_KEYS, "report_variant clusters.*.label clusters.*.stage"),
    script:
        "../scripts/clusters.py"


rule mist_error:
    """Errors of the baseline networks at held-out MIST points."""
    input:
        **{f"{stage}_points": f"<results>/mist/{stage}.parquet" for stage in STAGES},
        **{
            f"{stage}_{split}_{source}": baselines(stage, split, source)
            for stage, split, source in product(STAGES, SPLITS, SOURCES)
        },
    output:
        **table_files("mist_error"),
    log:
        "<logs>/mist_error.log",
    benchmark:
        "<benchmarks>/mist_error.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=by_attempt(2000),
    params:
        **used("mist_error.py", TABLE_KEYS, "training.bootstraps"),
        splits=list(SPLITS),
        sources=SOURCES,
    script:
        "../scripts/mist_error.py"


rule transfer_seeds:
    """Spread of the transfer networks' scores over seeds."""
    input:
        predictions=prediction_tables("this_work", "transfer", config["report_variant"]),
        seeds=[f"<results>/tables/transfer_seeds/{seed}.csv" for seed in range(1, TRANSFER["seeds"])],
        paper=PAPER if config["report_variant"] == "published" else [],
    output:
        **table_files("transfer_seeds"),
    log:
        "<logs>/transfer_seeds.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used(
            "transfer_seeds.py",
            TABLE_KEYS,
            "report_variant catalogues.*.label catalogues.*.stage evaluation.max_log_tau transfer.seeds",
        ),
    script:
        "../scripts/transfer_seeds.py"
