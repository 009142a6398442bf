"""What made the results.

Inputs: the configuration, figures, tables.
Outputs: a page of them, the configuration.

`snakemake audit` holds all that is there against its records, the code and the configuration, and makes nothing.
"""


rule save_config:
    """Write the configuration as the run resolved it."""
    output:
        "<results>/config.yaml",
    log:
        "<logs>/save_config.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("save_config.py", *(key for key in config if key != "output_dir")),
    script:
        "../scripts/save_config.py"


rule index:
    """Write the page that shows every figure and table with what made it."""
    input:
        TABLES + FIGURES + TRAINING_PLOTS + HELDOUT,
        "<results>/config.yaml",
    output:
        "<results>/index.html",
    log:
        "<logs>/index.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("index.py", "simulated"),
        templates=digest_of(sorted((ROOT / "workflow/report").iterdir())),
    script:
        "../scripts/index.py"


rule audit:
    """Audit all results against their records; make nothing."""
    log:
        "<logs>/audit.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("audit.py"),
    script:
        "../scripts/audit.py"
