"""What made the results. Comes in: the configuration; goes out: its resolved form beside the results.

`snakemake audit` holds all that is there against its records, the code and the configuration, and makes nothing.
"""


localrules:
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
        mem_mb=500,
        runtime=5,
    params:
        config=used(*config),
        code=code_of("save_config.py"),
    script:
        "../scripts/save_config.py"


rule audit:
    log:
        f"{OUT}/logs/audit.log",
    benchmark:
        f"{OUT}/benchmarks/audit.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        out=OUT,
        code=code_of("audit.py"),
    script:
        "../scripts/audit.py"
