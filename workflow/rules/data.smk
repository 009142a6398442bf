"""Raw data. Comes in: resources/datasets.yaml; goes out: OUT/data/<dataset>/<file>, verified, with its origin beside it."""

VIZIER = [name for name, dataset in DATASETS.items() if "vizier" in dataset]
SINGLE = [name for name in DATASETS if name not in ("published_networks", *VIZIER)]


if not config["simulated"]:

    # where snakemake itself runs: the nodes of a cluster seldom reach the internet
    localrules:
        fetch,
        fetch_vizier,
        fetch_published_networks,

    rule fetch:
        output:
            file=f"{OUT}/data/{{dataset}}/{{filename}}",
            source=f"{OUT}/data/{{dataset}}/{{filename}}.source.json",
        log:
            f"{OUT}/logs/fetch/{{dataset}}/{{filename}}.log",
        benchmark:
            f"{OUT}/benchmarks/fetch/{{dataset}}/{{filename}}.tsv"
        wildcard_constraints:
            dataset="|".join(SINGLE),
            filename=any_file_of(SINGLE),
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(500),
            runtime=by_attempt(60),
        params:
            file=lambda wildcards: DATASETS[wildcards.dataset]["files"][0],
            code=code_of("fetch.py"),
        script:
            "../scripts/fetch.py"

    rule fetch_vizier:
        output:
            file=f"{OUT}/data/{{dataset}}/{{filename}}",
            source=f"{OUT}/data/{{dataset}}/{{filename}}.source.json",
        log:
            f"{OUT}/logs/fetch_vizier/{{dataset}}/{{filename}}.log",
        benchmark:
            f"{OUT}/benchmarks/fetch_vizier/{{dataset}}/{{filename}}.tsv"
        wildcard_constraints:
            dataset="|".join(VIZIER),
            filename=any_file_of(VIZIER),
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(1000),
            runtime=by_attempt(60),
        params:
            file=lambda wildcards: DATASETS[wildcards.dataset]["files"][0],
            vizier=lambda wildcards: DATASETS[wildcards.dataset]["vizier"],
            code=code_of("fetch_vizier.py"),
        script:
            "../scripts/fetch_vizier.py"

    rule fetch_published_networks:
        output:
            files=raw("published_networks"),
            sources=[f"{path}.source.json" for path in raw("published_networks")],
        log:
            f"{OUT}/logs/fetch_published_networks.log",
        benchmark:
            f"{OUT}/benchmarks/fetch_published_networks.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(500),
            runtime=by_attempt(60),
        params:
            files=DATASETS["published_networks"]["files"],
            code=code_of("fetch_published_networks.py"),
        script:
            "../scripts/fetch_published_networks.py"
