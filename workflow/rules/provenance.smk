"""What made the results. Comes in: the configuration, figures, tables; goes out: a page of them, the configuration.

`snakemake audit` holds all that is there against its records, the code and the configuration, and makes nothing.
"""


localrules:
    save_config,
    index,
    audit,


rule save_config:
    output:
        f"{OUT}/config.yaml",
    log:
        f"{OUT}/logs/save_config.log",
    benchmark:
        f"{OUT}/benchmarks/save_config.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(500),
        runtime=by_attempt(5),
    params:
        config=used(*config),
        code=code_of("save_config.py"),
    script:
        "../scripts/save_config.py"


rule index:
    input:
        TABLES,
        FIGURES,
        TRAINING_PLOTS,
        f"{OUT}/config.yaml",
    output:
        f"{OUT}/index.html",
    log:
        f"{OUT}/logs/index.log",
    benchmark:
        f"{OUT}/benchmarks/index.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(500),
        runtime=by_attempt(5),
    params:
        # the captions and the page's own template
        report=digest_of(sorted((ROOT / "workflow/report").iterdir())),
        config=used("simulated"),
        code=code_of("index.py"),
    script:
        "../scripts/index.py"


rule audit:
    # no benchmark: it would count as an output, and a rule that has all its outputs does not run
    log:
        f"{OUT}/logs/audit.log",
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(500),
        runtime=by_attempt(5),
    params:
        code=code_of("audit.py"),
    script:
        "../scripts/audit.py"
