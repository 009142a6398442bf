"""Star lists of users. Comes in: lists, a model each; goes out: each list with ages and masses beside its stars.

A list is answered in pieces, a number of rows in each job, that are then put beside it in order. It is read where it
lies, each job its own rows, and not copied. How many pieces there are is known before the first job.
"""

STAR_LISTS = [f"{OUT}/stars/{name}.{block['format']}" for name, block in STARS.items()]


wildcard_constraints:
    star_list="|".join(STARS) or "none",
    format="parquet|csv",
    piece=r"\d+",


if config["simulated"]:

    localrules:
        simulate_star_list,

    rule simulate_star_list:
        output:
            f"{OUT}/data/star_lists/{{star_list}}.parquet",
        log:
            f"{OUT}/logs/simulate_star_list/{{star_list}}.log",
        benchmark:
            f"{OUT}/benchmarks/simulate_star_list/{{star_list}}.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(1000),
            runtime=by_attempt(5),
        params:
            rows=lambda wildcards: STARS[wildcards.star_list]["rows"],
            seed=config["seed"],
            config=used("seed", "simulated", "star_lists.{star_list}.rows"),
            code=code_of("simulate_star_list.py"),
        script:
            "../scripts/simulate_star_list.py"


rule predict_star_list:
    input:
        stars=lambda wildcards: STARS[wildcards.star_list]["path"],
        model=star_list_model,
    output:
        f"{OUT}/stars/{{star_list}}/{{piece}}.parquet",
    log:
        f"{OUT}/logs/predict_star_list/{{star_list}}_{{piece}}.log",
    benchmark:
        f"{OUT}/benchmarks/predict_star_list/{{star_list}}_{{piece}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        **star_list_resources(),
    params:
        settings=star_list_settings,
        config=used(star_list_keys),
        code=code_of("predict_star_list.py"),
    script:
        "../scripts/predict_star_list.py"


rule gather_star_list:
    input:
        stars=lambda wildcards: STARS[wildcards.star_list]["path"],
        pieces=lambda wildcards: [
            f"{OUT}/stars/{wildcards.star_list}/{piece}.parquet"
            for piece in range(STAR_PIECES[wildcards.star_list])
        ],
    output:
        f"{OUT}/stars/{{star_list}}.{{format}}",
    log:
        f"{OUT}/logs/gather_star_list/{{star_list}}_{{format}}.log",
    benchmark:
        f"{OUT}/benchmarks/gather_star_list/{{star_list}}_{{format}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(60),
    params:
        config=used("star_lists.{star_list}.format"),
        code=code_of("gather_star_list.py"),
    script:
        "../scripts/gather_star_list.py"
