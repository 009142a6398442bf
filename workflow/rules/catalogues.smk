"""Standard star tables.

Comes in: the raw files of each catalogue and cluster; for clusters from VizieR also the ages at the ZAMS.
Goes out: one star table a catalogue and variant, one a cluster, and the rows left out with the reason.
"""


localrules:
    standardise_catalogue,
    standardise_cluster,


rule standardise_catalogue:
    input:
        unpack(lambda wildcards: raw_inputs(CATALOGUES[wildcards.catalogue])),
    output:
        stars=expand(f"{OUT}/catalogues/{{variant}}/{{{{catalogue}}}}.parquet", variant=VARIANTS),
        dropped=f"{OUT}/catalogues/{{catalogue}}.dropped.csv",
    log:
        f"{OUT}/logs/standardise_catalogue/{{catalogue}}.log",
    benchmark:
        f"{OUT}/benchmarks/standardise_catalogue/{{catalogue}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        variants=VARIANTS,
        adapter=lambda wildcards: CATALOGUES[wildcards.catalogue]["adapter"],
        vizier=lambda wildcards: vizier_entries(CATALOGUES[wildcards.catalogue]),
        stage=lambda wildcards: CATALOGUES[wildcards.catalogue]["stage"],
        source=lambda wildcards: CATALOGUES[wildcards.catalogue]["source"],
        max_abs_feh=config["max_abs_feh"],
        simulated=str(config["simulated"]).lower(),
        config=used(
            "variants",
            "max_abs_feh",
            "simulated",
            "catalogues.{catalogue}.adapter",
            "catalogues.{catalogue}.stage",
            "catalogues.{catalogue}.source",
            "catalogues.{catalogue}.inputs",
        ),
        code=code_of("standardise_catalogue.py"),
        adapter_code=lambda wildcards: adapter_code(CATALOGUES[wildcards.catalogue]),
    script:
        "../scripts/standardise_catalogue.py"


rule standardise_cluster:
    input:
        unpack(cluster_inputs),
    output:
        stars=f"{OUT}/clusters/{{cluster}}.parquet",
        dropped=f"{OUT}/clusters/{{cluster}}.dropped.csv",
    log:
        f"{OUT}/logs/standardise_cluster/{{cluster}}.log",
    benchmark:
        f"{OUT}/benchmarks/standardise_cluster/{{cluster}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        adapter=lambda wildcards: CLUSTERS[wildcards.cluster]["adapter"],
        vizier=lambda wildcards: vizier_entries(CLUSTERS[wildcards.cluster]),
        stage=lambda wildcards: CLUSTERS[wildcards.cluster]["stage"],
        source=lambda wildcards: CLUSTERS[wildcards.cluster]["source"],
        names=lambda wildcards: CLUSTERS[wildcards.cluster]["names"],
        simulated=str(config["simulated"]).lower(),
        config=used(
            "simulated",
            "clusters.{cluster}.adapter",
            "clusters.{cluster}.stage",
            "clusters.{cluster}.source",
            "clusters.{cluster}.inputs",
            "clusters.{cluster}.names",
        ),
        code=code_of("standardise_cluster.py"),
        adapter_code=lambda wildcards: adapter_code(CLUSTERS[wildcards.cluster]),
    script:
        "../scripts/standardise_cluster.py"
