"""The graph of the page: columns from left to right."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from stelnet.audit.page import layers

GRAPH = nx.DiGraph({"raw": ["table", "figure"], "table": ["network", "figure"], "network": ["figure"]})


def test_steps_stand_right_of_what_they_use():
    assert layers(GRAPH) == [["raw"], ["table"], ["network"], ["figure"]]


def test_steps_stand_near_what_they_use():
    assert layers(nx.DiGraph({"a": ["z"], "b": ["y"]})) == [["a", "b"], ["z", "y"]]


@given(st.integers(1, 9).flatmap(lambda n: st.lists(st.sets(st.integers(0, n - 1)), min_size=n, max_size=n)))
def test_every_line_goes_to_the_right(rows):
    graph = nx.DiGraph()
    graph.add_nodes_from(map(str, range(len(rows))))
    graph.add_edges_from((str(j), str(i)) for i, row in enumerate(rows) for j in row if j < i)
    place = {step: x for x, column in enumerate(layers(graph)) for step in column}
    assert len(place) == len(rows)
    assert all(place[before] < place[step] for before, step in graph.edges)
