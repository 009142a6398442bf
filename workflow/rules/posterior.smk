"""The posterior network.

Inputs: isochrones of many metallicities; star tables.
Outputs: the cube of isochrones, the network, its file for users; answers of both for the stars of each stage.
"""


rule read_isochrones:
    """Read the isochrones of all metallicities."""
    input:
        raw(ISOCHRONES),
    output:
        "<results>/mist/isochrones.parquet",
    log:
        "<logs>/read_isochrones.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("read_isochrones.py", "posterior.source mist.last_eep simulated"),
        dataset=ISOCHRONES,
    script:
        "../scripts/read_isochrones.py"


rule build_cube:
    """Arrange the isochrones on a grid of metallicity, age and evolutionary point."""
    input:
        "<results>/mist/isochrones.parquet",
    output:
        "<results>/models/posterior/cube.safetensors",
    log:
        "<logs>/build_cube.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("build_cube.py"),
    script:
        "../scripts/build_cube.py"


rule sample_posterior:
    """Draw stars anywhere on the grid, and from their exact posteriors."""
    input:
        "<results>/models/posterior/cube.safetensors",
    output:
        "<results>/models/posterior/sample.safetensors",
    log:
        "<logs>/sample_posterior.log",
    benchmark:
        "<benchmarks>/sample_posterior.tsv"
    priority: 30
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=by_attempt(6000),
        runtime=by_attempt(60),
    params:
        **used("sample_posterior.py", "seed posterior.stars posterior.draws"),
    script:
        "../scripts/sample_posterior.py"


rule train_posterior:
    """Train the posterior network on the draws."""
    input:
        "<results>/models/posterior/sample.safetensors",
    output:
        network="<results>/models/posterior/network.safetensors",
        losses="<results>/models/posterior/training.csv",
    log:
        "<logs>/train_posterior.log",
    benchmark:
        "<benchmarks>/train_posterior.tsv"
    priority: 30
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=by_attempt(3000),
        runtime=by_attempt(60),
    params:
        **used("train_posterior.py", f"seed {below('posterior', RECIPE)}"),
    script:
        "../scripts/train_posterior.py"


rule plot_posterior_training:
    """Plot the losses of the posterior network by step."""
    input:
        "<results>/models/posterior/training.csv",
    output:
        "<results>/models/posterior/training.png",
    log:
        "<logs>/plot_posterior_training.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("plot_posterior_training.py", "simulated"),
    script:
        "../scripts/plot_posterior_training.py"


rule pack_posterior:
    """Pack network, correction, domain and zero-age main sequence into the file of the model for users."""
    input:
        **POSTERIOR_PARTS,
    output:
        "<results>/pretrained/posterior.safetensors",
    log:
        "<logs>/pack_posterior.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("pack_posterior.py", f"mist.last_eep {POSTERIOR_KEYS}"),
        about=about_posterior(),
    script:
        "../scripts/pack_posterior.py"


rule predict_posterior:
    """Answer for all stars of a stage, under several priors, by the network or by the exact posterior."""
    input:
        stars=stars_of_stage,
        model="<results>/pretrained/posterior.safetensors",
        cube=exact_cube,
    output:
        "<results>/predictions/posterior/{method}/{variant}/{stage}.parquet",
    log:
        "<logs>/predict_posterior/{method}_{variant}_{stage}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=by_attempt(3000),
    params:
        **used("predict_posterior.py", ANSWER_KEYS),
    script:
        "../scripts/predict_posterior.py"
