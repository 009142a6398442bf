"""What made the results. Comes in: the configuration; goes out: its resolved form beside the results."""


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
        config=config,
        code=code_of("save_config.py"),
    script:
        "../scripts/save_config.py"
