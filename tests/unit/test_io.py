"""Files appear whole or not at all, and carry their units and origin."""

import numpy as np
import pandas as pd
import pytest

from stelnet import files, io
from stelnet.errors import DataError


def test_atomic_path_leaves_nothing_when_interrupted(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write_half():
        with files.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_table_round_trip_keeps_values_units_and_metadata(tmp_path):
    table = pd.DataFrame({"star_id": ["a", "b"], "log_teff": [3.76, np.nan]})
    io.write_table(table, tmp_path / "t.parquet", {"simulated": "false", "catalogue": "X"})
    again = io.read_table(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(again, table)
    assert again.attrs == {"simulated": "false", "catalogue": "X", "units": {"log_teff": "dex(K)"}}
    io.write_table(table, tmp_path / "u.parquet", {"catalogue": "X", "simulated": "false"})
    assert files.sha256_file(tmp_path / "t.parquet") == files.sha256_file(tmp_path / "u.parquet")


@pytest.mark.parametrize("content", [None, b"", b"not parquet"])
def test_foreign_table_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"foreign\.parquet: not a table of this workflow"):
        io.read_table(path)


def test_simulated_and_real_tables_never_mix():
    real, simulated = pd.DataFrame(), pd.DataFrame()
    real.attrs["simulated"], simulated.attrs["simulated"] = "false", "true"
    assert io.require_one_sky({"a": simulated, "b": simulated})
    assert not io.require_one_sky({"a": real})
    with pytest.raises(DataError, match="must not be mixed"):
        io.require_one_sky({"a": real, "b": simulated})
