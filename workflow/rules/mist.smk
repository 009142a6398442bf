"""Evolutionary tracks. Comes in: the raw MIST file; goes out: its rows, the two stages, the ZAMS, the bounds."""


localrules:
    split_zams,


rule read_mist:
    input:
        raw(MIST_DATASET),
    output:
        f"{OUT}/mist/tracks.parquet",
    log:
        f"{OUT}/logs/read_mist.log",
    benchmark:
        f"{OUT}/benchmarks/read_mist.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(2000),
        runtime=by_attempt(20),
    params:
        dataset=MIST_DATASET,
        last_eep=config["mist"]["last_eep"],
        simulated=config["simulated"],
        config=used("mist.source", "mist.last_eep", "simulated"),
        code=code_of("read_mist.py"),
    script:
        "../scripts/read_mist.py"


rule split_zams:
    input:
        f"{OUT}/mist/tracks.parquet",
    output:
        pre=f"{OUT}/mist/pre.parquet",
        post=f"{OUT}/mist/post.parquet",
        zams=f"{OUT}/mist/zams.parquet",
        bounds=f"{OUT}/mist/bounds.json",
    log:
        f"{OUT}/logs/split_zams.log",
    benchmark:
        f"{OUT}/benchmarks/split_zams.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        seed=config["seed"],
        zams_eep=config["mist"]["zams_eep"],
        end_eep=config["mist"]["end_eep"],
        post_fraction=config["mist"]["post_fraction"],
        test_fraction=config["mist"]["test_fraction"],
        test_track_every=config["mist"]["test_track_every"],
        config=used("seed", "mist"),
        code=code_of("split_zams.py"),
    script:
        "../scripts/split_zams.py"
