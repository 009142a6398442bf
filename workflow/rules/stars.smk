"""Star lists of users.

Inputs: lists, a model each.
Outputs: each list with ages and masses beside its stars.

A list is answered in pieces, a number of rows in each job, that are then put beside it in order. It is read where it
lies, each job its own rows, and not copied. How many pieces there are is known before the first job.
"""

if config["simulated"]:

    rule simulate_star_list:
        """Simulate a star list as a user might bring one."""
        output:
            "<results>/data/star_lists/{star_list}.parquet",
        log:
            "<logs>/simulate_star_list/{star_list}.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            **used("simulate_star_list.py", "seed simulated star_lists.{star_list}.rows"),
        script:
            "../scripts/simulate_star_list.py"


rule predict_star_list:
    """Predict ages and masses of the stars of one piece of a list."""
    input:
        stars=star_list,
        model=star_list_model,
    output:
        "<results>/stars/{star_list}/{piece}.parquet",
    log:
        "<logs>/predict_star_list/{star_list}_{piece}.log",
    benchmark:
        "<benchmarks>/predict_star_list/{star_list}_{piece}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        runtime=star_list_minutes,
    params:
        **used("predict_star_list.py", star_list_keys),
    script:
        "../scripts/predict_star_list.py"


rule gather_star_list:
    """Put the answers of all pieces of a list beside it, in the order of its rows."""
    input:
        stars=star_list,
        pieces=star_list_pieces,
    output:
        "<results>/stars/{star_list}.{format}",
    log:
        "<logs>/gather_star_list/{star_list}_{format}.log",
    benchmark:
        "<benchmarks>/gather_star_list/{star_list}_{format}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        runtime=by_attempt(60),
    params:
        **used("gather_star_list.py", "star_lists.{star_list}.format"),
    script:
        "../scripts/gather_star_list.py"
