"""The graph of the page: columns from left to right, without lines that a longer way stands for."""

from hypothesis import given
from hypothesis import strategies as st

from stelnet.audit.page import layers, reduced

EDGES = {"raw": set(), "table": {"raw"}, "network": {"table"}, "figure": {"network", "table", "raw"}}


def test_steps_stand_right_of_what_they_use():
    assert layers(EDGES) == [["raw"], ["table"], ["network"], ["figure"]]


def test_implied_edges_are_left_out():
    assert reduced(EDGES) == {"raw": set(), "table": {"raw"}, "network": {"table"}, "figure": {"network"}}


def reachable(edges, start):
    found, queue = set(), [start]
    while queue:
        new = edges[queue.pop()] - found
        found |= new
        queue += new
    return found


@given(st.integers(1, 9).flatmap(lambda n: st.lists(st.sets(st.integers(0, n - 1)), min_size=n, max_size=n)))
def test_reduction_keeps_what_can_be_reached(rows):
    edges = {str(i): {str(j) for j in row if j < i} for i, row in enumerate(rows)}
    smaller = reduced(edges)
    for step in edges:
        assert smaller[step] <= edges[step]
        assert reachable(smaller, step) == reachable(edges, step)
    place = {step: x for x, column in enumerate(layers(edges)) for step in column}
    assert all(place[before] < place[step] for step in edges for before in edges[step])
