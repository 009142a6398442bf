"""Baseline networks. Comes in: the MIST rows of each stage; goes out: networks, their losses by epoch, a plot.

One rule, numbered, for each block of bootstraps: a rule cannot have a list of outputs that depends on a wildcard. Nor
does it have a wildcard before their numbers, which would have Snakemake try every network's file on every rule.
"""

from itertools import product

# model -> column of the MIST table that marks the rows that it never sees
BASELINES = {"baseline": "test_rows", "baseline_tracks": "test_tracks"}

TRAINING_PLOTS = [
    f"{OUT}/models/{model}/{stage}/block{block}.training.png"
    for model in BASELINES
    for stage in STAGES
    for block in BLOCKS
]


localrules:
    plot_training,


for (model, held_out), stage, (block, boots) in product(BASELINES.items(), STAGES, BLOCKS.items()):

    rule:
        name:
            f"train_{model}_{stage}_{block}"
        input:
            rows=f"{OUT}/mist/{stage}.parquet",
            bounds=f"{OUT}/mist/bounds.json",
        output:
            networks=[f"{OUT}/models/{model}/{stage}/{boot}.safetensors" for boot in boots],
            losses=f"{OUT}/models/{model}/{stage}/block{block}.training.csv",
        log:
            f"{OUT}/logs/train_baseline/{model}_{stage}_{block}.log",
        benchmark:
            f"{OUT}/benchmarks/train_baseline/{model}_{stage}_{block}.tsv"
        # longest jobs first; the networks that transfer starts from before those that are only scored
        priority: 20 if model == "baseline" else 10
        conda:
            "../../envs/torch.yaml"
        # one thread a job: two jobs of one are as fast as one of two, and results cannot depend on --cores
        threads: 1
        resources:
            **training_resources(boots),
        params:
            model=model,
            stage=stage,
            held_out=held_out,
            boots=boots,
            settings=training_settings(stage),
            seed=config["seed"],
            config=used("seed", "training.bootstraps_per_job", *training_keys(stage)),
            code=code_of("train_baseline.py"),
        script:
            "../scripts/train_baseline.py"


rule plot_training:
    input:
        f"{OUT}/models/{{model}}/{{stage}}/block{{block}}.training.csv",
    output:
        f"{OUT}/models/{{model}}/{{stage}}/block{{block}}.training.png",
    log:
        f"{OUT}/logs/plot_training/{{model}}_{{stage}}_{{block}}.log",
    benchmark:
        f"{OUT}/benchmarks/plot_training/{{model}}_{{stage}}_{{block}}.tsv"
    wildcard_constraints:
        model="|".join(BASELINES),
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(500),
        runtime=by_attempt(5),
    params:
        title=lambda wildcards: f"{wildcards.model.replace('_', ' ')}, {wildcards.stage}-ZAMS",
        loss=TRAINING["loss"],
        simulated=config["simulated"],
        config=used("training.loss", "simulated"),
        code=code_of("plot_training.py"),
    script:
        "../scripts/plot_training.py"
