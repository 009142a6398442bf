"""Evolutionary tracks.

Inputs: the raw MIST file.
Outputs: its rows, those of the two stages, the ages at the ZAMS, the bounds of the networks' scaling.
"""


rule read_mist:
    """Read the rows of all MIST tracks."""
    input:
        raw(MIST_DATASET),
    output:
        "<results>/mist/tracks.parquet",
    log:
        "<logs>/read_mist.log",
    benchmark:
        "<benchmarks>/read_mist.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=by_attempt(2000),
    params:
        **used("read_mist.py", "mist.source mist.last_eep simulated"),
        dataset=MIST_DATASET,
    script:
        "../scripts/read_mist.py"


rule split_zams:
    """Split the tracks at the zero-age main sequence and hold points out."""
    input:
        "<results>/mist/tracks.parquet",
    output:
        pre="<results>/mist/pre.parquet",
        post="<results>/mist/post.parquet",
        zams="<results>/mist/zams.parquet",
        bounds="<results>/mist/bounds.json",
    log:
        "<logs>/split_zams.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("split_zams.py", "seed mist"),
    script:
        "../scripts/split_zams.py"
