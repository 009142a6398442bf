"""Damage to the files that jobs hand to each other."""

import hashlib

import mutations
import numpy as np
import pandas as pd
import pytest
import synthetic_model as synthetic

from stelnet import io
from stelnet.errors import DataError
from stelnet.inference.loading import load
from stelnet.safetensors_file import read_tensors


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    """Whether two sets of arrays hold the same bytes under the same names."""
    return found.keys() == expected.keys() and all(
        found[name].dtype == array.dtype and found[name].tobytes() == array.tobytes()
        for name, array in expected.items()
    )


def test_tables(faults, tmp_path):
    """A table in which a bit has flipped is refused or holds what was written."""
    generator, path, n = faults.generator, tmp_path / "table.parquet", 300
    table = pd.DataFrame(
        {
            "star_id": [f"star {i}" for i in range(n)],
            "log_teff": np.where(np.arange(n) % 7, generator.normal(3.7, 0.1, n), np.nan),
            "e_log_teff": generator.normal(0.01, 0.001, n).astype(np.float32),
            "eep": generator.integers(0, 500, n),
            "test_rows": generator.integers(0, 2, n).astype(bool),
        }
    )
    io.write_table(table, path, {"simulated": "true", "catalogue": "DH"})
    content, expected = path.read_bytes(), io.read_table(path)
    for _ in faults.cases(300, 5000):
        path.write_bytes(mutations.flipped(content, generator))
        try:
            found = io.read_table(path)
        except DataError as error:
            faults.refused(error)
            continue
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        assert {key: found.attrs.get(key) for key in expected.attrs} == expected.attrs
        faults.came("harmless")


@pytest.mark.parametrize("kind", ["network", "ensembles", "posterior"])
def test_models(faults, tmp_path, kind):
    """A file of the kind {kind} in which a bit has flipped is refused or holds what was written."""
    if kind == "posterior":
        path = synthetic.write_posterior_model(tmp_path)
    else:
        path = synthetic.write_model(tmp_path)
    if kind == "network":
        tensors, metadata, _ = read_tensors(synthetic.networks(tmp_path, "pre", count=1)[0])
        path = tmp_path / "network.safetensors"
        synthetic.write_tensors(path, tensors, metadata)
    content = path.read_bytes()
    expected, told, _ = read_tensors(path)
    # half of them in the header, which is small
    header = 8 + int.from_bytes(content[:8], "little")
    for case in faults.cases(100, 3000):
        if case % 2:
            changed = mutations.flipped(content[:header], faults.generator) + content[header:]
        else:
            changed = mutations.flipped(content, faults.generator)
        path.write_bytes(changed)
        try:
            found, metadata, sha256 = read_tensors(path)
        except DataError as error:
            faults.refused(error)
            continue
        assert same(found, expected)
        assert {key: metadata.get(key) for key in told} == told
        assert sha256 == hashlib.sha256(changed).hexdigest()
        faults.came("harmless")


STARS = {"log_teff": [3.76, 3.7, np.nan, 3.5], "log_lum": [0.05, 0.5, 0.1, 2.0], "e_log_teff": 0.01}


def answer(path) -> bytes:
    """Ask the model of a file for a few stars, as the command does."""
    model = load(path=path, threads=1)
    predictions = model.predict(**STARS, samples=2)
    assert model.name in ("baseline", "transfer", "posterior")
    assert model.simulated in (True, False)
    return b"".join(np.ascontiguousarray(predictions[name]).tobytes() for name in model.samples)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", ["ensembles", "posterior"])
def test_forged_models(faults, tmp_path, kind):
    """A model ({kind}) with other tensors or metadata, sealed anew, is refused in one line or answers."""
    make = synthetic.write_model if kind == "ensembles" else synthetic.write_posterior_model
    path = make(tmp_path)
    answer(path)
    tensors, metadata, _ = read_tensors(path)
    for _ in faults.cases(50, 2000):
        changed, told = forged(tensors, metadata, faults.generator)
        synthetic.write_tensors(path, changed, told)
        try:
            answer(path)
        except DataError as error:
            faults.refused(error)
        else:
            faults.came("answered")


def forged(tensors, metadata, generator):
    """Return tensors and metadata of a model with one of them another."""
    changed, told = dict(tensors), dict(metadata)
    if generator.integers(3) == 0:
        key = str(generator.choice(sorted(told)))
        decoded = mutations.json.loads(told[key]) if told[key][:1] in ("{", "[") else told[key]
        how = generator.integers(3)
        if how == 0:
            del told[key]
        elif how == 1 or not mutations.places(decoded):
            told[key] = mutations.as_json(mutations.value(generator))
        else:
            told[key] = mutations.as_json(mutations.mutated(decoded, generator))
        return changed, told
    name = str(generator.choice(sorted(changed)))
    tensor = changed[name]
    other = changed[str(generator.choice(sorted(changed)))]
    ways = [
        lambda: changed.pop(name),
        lambda: changed.update({f"{name}x": changed.pop(name)}),
        lambda: changed.update({name: other}),
        lambda: changed.update({name: tensor[None]}),
        lambda: changed.update({name: tensor.reshape(-1)}),
        lambda: changed.update({name: tensor[..., :-1]}),
        lambda: changed.update({name: tensor[:0]}),
        lambda: changed.update({name: tensor[:1]}),
        lambda: changed.update({name: tensor.T}),
        lambda: changed.update({name: np.zeros((), tensor.dtype)}),
        lambda: changed.update({name: np.full_like(tensor, 255)}),
        lambda: changed.update({name: np.zeros_like(tensor)}),
        lambda: changed.update({name: tensor[::-1]}),
        lambda: changed.update({name: np.concatenate([tensor, tensor])}),
        *(
            lambda dtype=dtype: changed.update({name: tensor.astype(dtype)})
            for dtype in ("f2", "f4", "f8", "u1", "i1", "i4", "u4", "i8", "?")
        ),
    ]
    if tensor.dtype.kind == "f":
        for number in (np.nan, np.inf, -np.inf, 6e4, -6e4, 1e-7):
            ways.append(lambda number=number: changed.update({name: spotted(tensor, number, generator)}))
    ways[generator.integers(len(ways))]()
    return changed, told


def spotted(tensor, number, generator):
    """Return a tensor with one value another."""
    copied = tensor.copy()
    copied.flat[generator.integers(copied.size)] = number
    return copied


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_model_that_is_anything(faults, tmp_path):
    """A model's file that was cut, overwritten or shifted is refused in one line."""
    path = synthetic.write_model(tmp_path)
    content, expected = path.read_bytes(), answer(path)
    for _ in faults.cases(60, 2000):
        path.write_bytes(mutations.damaged(content, faults.generator))
        try:
            found = answer(path)
        except DataError as error:
            faults.refused(error)
        else:
            assert found == expected
            faults.came("harmless")
