"""Figures 1 to 7. Comes in: standard tables, predictions, Pearson coefficients; goes out: a PDF and a PNG each.

Those of the reported variant lie in OUT/figures, those of any other in OUT/figures/<variant>. Figures 5 and 6 show
the first two clusters of the configuration, and every further cluster has a figure of its own, named after it.
"""

CATALOGUE_LABELS = {name: block["label"] for name, block in CATALOGUES.items()}
FIGURES = [
    f"{OUT}/{folder}/{name}.{suffix}"
    for folder in FIGURE_VARIANTS
    for name in ["fig1", "fig2", "fig3", *CLUSTER_FIGURES, "fig7"]
    for suffix in ("pdf", "png")
] + [f"{OUT}/figures/fig4.{suffix}" for suffix in ("pdf", "png") if CLUSTERS]


localrules:
    figure1,
    figure2,
    figure3,
    figure4,
    figure5,
    figure6,
    figure_of_cluster,
    figure7,


wildcard_constraints:
    figures="|".join(FIGURE_VARIANTS),


rule figure1:
    input:
        catalogues=catalogue_tables("post", "pre"),
        tracks=f"{OUT}/mist/tracks.parquet",
    output:
        pdf=f"{OUT}/{{figures}}/fig1.pdf",
        png=report(
            f"{OUT}/{{figures}}/fig1.png",
            caption="../report/figure1.rst",
            category="Figures",
            labels=report_labels("1", "training samples"),
        ),
    log:
        f"{OUT}/logs/figure1/{{figures}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure1/{{figures}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        labels=CATALOGUE_LABELS,
        zams_eep=config["mist"]["zams_eep"],
        variant=variant_of,
        config=used("catalogues.*.label", "catalogues.*.stage", "report_variant", "mist.zams_eep"),
        code=code_of("figure1.py"),
    script:
        "../scripts/figure1.py"


rule figure2:
    input:
        unpack(model_predictions("post")),
        pearson=f"{OUT}/tables/pearson.csv",
    output:
        pdf=f"{OUT}/{{figures}}/fig2.pdf",
        png=report(
            f"{OUT}/{{figures}}/fig2.png",
            caption="../report/figure2.rst",
            category="Figures",
            labels=report_labels("2", "predictions, post-ZAMS"),
        ),
    log:
        f"{OUT}/logs/figure2/{{figures}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure2/{{figures}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        labels=CATALOGUE_LABELS,
        variant=variant_of,
        config=used("catalogues.*.label", "catalogues.*.stage", "report_variant"),
        code=code_of("figure2.py"),
    script:
        "../scripts/figure2.py"


rule figure3:
    input:
        unpack(model_predictions("pre")),
        pearson=f"{OUT}/tables/pearson.csv",
    output:
        pdf=f"{OUT}/{{figures}}/fig3.pdf",
        png=report(
            f"{OUT}/{{figures}}/fig3.png",
            caption="../report/figure3.rst",
            category="Figures",
            labels=report_labels("3", "predictions, pre-ZAMS"),
        ),
    log:
        f"{OUT}/logs/figure3/{{figures}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure3/{{figures}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        labels=CATALOGUE_LABELS,
        variant=variant_of,
        config=used("catalogues.*.label", "catalogues.*.stage", "report_variant"),
        code=code_of("figure3.py"),
    script:
        "../scripts/figure3.py"


rule figure4:
    input:
        clusters=expand(f"{OUT}/clusters/{{cluster}}.parquet", cluster=CLUSTERS),
        zams=f"{OUT}/mist/zams.parquet",
    output:
        pdf=f"{OUT}/figures/fig4.pdf",
        png=report(
            f"{OUT}/figures/fig4.png",
            caption="../report/figure4.rst",
            category="Figures",
            labels={"figure": "4", "shows": "test clusters and ZAMS age", "variant": "all"},
        ),
    log:
        f"{OUT}/logs/figure4.log",
    benchmark:
        f"{OUT}/benchmarks/figure4.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        labels=[block["label"] for block in CLUSTERS.values()],
        config=used("clusters.*.label"),
        code=code_of("figure4.py"),
    script:
        "../scripts/figure4.py"


rule figure5:
    input:
        unpack(cluster_predictions("fig5")),
    output:
        pdf=f"{OUT}/{{figures}}/fig5.pdf",
        png=report(
            f"{OUT}/{{figures}}/fig5.png",
            caption="../report/figure5.rst",
            category="Figures",
            labels=report_labels("5", cluster_label("fig5")),
        ),
    log:
        f"{OUT}/logs/figure5/{{figures}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure5/{{figures}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        cluster=lambda wildcards: CLUSTER_FIGURES["fig5"],
        label=cluster_label("fig5"),
        variant=variant_of,
        config=used(*cluster_keys(CLUSTER_FIGURES.get("fig5"))),
        code=code_of("figure5.py"),
    script:
        "../scripts/figure5.py"


rule figure6:
    input:
        unpack(cluster_predictions("fig6")),
    output:
        pdf=f"{OUT}/{{figures}}/fig6.pdf",
        png=report(
            f"{OUT}/{{figures}}/fig6.png",
            caption="../report/figure6.rst",
            category="Figures",
            labels=report_labels("6", cluster_label("fig6")),
        ),
    log:
        f"{OUT}/logs/figure6/{{figures}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure6/{{figures}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        cluster=lambda wildcards: CLUSTER_FIGURES["fig6"],
        label=cluster_label("fig6"),
        variant=variant_of,
        config=used(*cluster_keys(CLUSTER_FIGURES.get("fig6"))),
        code=code_of("figure6.py"),
    script:
        "../scripts/figure6.py"


use rule figure5 as figure_of_cluster with:
    input:
        unpack(cluster_predictions()),
    output:
        pdf=f"{OUT}/{{figures}}/{{cluster}}.pdf",
        png=report(
            f"{OUT}/{{figures}}/{{cluster}}.png",
            caption="../report/figure5.rst",
            category="Figures",
            labels=report_labels("{cluster}", cluster_label()),
        ),
    log:
        f"{OUT}/logs/figure_of_cluster/{{figures}}/{{cluster}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure_of_cluster/{{figures}}/{{cluster}}.tsv"
    params:
        cluster="{cluster}",
        label=cluster_label(),
        variant=variant_of,
        config=used(*cluster_keys("{cluster}")),
        code=code_of("figure5.py"),


rule figure7:
    input:
        catalogues=catalogue_tables("pre"),
    output:
        pdf=f"{OUT}/{{figures}}/fig7.pdf",
        png=report(
            f"{OUT}/{{figures}}/fig7.png",
            caption="../report/figure7.rst",
            category="Figures",
            labels=report_labels("7", "individual ages"),
        ),
    log:
        f"{OUT}/logs/figure7/{{figures}}.log",
    benchmark:
        f"{OUT}/benchmarks/figure7/{{figures}}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=by_attempt(1000),
        runtime=by_attempt(5),
    params:
        labels=CATALOGUE_LABELS,
        variant=variant_of,
        config=used("catalogues.*.label", "catalogues.*.stage", "report_variant"),
        code=code_of("figure7.py"),
    script:
        "../scripts/figure7.py"
