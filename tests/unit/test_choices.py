"""What scripts read off the configuration."""

from types import SimpleNamespace

import pytest

from stelnet import choices
from stelnet.provenance.job import settings

CONFIG = {
    "seed": 1,
    "catalogues": {"B": {"label": "b", "stage": "pre"}, "A": {"label": "a", "stage": "post"}},
    "training": {
        "bootstraps": 20,
        "bootstraps_per_job": 10,
        "loss": "huber",
        "epochs": {"pre": 1, "post": 2},
    },
    "clusters": {},
}


def part(*keys):
    """The part of the configuration that a rule with these keys hands to its script."""
    return settings(SimpleNamespace(config=CONFIG, params=SimpleNamespace(config={"keys": keys})))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), {}),
        (("seed",), {"seed": 1}),
        (("catalogues.*.label",), {"catalogues": {"B": {"label": "b"}, "A": {"label": "a"}}}),
        (("catalogues.A", "seed"), {"seed": 1, "catalogues": {"A": {"label": "a", "stage": "post"}}}),
        (("training.epochs.pre", "training.loss"), {"training": {"loss": "huber", "epochs": {"pre": 1}}}),
        (("training", "training.loss"), {"training": CONFIG["training"]}),
        (("clusters.*.label",), {"clusters": {}}),
    ],
)
def test_a_script_is_given_what_its_rule_names_and_no_more(keys, expected):
    assert part(*keys) == expected


def test_order_is_that_of_the_configuration():
    given = part("catalogues.A.label", "catalogues.B.label")["catalogues"]
    assert list(choices.labels(given).items()) == [("B", "b"), ("A", "a")]


def test_samples_of_each_stage():
    assert choices.samples(CONFIG["catalogues"]) == {"pre": ["B"], "post": ["A"]}
    assert choices.samples({}) == {"pre": [], "post": []}


def test_counts_shape_no_network():
    own = choices.training_settings(part("training.loss", "training.epochs.pre")["training"], "pre")
    assert own == choices.training_settings(CONFIG["training"], "pre") == {"loss": "huber", "epochs": 1}
