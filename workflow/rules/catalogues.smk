"""Standard star tables.

Inputs: the raw files of each catalogue and cluster; for clusters from VizieR also the ages at the ZAMS.
Outputs: one star table a catalogue and variant, one a cluster, and the rows left out with the reason.
"""


rule standardise_catalogue:
    """Turn a catalogue's raw files into a star table of each variant."""
    input:
        unpack(lambda wildcards: raw_inputs(CATALOGUES[wildcards.catalogue])),
    output:
        stars=expand("<results>/catalogues/{variant}/{{catalogue}}.parquet", variant=VARIANTS),
        dropped="<results>/catalogues/{catalogue}.dropped.csv",
    log:
        "<logs>/standardise_catalogue/{catalogue}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used(
            "standardise_catalogue.py",
            "variants max_abs_feh simulated",
            below("catalogues.{catalogue}", "adapter stage source inputs"),
        ),
        vizier=lambda wildcards: vizier_entries(CATALOGUES[wildcards.catalogue]),
        adapter_code=lambda wildcards: adapter_code(CATALOGUES[wildcards.catalogue]),
    script:
        "../scripts/standardise_catalogue.py"


rule standardise_cluster:
    """Turn the raw files of a cluster's members into a star table."""
    input:
        unpack(cluster_inputs),
    output:
        stars="<results>/clusters/{cluster}.parquet",
        dropped="<results>/clusters/{cluster}.dropped.csv",
    log:
        "<logs>/standardise_cluster/{cluster}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        **used(
            "standardise_cluster.py",
            "simulated",
            below("clusters.{cluster}", "adapter stage source inputs names"),
        ),
        vizier=lambda wildcards: vizier_entries(CLUSTERS[wildcards.cluster]),
        adapter_code=lambda wildcards: adapter_code(CLUSTERS[wildcards.cluster]),
    script:
        "../scripts/standardise_cluster.py"
