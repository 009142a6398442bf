"""Raw data.

Inputs: resources/datasets.yaml.
Outputs: <results>/data/<dataset>/<file>, verified, with its origin beside it.
"""

# local, where snakemake itself runs: the nodes of a cluster seldom reach the internet
if not config["simulated"]:

    rule fetch:
        """Download the file of a dataset and verify it."""
        output:
            file="<results>/data/{dataset}/{filename}",
            source="<results>/data/{dataset}/{filename}.source.json",
        log:
            "<logs>/fetch/{dataset}/{filename}.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            **used("fetch.py"),
            file=lambda wildcards: DATASETS[wildcards.dataset]["files"][0],
        script:
            "../scripts/fetch.py"

    rule fetch_vizier:
        """Download a table of VizieR and verify it."""
        output:
            file="<results>/data/{vizier}/{filename}",
            source="<results>/data/{vizier}/{filename}.source.json",
        log:
            "<logs>/fetch_vizier/{vizier}/{filename}.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            **used("fetch_vizier.py"),
            file=lambda wildcards: DATASETS[wildcards.vizier]["files"][0],
            vizier=lambda wildcards: DATASETS[wildcards.vizier]["vizier"],
        script:
            "../scripts/fetch_vizier.py"

    rule fetch_published_networks:
        """Download the networks that the paper's authors published."""
        output:
            files=raw("published_networks"),
            sources=[f"{path}.source.json" for path in raw("published_networks")],
        log:
            "<logs>/fetch_published_networks.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            **used("fetch_published_networks.py"),
            files=DATASETS["published_networks"]["files"],
        script:
            "../scripts/fetch_published_networks.py"
