"""Standard star tables.

Inputs: the raw files of each catalogue and cluster; for clusters from VizieR also the ages at the ZAMS.
Outputs: one star table a catalogue and variant, one a cluster, and the rows left out with the reason; on
demand, how VizieR's catalogues differ from those assembled for the paper.
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


# not of the simulated sky, which VizieR does not have
if not config["simulated"]:

    rule catalogue_diff:
        """Compare VizieR's version of each catalogue with the assembled one (not part of `all`)."""
        input:
            **both_versions(),
        output:
            "<results>/tables/catalogue_diff.csv",
        log:
            "<logs>/catalogue_diff.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            **used(
                "catalogue_diff.py",
                "report_variant max_abs_feh",
                below("catalogues.*", "adapter stage inputs"),
            ),
            vizier={name: vizier_entries(block) for name, block in IN_VIZIER.items()},
            adapter_code={name: adapter_code(block) for name, block in IN_VIZIER.items()},
        script:
            "../scripts/catalogue_diff.py"
