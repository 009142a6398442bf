"""Score the packed models on all catalogues and clusters, and write their model card."""

import pandas as pd
import yaml

from stelnet.cards.card import Evidence, card, markdown
from stelnet.files import read_json, write_json, write_text
from stelnet.inference.loading import load
from stelnet.io import read_table, require_one_sky
from stelnet.provenance.job import job
from stelnet.terms import STAGES

with job(snakemake):
    params, inputs = snakemake.params, snakemake.input
    stars = map(read_table, [*inputs.catalogues, *inputs.clusters])
    evidence = Evidence(
        models={name: (load(path=inputs[name]), inputs[name]) for name in params.models},
        stars=dict(zip(params.samples, stars, strict=True)),
        drawn={stage: read_table(inputs[f"{stage}_sample"]) for stage in STAGES},
        points={stage: read_table(inputs[f"{stage}_points"]) for stage in STAGES},
        mist_error=pd.read_csv(inputs.mist_error),
    )
    require_one_sky(evidence.stars | evidence.points)
    with open(inputs.citation, encoding="utf-8") as file:
        citation = yaml.safe_load(file)
    content = card(evidence, params.samples, params.mist, params.config["values"], citation)
    write_json(content, snakemake.output.card)
    write_text(markdown(read_json(snakemake.output.card)), snakemake.output.text)
