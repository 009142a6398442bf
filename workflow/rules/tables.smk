"""Tables. Comes in: predictions, held-out MIST points, the paper's numbers; goes out: CSV, Markdown and LaTeX."""

TABLES = [
    *expand(
        f"{OUT}/tables/{{name}}.{{suffix}}",
        name=["table1", "pearson", "clusters", "mist_error", "transfer_seeds"],
        suffix=["csv", "md", "tex"],
    ),
    *expand(f"{OUT}/tables/clusters_{{variant}}.csv", variant=VARIANTS),
]

# baseline -> the test split of MIST whose points it never saw
SPLITS = {"rows": "baseline", "tracks": "baseline_tracks"}

# a simulated sky has no place for what the paper says about the real one
PAPER = [] if config["simulated"] else ["resources/published.yaml"]

TABLE_NOTES = [
    *["The published networks are left out (evaluation.published_networks is false)."]
    * ("published_networks" not in SOURCES),
    *["Simulated sky: no number here is about real stars."] * config["simulated"],
]

# what shapes every table: which variants and networks are scored, and what its notes say
SCORED_KEYS = ["variants", "simulated", "evaluation.published_networks"]


localrules:
    table1,
    pearson,
    clusters,
    transfer_seeds,


rule table1:
    input:
        predictions=prediction_tables(SOURCES, MODELS, VARIANTS),
        paper=PAPER,
    output:
        csv=report(f"{OUT}/tables/table1.csv", caption="../report/table1.rst", category="Tables"),
        md=f"{OUT}/tables/table1.md",
        tex=f"{OUT}/tables/table1.tex",
    log:
        f"{OUT}/logs/table1.log",
    benchmark:
        f"{OUT}/benchmarks/table1.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        samples={stage: of_stage(CATALOGUES, stage) for stage in STAGES},
        labels={name: block["label"] for name, block in CATALOGUES.items()},
        max_log_tau=config["evaluation"]["max_log_tau"],
        notes=TABLE_NOTES,
        config=used(*SCORED_KEYS, "catalogues.*.label", "catalogues.*.stage", "evaluation.max_log_tau"),
        code=code_of("table1.py"),
    script:
        "../scripts/table1.py"


rule pearson:
    input:
        predictions=prediction_tables(SOURCES, MODELS, VARIANTS),
        paper=PAPER,
    output:
        csv=report(f"{OUT}/tables/pearson.csv", caption="../report/pearson.rst", category="Tables"),
        md=f"{OUT}/tables/pearson.md",
        tex=f"{OUT}/tables/pearson.tex",
    log:
        f"{OUT}/logs/pearson.log",
    benchmark:
        f"{OUT}/benchmarks/pearson.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        samples={stage: of_stage(CATALOGUES, stage) for stage in STAGES},
        notes=TABLE_NOTES,
        config=used(*SCORED_KEYS, "catalogues.*.stage"),
        code=code_of("pearson.py"),
    script:
        "../scripts/pearson.py"


rule clusters:
    input:
        predictions=prediction_tables(SOURCES, MODELS, VARIANTS),
    output:
        variants=expand(f"{OUT}/tables/clusters_{{variant}}.csv", variant=VARIANTS),
        csv=report(f"{OUT}/tables/clusters.csv", caption="../report/clusters.rst", category="Tables"),
        md=f"{OUT}/tables/clusters.md",
        tex=f"{OUT}/tables/clusters.tex",
    log:
        f"{OUT}/logs/clusters.log",
    benchmark:
        f"{OUT}/benchmarks/clusters.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        samples={stage: of_stage(CLUSTERS, stage) for stage in STAGES},
        labels={name: block["label"] for name, block in CLUSTERS.items()},
        variants=VARIANTS,
        report_variant=config["report_variant"],
        notes=TABLE_NOTES,
        config=used(*SCORED_KEYS, "report_variant", "clusters.*.label", "clusters.*.stage"),
        code=code_of("clusters.py"),
    script:
        "../scripts/clusters.py"


rule mist_error:
    input:
        **{f"{stage}_points": f"{OUT}/mist/{stage}.parquet" for stage in STAGES},
        **{
            f"{stage}_{split}_{source}": networks(
                source, model if source == "this_work" else "baseline", None, stage
            )
            for stage in STAGES
            for split, model in SPLITS.items()
            for source in SOURCES
        },
    output:
        csv=report(f"{OUT}/tables/mist_error.csv", caption="../report/mist_error.rst", category="Tables"),
        md=f"{OUT}/tables/mist_error.md",
        tex=f"{OUT}/tables/mist_error.tex",
    log:
        f"{OUT}/logs/mist_error.log",
    benchmark:
        f"{OUT}/benchmarks/mist_error.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(10),
    params:
        stages=STAGES,
        splits=list(SPLITS),
        sources=SOURCES,
        notes=TABLE_NOTES,
        config=used(*SCORED_KEYS, "training.bootstraps"),
        code=code_of("mist_error.py"),
    script:
        "../scripts/mist_error.py"


rule transfer_seeds:
    input:
        predictions=prediction_tables("this_work", "transfer", config["report_variant"]),
        seeds=[f"{OUT}/tables/transfer_seeds/{seed}.csv" for seed in range(1, TRANSFER["seeds"])],
        paper=PAPER if config["report_variant"] == "published" else [],
    output:
        csv=report(
            f"{OUT}/tables/transfer_seeds.csv", caption="../report/transfer_seeds.rst", category="Tables"
        ),
        md=f"{OUT}/tables/transfer_seeds.md",
        tex=f"{OUT}/tables/transfer_seeds.tex",
    log:
        f"{OUT}/logs/transfer_seeds.log",
    benchmark:
        f"{OUT}/benchmarks/transfer_seeds.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        samples={stage: of_stage(CATALOGUES, stage) for stage in STAGES},
        labels={name: block["label"] for name, block in CATALOGUES.items()},
        max_log_tau=config["evaluation"]["max_log_tau"],
        variant=config["report_variant"],
        notes=TABLE_NOTES,
        config=used(
            *SCORED_KEYS,
            "report_variant",
            "catalogues.*.label",
            "catalogues.*.stage",
            "evaluation.max_log_tau",
            "transfer.seeds",
        ),
        code=code_of("transfer_seeds.py"),
    script:
        "../scripts/transfer_seeds.py"
