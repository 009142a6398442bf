"""The simulated sky of the demo.

Inputs: none.
Outputs: the raw files of the datasets that it stands in for.
"""

if config["simulated"]:

    blocks_in_use = [*CATALOGUES.values(), *CLUSTERS.values()]
    in_use = {MIST_DATASET, ISOCHRONES} | {
        dataset for block in blocks_in_use for dataset in block["inputs"][block["source"]].values()
    }
    SIMULATED = sorted(in_use & set(configuration.registered("simulation/sky")))
    for dataset in sorted(in_use - set(SIMULATED)):
        if not all(Path(path).exists() for path in raw(dataset)):
            raise WorkflowError(
                f"The demo has no simulated {dataset}. Register one in workflow/stelnet/simulation/sky.py, "
                f"or make {', '.join(raw(dataset))} by other means."
            )

    rule simulate_sky:
        """Simulate tracks, catalogues and clusters in the formats of the real ones."""
        output:
            files=[raw(dataset)[0] for dataset in SIMULATED],
            sources=[f"{raw(dataset)[0]}.source.json" for dataset in SIMULATED],
        log:
            "<logs>/simulate_sky.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            **used(
                "simulate_sky.py",
                "seed simulated mist.source posterior.source",
                below("catalogues.*", "source inputs"),
                below("clusters.*", "source inputs"),
            ),
            datasets=SIMULATED,
        script:
            "../scripts/simulate_sky.py"
