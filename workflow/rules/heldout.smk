"""Scores on stars not seen.

Inputs: star tables, networks of all kinds, the cube of isochrones, the posterior network.
Outputs: each method's forecasts for the stars of catalogues and clusters, their scores, the calibration of posteriors,
the correction that real stars teach, figures of all.
"""


rule forecast_networks:
    """Forecasts of ensembles of networks; those of transfer learning are retrained for every split of the stars."""
    input:
        unpack(heldout_networks),
        **{f"{stage}_catalogues": star_tables(PRETRAINED_VARIANT, stage) for stage in STAGES},
        **{
            f"{stage}_clusters": [f"<results>/clusters/{name}.parquet" for name in MEMBERS[stage]]
            for stage in STAGES
        },
        **{f"{stage}_mist": f"<results>/mist/{stage}.parquet" for stage in STAGES},
    output:
        "<results>/heldout/networks.parquet",
    log:
        "<logs>/forecast_networks.log",
    benchmark:
        "<benchmarks>/forecast_networks.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=by_attempt(2000),
    params:
        **used(
            "forecast_networks.py",
            transfer_keys(),
            "transfer.mist_points training.bootstraps evaluation.published_networks",
            below("catalogues.*", "stage copies draw"),
        ),
        samples=SAMPLES,
    script:
        "../scripts/forecast_networks.py"


rule forecast_posterior:
    """Forecasts of a posterior, as it is and corrected by other stars."""
    input:
        method=lambda wildcards: FORECASTERS[wildcards.posterior],
        catalogues=star_tables(PRETRAINED_VARIANT, *STAGES),
        clusters=[f"<results>/clusters/{name}.parquet" for name in CLUSTERS],
    output:
        forecasts="<results>/heldout/{posterior}.parquet",
        correction="<results>/heldout/{posterior}.correction.safetensors",
    log:
        "<logs>/forecast_posterior/{posterior}.log",
    benchmark:
        "<benchmarks>/forecast_posterior/{posterior}.tsv"
    wildcard_constraints:
        posterior="|".join(FORECASTERS),
    conda:
        "../../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=by_attempt(4000),
    params:
        **used("forecast_posterior.py", "seed"),
    script:
        "../scripts/forecast_posterior.py"


rule heldout:
    """Scores of every method on stars that it did not see."""
    input:
        HELDOUT_FORECASTS,
    output:
        **table_files("heldout"),
    log:
        "<logs>/heldout.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **used(
            "heldout.py", "seed simulated evaluation clusters.*.label", below("catalogues.*", "label stage")
        ),
    script:
        "../scripts/heldout.py"


rule choose_correction:
    """Keep of the posterior network's correction what wins on catalogues that it did not see."""
    input:
        correction="<results>/heldout/posterior.correction.safetensors",
        scores="<results>/tables/heldout.csv",
    output:
        "<results>/models/posterior/correction.safetensors",
    log:
        "<logs>/choose_correction.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("choose_correction.py"),
    script:
        "../scripts/choose_correction.py"


rule calibration:
    """Simulation-based calibration of posteriors, and how close the network is to the exact one."""
    input:
        cube=FORECASTERS["exact"],
        network=FORECASTERS["posterior"],
        catalogues=star_tables(PRETRAINED_VARIANT, *STAGES),
    output:
        **table_files("calibration"),
        ranks="<results>/heldout/ranks.parquet",
        pairs="<results>/heldout/pairs.parquet",
    log:
        "<logs>/calibration.log",
    benchmark:
        "<benchmarks>/calibration.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 2
    resources:
        mem_mb=by_attempt(4000),
    params:
        **used("calibration.py", "seed simulated evaluation.published_networks evaluation.calibration_stars"),
    script:
        "../scripts/calibration.py"


rule figures_heldout:
    """Reliability, rank histograms, coverage and information over the H-R diagram, exact against network."""
    input:
        forecasts=HELDOUT_FORECASTS,
        ranks="<results>/heldout/ranks.parquet",
        pairs="<results>/heldout/pairs.parquet",
    output:
        [path for name in HELDOUT_FIGURES for path in figure_files(f"figures/{name}", name, name).values()],
    log:
        "<logs>/figures_heldout.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("figures_heldout.py", "simulated", below("catalogues.*", "label stage")),
    script:
        "../scripts/figures_heldout.py"
