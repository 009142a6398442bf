"""How two versions of a catalogue differ."""

import numpy as np
import pandas as pd
import pytest
from script_job import run_script

from stelnet.evaluation.catalogue_diff import COLUMNS, QUANTITIES, differences


def stars(**log_lum) -> pd.DataFrame:
    """Stars whose quantities are all the same, but for their luminosities."""
    table = pd.DataFrame({"star_id": list(log_lum), **dict.fromkeys(QUANTITIES, 1.0)})
    return table.assign(log_lum=[float(value) for value in log_lum.values()])


def test_stars_are_compared_by_name():
    found = differences("DH", stars(a=1, b=2, c=3), stars(d=9, c=2.5, b=2.25, a=1)).set_index("quantity")
    assert (found[["stars_assembled", "stars_vizier", "only_assembled", "only_vizier"]] == [3, 4, 0, 1]).all(
        axis=None
    )
    lum = found.loc["log_lum"]
    assert (lum["compared"], lum["median_difference"], lum["worst_difference"]) == (3, 0.25, 0.5)
    assert lum["worst_star"] == "c"
    assert found.loc["log_mass", "worst_difference"] == 0


def test_what_one_version_lacks_is_not_compared():
    found = differences("DH", stars(a=np.nan, b=2), stars(a=1, b=np.nan)).set_index("quantity")
    assert found.loc["log_lum", "compared"] == 0
    assert np.isnan(found.loc["log_lum", "median_difference"])
    assert found.loc["log_lum", "worst_star"] == ""
    assert found.loc["log_age", "compared"] == 2


def test_versions_without_a_common_star():
    found = differences("DH", stars(a=1), stars(b=1))
    assert (found["compared"] == 0).all()
    assert (found[["only_assembled", "only_vizier"]] == 1).all(axis=None)


def test_stars_without_names_are_found_by_their_values():
    one = stars(**{"DH-001": 1, "DH-001-2": 1, "DH-002": 2, "DH-003": 3})
    other = stars(**{"DH-001": 3.125, "DH-002": 1, "DH-003": 2})
    lum = differences("DH", one, other).set_index("quantity").loc["log_lum"]
    assert (lum["only_assembled"], lum["only_vizier"], lum["compared"]) == (1, 0, 3)
    assert (lum["median_difference"], lum["worst_difference"], lum["worst_star"]) == (0, 0.125, "DH-003")


def test_script_reads_both_versions_as_the_adapter_does(tmp_path):
    table = pd.DataFrame({"Mass": [1.0, 2.0], "Age": [1.0, 3.0], "Lbol": [1.0, 10.0], "Rad": [1.0, 2.0]})
    table.to_csv(tmp_path / "own.csv", index=False)
    table.assign(Lbol=[1.0, 100.0]).to_csv(tmp_path / "vizier.csv", index=False)
    units = {"Mass": "Msun", "Age": "Myr", "Lbol": "Lsun", "Rad": "Rsun"}
    spec = {"table": "J/x", "rows": 2, "columns": {name: {"unit": unit} for name, unit in units.items()}}
    run_script(
        "catalogue_diff",
        tmp_path,
        input={
            "NGC6530_assembled_table": tmp_path / "own.csv",
            "NGC6530_vizier_table": tmp_path / "vizier.csv",
        },
        output={"table": tmp_path / "diff.csv"},
        params={"vizier": {"NGC6530": {"table": spec}}},
        config={
            "report_variant": "published",
            "max_abs_feh": 0.5,
            "catalogues": {
                "NGC6530": {
                    "adapter": "ngc6530",
                    "stage": "pre",
                    "inputs": {"assembled": {"table": "ngc6530"}, "vizier": {"table": "ngc6530_vizier"}},
                }
            },
        },
    )
    found = pd.read_csv(tmp_path / "diff.csv")
    assert list(found) == list(COLUMNS)
    lum = found.set_index("quantity").loc["log_lum"]
    assert lum["worst_difference"] == pytest.approx(1)
    assert lum["worst_star"] == "NGC6530-002"
    assert lum["compared"] == 2
