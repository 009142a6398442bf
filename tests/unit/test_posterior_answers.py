"""Posteriors of whole samples, and the star lists of the workflow, with a synthetic posterior network."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from synthetic_model import tracks, write_model, write_posterior_model

import stelnet
from stelnet.cards.card import BOTH, Evidence, card, markdown
from stelnet.commands.models import _learnt
from stelnet.evaluation.posteriors import METALLICITIES, answers
from stelnet.inference.answer import POSTERIOR_COLUMNS
from stelnet.inference.model import CHUNK
from stelnet.starlists.opening import open_list
from stelnet.starlists.parquet_list import ParquetList, Rows
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request, predict_list
from stelnet.starlists.scatter import gather, predict_rows
from stelnet.terms import STAR_COLUMNS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return stelnet.load(path=write_posterior_model(tmp_path_factory.mktemp("model")))


def catalogue(stage, count=5, feh=np.nan):
    """A standard star table of made-up stars."""
    table = pd.DataFrame({name: np.full(count, 0.1) for name in STAR_COLUMNS})
    table["star_id"], table["stage"], table["feh"] = [f"{stage}{i}" for i in range(count)], stage, feh
    table["log_teff"], table["log_lum"] = np.linspace(3.72, 3.78, count), np.linspace(-0.2, 0.4, count)
    table["e_log_teff"], table["e_log_lum"] = 0.01, 0.05
    return table


def test_every_star_is_answered_in_every_way(model):
    stars = {"one": catalogue("post", 5, -0.4), "two": catalogue("post", 3)}
    table = answers(stars, model.predict, ["field", "1e6,2e8"], (0.01, 0.02))
    assert len(table) == 8 * 2 * len(METALLICITIES) * 2
    assert set(POSTERIOR_COLUMNS) <= set(table)
    ways = table.groupby(["sample", "age_prior", "metallicity", "stage_given"], sort=False)
    assert set(ways.size()) == {5, 3}
    medians = (
        table.query("age_prior == 'field' and not stage_given")
        .groupby(["sample", "metallicity"])
        .feh_median.mean()
    )
    assert medians["one"]["catalogue"] == pytest.approx(-0.4, abs=0.01)
    assert medians["one"]["solar"] == pytest.approx(0, abs=0.01)
    assert medians["one"]["neighbourhood"] == pytest.approx(-0.1, abs=0.01)
    assert medians["two"]["catalogue"] == medians["two"]["neighbourhood"]
    given = table.query("stage_given")
    assert (given["p_pre"] == 0).all()
    assert (table.query("age_prior == '1e6,2e8'")["log_age_p97_5"] <= np.log10(2e8) + 1e-4).all()


def test_a_star_list_in_pieces_is_the_same_as_in_one_go(model, tmp_path):
    generator = np.random.default_rng(2)
    count = CHUNK + 700
    table = pd.DataFrame(
        {
            "Teff": generator.uniform(4800, 6500, count),
            "L": generator.uniform(0.4, 3, count),
            "[Fe/H]": np.where(generator.random(count) < 0.3, np.nan, generator.normal(-0.1, 0.2, count)),
        }
    )
    path = tmp_path / "stars.parquet"
    table.to_parquet(path)
    whole = ParquetList(path, str(path))
    columns = Columns.found(whole, metallicities=True)
    request = Request(None, "network", "log", prefix="new_")
    pieces = []
    for piece in range(2):
        rows = Rows(path, str(path), piece * CHUNK, CHUNK)
        pieces.append(tmp_path / f"{piece}.parquet")
        predict_rows(model, rows, columns, request, pieces[-1])
    told = gather(ParquetList(path, str(path)), pieces, tmp_path / "gathered.parquet", "parquet")
    assert (told["age_prior"], told["floor"]) == ("log", {"log_teff": 0.01, "log_lum": 0.02})
    once = open_list(path)
    predict_list(model, once, columns, tmp_path / "once.parquet", "parquet", request)
    gathered, at_once = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("gathered", "once"))
    assert gathered.schema.names == [*table, *(f"new_{name}" for name in POSTERIOR_COLUMNS)]
    assert gathered.equals(at_once)
    for field, other in zip(gathered.schema, at_once.schema, strict=True):
        assert field.metadata == other.metadata, field.name


def test_the_card_tells_of_it_beside_the_ensembles(model, tmp_path_factory):
    paths = {"posterior": None}
    for name, adapted in (("baseline", False), ("transfer", True)):
        paths[name] = write_model(tmp_path_factory.mktemp(name), adapted=adapted)
    paths["posterior"] = write_posterior_model(tmp_path_factory.mktemp("posterior"))
    stars = {"one": catalogue("post", 6, -0.2)}
    points = {stage: tracks().assign(test_rows=False) for stage in ("pre", "post")}
    drawn = {
        stage: pd.DataFrame({"sample": ["one", "whole"], "star_id": [f"{stage}0", ""]}) for stage in points
    }
    keys = {"source": "this_work", "stage": "pre", "split": "rows", "quantity": "age"}
    errors = pd.DataFrame([keys | {"n": 3, "mae": 0.1, "median_abs": 0.1}])
    data = {
        "title": "made-up",
        "version": "1",
        "citations": [{"cite": "A 2000", "bibcode": "2000A", "doi": ""}],
    }
    found = card(
        Evidence(
            {name: (stelnet.load(path=path), path) for name, path in paths.items()},
            stars,
            drawn,
            points,
            errors,
        ),
        {"one": {"label": "One", "datasets": [data]}},
        data,
        {"seed": 1, "posterior.stars": 1000},
        {"license": "MIT", "title": "this", "version": "0", "references": []},
    )
    assert found["default"] == "posterior"
    entry = found["models"]["posterior"]
    assert entry["trained_on"] == {BOTH: {"MIST, draws of": 1000}}
    assert entry["stages"][BOTH]["networks"] == 1
    assert _learnt({"simulated": True, "trained_on": entry["trained_on"]}) == "simulated 1000 MIST points"
    assert {row["model"] for row in found["scores"]} == set(paths)
    text = markdown(found)
    assert "`posterior` (default)" in text
    assert "1 pre and post" in text
    assert "The model `posterior` is another kind" in text
