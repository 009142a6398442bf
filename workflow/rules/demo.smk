"""The simulated sky of the demo. Comes in: nothing; goes out: the raw files of the datasets that it stands in for."""

if config["simulated"]:

    blocks_in_use = [*CATALOGUES.values(), *CLUSTERS.values()]
    in_use = {MIST_DATASET} | {
        dataset for block in blocks_in_use for dataset in block["inputs"][block["source"]].values()
    }
    SIMULATED = sorted(in_use & set(configuration.registered("simulation/sky")))
    for dataset in sorted(in_use - set(SIMULATED)):
        if not all(Path(path).exists() for path in raw(dataset)):
            raise WorkflowError(
                f"The demo has no simulated {dataset}. Register one in workflow/stelnet/simulation/sky.py, "
                f"or make {', '.join(raw(dataset))} by other means."
            )

    localrules:
        simulate_sky,

    rule simulate_sky:
        output:
            files=[raw(dataset)[0] for dataset in SIMULATED],
            sources=[f"{raw(dataset)[0]}.source.json" for dataset in SIMULATED],
        log:
            f"{OUT}/logs/simulate_sky.log",
        benchmark:
            f"{OUT}/benchmarks/simulate_sky.tsv"
        conda:
            "../../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=by_attempt(1000),
            runtime=by_attempt(5),
        params:
            datasets=SIMULATED,
            seed=config["seed"],
            config=used(
                "seed",
                "simulated",
                "mist.source",
                "catalogues.*.source",
                "catalogues.*.inputs",
                "clusters.*.source",
                "clusters.*.inputs",
            ),
            code=code_of("simulate_sky.py"),
        script:
            "../scripts/simulate_sky.py"
