"""Baseline networks.

Inputs: the MIST rows of each stage.
Outputs: networks, their losses by epoch, a plot of them.

One rule, numbered, for each block of bootstraps: a rule cannot have a list of outputs that depends on a wildcard. Nor
does it have a wildcard before their numbers, which would have Snakemake try every network's file on every rule.
A job has one thread: two jobs of one are as fast as one of two, and results cannot depend on --cores.
"""

for (model, held_out), stage, (block, boots) in product(BASELINES.items(), STAGES, BLOCKS.items()):

    rule:
        """Train a block of baseline networks."""
        name:
            f"train_{model}_{stage}_{block}"
        input:
            rows=f"<results>/mist/{stage}.parquet",
            bounds="<results>/mist/bounds.json",
        output:
            networks=[f"<results>/models/{model}/{stage}/{boot}.safetensors" for boot in boots],
            losses=f"<results>/models/{model}/{stage}/block{block}.training.csv",
        log:
            f"<logs>/train_baseline/{model}_{stage}_{block}.log",
        benchmark:
            f"<benchmarks>/train_baseline/{model}_{stage}_{block}.tsv"
        # longest jobs first; the networks that transfer starts from before those that are only scored
        priority: 20 if model == "baseline" else 10
        conda:
            "../../envs/torch.yaml"
        resources:
            **training_resources(boots),
        params:
            **used("train_baseline.py", training_keys(stage), "training.bootstraps_per_job"),
            model=model,
            stage=stage,
            held_out=held_out,
            boots=boots,
        script:
            "../scripts/train_baseline.py"


rule plot_training:
    """Plot the losses of a block of networks by epoch."""
    input:
        "<results>/models/{baseline}/{stage}/block{block}.training.csv",
    output:
        "<results>/models/{baseline}/{stage}/block{block}.training.png",
    log:
        "<logs>/plot_training/{baseline}_{stage}_{block}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("plot_training.py", "training.loss simulated"),
    script:
        "../scripts/plot_training.py"
