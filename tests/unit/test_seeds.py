"""Random streams depend on the base seed and on their name, and on nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from stelnet.seeds import derived_seed, generator

names = st.lists(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), min_size=1, max_size=3
)


@given(st.integers(0, 2**40), names)
def test_a_stream_is_a_function_of_its_name(seed, name):
    assert 0 <= derived_seed(seed, *name) < 2**63
    assert generator(seed, *name).integers(2**60) == generator(seed, *name).integers(2**60)


def test_neighbouring_streams_differ():
    seeds = {
        derived_seed(seed, stage, boot) for seed in (0, 1) for stage in ("pre", "post") for boot in range(200)
    }
    assert len(seeds) == 800
