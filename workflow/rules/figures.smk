"""Figures 1 to 7.

Inputs: standard tables, predictions, Pearson coefficients.
Outputs: a PDF and a PNG of each.

Those of the reported variant lie in <results>/figures, those of any other in <results>/figures/<variant>.
"""


rule figure1:
    """Figure 1: the training samples on the Hertzsprung-Russell diagram."""
    input:
        catalogues=lambda wildcards: star_tables(variant_of(wildcards), "post", "pre"),
        tracks="<results>/mist/tracks.parquet",
    output:
        **figure_files("{figures}/fig1", "figure1", "training samples"),
    log:
        "<logs>/figure1/{figures}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("figure1.py", FIGURE_KEYS, "mist.zams_eep"),
        variant=variant_of,
    script:
        "../scripts/figure1.py"


rule figure_of_stage:
    """Figures 2 and 3: predicted against reported ages and masses, post- and pre-ZAMS."""
    input:
        unpack(model_predictions),
        pearson="<results>/tables/pearson.csv",
    output:
        **figure_files("{figures}/fig{stage_figure}", "figure_of_stage", stage_shown),
    log:
        "<logs>/figure_of_stage/{figures}/{stage_figure}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("figure_of_stage.py", FIGURE_KEYS),
        variant=variant_of,
        stage=lambda wildcards: STAGE_FIGURES[wildcards.stage_figure],
    script:
        "../scripts/figure_of_stage.py"


rule figure4:
    """Figure 4: ages and masses of the test clusters beside the age of the ZAMS."""
    input:
        clusters=expand("<results>/clusters/{cluster}.parquet", cluster=CLUSTERS),
        zams="<results>/mist/zams.parquet",
    output:
        **figure_files("figures/fig4", "figure4", "test clusters and ZAMS age"),
    log:
        "<logs>/figure4.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("figure4.py", "clusters.*.label"),
    script:
        "../scripts/figure4.py"


rule figure_of_cluster:
    """Figures 5 and 6, and one of each further cluster: predictions for its members."""
    input:
        unpack(model_predictions),
    output:
        **figure_files("{figures}/{cluster_figure}", "figure_of_cluster", cluster_shown),
    log:
        "<logs>/figure_of_cluster/{figures}/{cluster_figure}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("figure_of_cluster.py", cluster_figure_keys),
        variant=variant_of,
        cluster=lambda wildcards: CLUSTER_FIGURES[wildcards.cluster_figure],
    script:
        "../scripts/figure_of_cluster.py"


rule figure7:
    """Figure 7: the individual ages of the stars of the pre-ZAMS samples."""
    input:
        catalogues=lambda wildcards: star_tables(variant_of(wildcards), "pre"),
    output:
        **figure_files("{figures}/fig7", "figure7", "individual ages"),
    log:
        "<logs>/figure7/{figures}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used("figure7.py", FIGURE_KEYS),
        variant=variant_of,
    script:
        "../scripts/figure7.py"
