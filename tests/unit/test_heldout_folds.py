"""A star is in one fold, with all its copies and entries; protocols hide what they say they hide."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from stelnet.evaluation import folds


def table(names, catalogues, values=None, ra=None):
    n = len(names)
    values = np.arange(n) if values is None else values
    columns = {name: np.asarray(values, float) for name in ("log_teff", "log_lum", "log_age", "log_mass")}
    place = {"ra": np.full(n, np.nan) if ra is None else ra, "dec": np.full(n, np.nan) if ra is None else 0.0}
    return pd.DataFrame({"star_id": names, "catalogue": catalogues, **columns, **place})


def test_names_aliases_values_and_places_make_one_star():
    stars = table(
        ["HIP 32851", "HD 49933", "N-001", "N-001-2", "a", "b", "c"],
        ["DH", "FGK", "N", "N", "A", "B", "B"],
        [0, 1, 2, 2, 3, 4, 5],
        [np.nan, np.nan, np.nan, np.nan, 10.0, 10.0 + 0.5 / 3600, 10.1],
    )
    groups = folds.star_groups(stars)
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 4


def test_equal_values_in_two_catalogues_are_two_stars():
    assert len(set(folds.star_groups(table(["a", "b"], ["A", "B"], [1, 1])))) == 2


@given(st.lists(st.integers(0, 30), min_size=10, max_size=60), st.integers(0, 5))
def test_no_fold_divides_a_star(groups, seed):
    groups = np.array(groups)
    fold = folds.star_folds(groups, seed, "test")
    for group in set(groups):
        assert len(set(fold[groups == group])) == 1
    sizes = [len(set(groups[fold == number])) for number in range(folds.FOLDS)]
    assert max(sizes) - min(sizes) <= 1


def test_protocols_hide_what_they_score():
    names = [f"s{i}" for i in range(40)] + ["HIP 32851"] + [f"t{i}" for i in range(20)] + ["HD 49933"]
    stars = table(names, ["A"] * 41 + ["B"] * 21)
    groups = folds.star_groups(stars)
    scored = {name: np.zeros(len(stars), int) for name in folds.PROTOCOLS}
    for protocol, learnt, rows in folds.splits(stars, 1, "test"):
        scored[protocol] += rows
        if protocol != folds.IN_SAMPLE:
            assert not set(groups[learnt]) & set(groups[rows])
        if protocol == folds.OTHER_CATALOGUES:
            assert not set(stars["catalogue"][learnt]) & set(stars["catalogue"][rows])
    assert all((scored[name] == 1).all() for name in folds.PROTOCOLS if name != folds.UNSEEN)
    assert not scored[folds.UNSEEN].any()


def test_one_catalogue_alone_is_left_out_of_nothing():
    protocols = {protocol for protocol, *_ in folds.splits(table(list("abcdefghij"), ["A"] * 10), 1)}
    assert protocols == {folds.IN_SAMPLE, folds.FIVE_FOLD}
