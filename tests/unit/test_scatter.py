"""A star list in pieces gives the very file that it gives in one go."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_model import SUN, write_model

from stelnet import configuration
from stelnet.errors import DataError
from stelnet.inference.loading import load
from stelnet.inference.model import CHUNK
from stelnet.starlists.parquet_list import ParquetList, Rows, count_rows
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request, predict_list
from stelnet.starlists.scatter import gather, predict_rows

COUNT = 2 * CHUNK + 300
EXACT = Request(method="exact")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(path=write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def path(tmp_path):
    """A synthetic list with names, gaps and an impossible value, in row groups of uneven size."""
    rng = np.random.default_rng(5)
    stars = pd.DataFrame({
        "name": [f"synthetic, {i}" for i in range(COUNT)],
        "Teff": 10 ** (SUN[0] + rng.normal(0, 0.03, COUNT)),
        "log_L": SUN[1] + rng.normal(0, 0.3, COUNT),
        "e_log_L": rng.uniform(0.01, 0.05, COUNT),
    })  # fmt: skip
    stars.loc[::97, "log_L"], stars.loc[50, "Teff"] = np.nan, -1.0
    path = tmp_path / "stars.parquet"
    pq.write_table(pa.Table.from_pandas(stars), path, row_group_size=7000)
    return path


def in_one_go(model, path, target, kind, request=EXACT):
    stars = ParquetList(path, "list")
    predict_list(model, stars, Columns.found(stars), target, kind, request)


def in_pieces(model, path, folder, size, request=EXACT):
    stars, pieces = ParquetList(path, "list"), []
    for first in range(0, stars.rows, size):
        pieces.append(folder / f"{first}.parquet")
        predict_rows(model, Rows(path, "list", first, size), Columns.found(stars), request, pieces[-1])
    return pieces


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("size", [CHUNK, 2 * CHUNK, 4 * CHUNK])
@pytest.mark.parametrize("method", ["exact", "table"])
def test_pieces_give_the_same_bytes_as_the_whole(model, path, tmp_path, kind, size, method):
    request = Request(method=method, prefix="new_")
    in_one_go(model, path, tmp_path / f"whole.{kind}", kind, request)
    pieces = in_pieces(model, path, tmp_path, size, request)
    assert len(pieces) == -(-COUNT // size)
    gather(ParquetList(path, "list"), pieces, tmp_path / f"gathered.{kind}", kind)
    assert (tmp_path / f"gathered.{kind}").read_bytes() == (tmp_path / f"whole.{kind}").read_bytes()


def test_threads_do_not_change_a_bit(model, path, tmp_path):
    for threads in (1, 3):
        in_one_go(type(model)(model._bundle, threads), path, tmp_path / f"{threads}.parquet", "parquet")
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "3.parquet").read_bytes()


@settings(max_examples=40)
@given(
    groups=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    first=st.integers(0, 120),
    count=st.integers(0, 120),
    block=st.integers(1, 50),
)
def test_rows_are_those_asked_for(tmp_path_factory, groups, first, count, block):
    path = tmp_path_factory.mktemp("rows") / "list.parquet"
    numbers = np.arange(sum(groups))
    with pq.ParquetWriter(path, pa.schema([("number", pa.int64())])) as writer:
        for part in np.split(numbers, np.cumsum(groups)[:-1]):
            writer.write_table(pa.table({"number": part}))
    rows = Rows(path, "list", first, count)
    found = [block["number"].to_pylist() for block in rows.blocks(block)]
    expected = numbers[first : first + count].tolist()
    assert list(chain(*found)) == expected
    assert rows.rows == len(expected)
    assert all(len(part) == block for part in found[:-1])
    assert count_rows(path) == len(numbers)


def test_pieces_of_another_list_or_model_are_refused(model, path, tmp_path):
    pieces = in_pieces(model, path, tmp_path, CHUNK)
    stars, target = ParquetList(path, "list"), tmp_path / "gathered.parquet"
    with pytest.raises(DataError, match=r"list: has 33068 rows, but its pieces 32768"):
        gather(stars, pieces[:2], target, "parquet")
    with pytest.raises(DataError, match=r"16384\.parquet: does not continue"):
        gather(stars, pieces[1:], target, "parquet")
    other = in_pieces(model, path, tmp_path / "other", CHUNK, Request(stage="pre", method="exact"))
    with pytest.raises(DataError, match=r"other/16384\.parquet: does not continue"):
        gather(stars, [pieces[0], other[1], pieces[2]], target, "parquet")
    assert not target.exists()


def test_a_value_that_is_no_number_is_told_by_its_row_in_the_list(model, path, tmp_path):
    columns = Columns.found(ParquetList(path, "list"))
    table = pq.read_table(path)
    names = table["log_L"].cast(pa.string()).to_pylist()
    names[CHUNK + 7] = "bright"
    table = table.set_column(2, "log_L", pa.array(names))
    pq.write_table(table, path)
    with pytest.raises(DataError, match=rf"list: row {CHUNK + 8}, column 'log_L': 'bright' is not a number"):
        predict_rows(model, Rows(path, "list", CHUNK, CHUNK), columns, EXACT, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_answers_that_the_list_has_already_are_refused(model, path, tmp_path):
    pieces = in_pieces(model, path, tmp_path, 4 * CHUNK)
    gather(ParquetList(path, "list"), pieces, tmp_path / "once.parquet", "parquet")
    stars = ParquetList(tmp_path / "once.parquet", "list")
    columns, request = Columns.found(stars), EXACT
    with pytest.raises(DataError, match="has columns that the answer needs"):
        predict_rows(model, Rows(tmp_path / "once.parquet", "list", 0, 9), columns, request, tmp_path / "x")
    request = replace(request, prefix="again_")
    predict_rows(model, Rows(tmp_path / "once.parquet", "list", 0, 9), columns, request, tmp_path / "x")


def test_the_configuration_asks_for_whole_batches():
    schema = yaml.safe_load((configuration.SCHEMAS / "config.schema.yaml").read_text())
    block = schema["properties"]["star_lists"]["additionalProperties"]["properties"]
    assert block["rows_per_job"]["multipleOf"] == block["rows_per_job"]["minimum"] == CHUNK


def test_what_is_no_parquet_file_is_told(tmp_path):
    (tmp_path / "list.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(
        DataError, match=r"list\.parquet: not readable as Parquet .*convert the list to Parquet"
    ):
        count_rows(tmp_path / "list.parquet")
    with pytest.raises(DataError, match=r"absent\.parquet: no such file"):
        count_rows(tmp_path / "absent.parquet")
