"""The ensembles in numpy against those in torch, and the table against the ensembles."""

import numpy as np
import pytest
import synthetic_model as synthetic

from stelnet.inference import forward
from stelnet.inference.bundle import read_bundle
from stelnet.inference.domain import Raster
from stelnet.inference.forward import Ensemble, Table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("synthetic")


@pytest.fixture(scope="module")
def bundle(folder):
    return read_bundle(synthetic.write_model(folder))


@pytest.fixture
def points():
    generator = np.random.default_rng(3)
    return generator.uniform(3.55, 3.85, 3000), generator.uniform(-1, 1.5, 3000)


@pytest.mark.parametrize("stage", ["pre", "post"])
def test_members_and_moments_are_those_of_torch(bundle, folder, points, stage):
    networks = pytest.importorskip("stelnet.training.networks")
    paths = synthetic.networks(folder, stage)
    expected = networks.load_ensemble(paths).predict(*points)  # (K, n, 2)
    ensemble = Ensemble(bundle.stages[stage])
    np.testing.assert_allclose(ensemble.members(*points), expected.transpose(0, 2, 1), atol=1e-5)
    moments = ensemble.moments(*points)
    np.testing.assert_allclose(moments[:2], expected.mean(axis=0).T, atol=1e-5)
    np.testing.assert_allclose(moments[2:], expected.std(axis=0).T, atol=1e-5)


def test_chunks_do_not_matter(bundle, points, monkeypatch):
    ensemble = Ensemble(bundle.stages["post"])
    whole = ensemble.moments(*points)
    monkeypatch.setattr(forward, "CHUNK", 7)
    np.testing.assert_allclose(ensemble.moments(*points), whole, atol=2e-6)


def test_drawn_networks_are_those_of_the_numbers(bundle, points):
    ensemble = Ensemble(bundle.stages["post"])
    numbers = np.random.default_rng(4).integers(len(ensemble), size=3000)
    members = ensemble.members(*points)
    expected = members[numbers, :, np.arange(3000)].T
    np.testing.assert_allclose(ensemble.drawn(*points, numbers), expected, atol=2e-6)


def build(ensemble, raster, near=lambda x, y: np.ones_like(x, bool)):
    return Table.build(ensemble, raster, near, lambda task, parts: [task(part) for part in parts])


@pytest.fixture(scope="module")
def raster():
    return Raster((3.5, 3.9), (-1.5, 2.0))


def test_table_interpolates_the_ensemble(bundle, raster, points, monkeypatch):
    monkeypatch.setattr(forward, "TABLE_SIZE", 256)
    ensemble = Ensemble(bundle.stages["post"])
    table = build(ensemble, raster)
    values, coarse = table.evaluate(*points)
    np.testing.assert_allclose(values, ensemble.moments(*points), atol=2e-4)
    assert not coarse.any()
    # at a node, exactly
    x, y = (axis[[3, 100, 254]] for axis in raster.nodes((256, 256)))
    values, _ = table.evaluate(x, y)
    np.testing.assert_allclose(values, ensemble.moments(x, y), atol=2e-5)


def test_table_is_left_out_where_it_is_not_near(bundle, raster, points, monkeypatch):
    monkeypatch.setattr(forward, "TABLE_SIZE", 256)
    ensemble = Ensemble(bundle.stages["post"])
    table = build(ensemble, raster, lambda x, y: x > 3.7)
    assert 0.4 < np.isnan(table.cells.view(np.float32)).mean() < 0.6
    values, _ = table.evaluate(*points)
    assert np.isfinite(values[:, points[0] > 3.7]).all()
    assert np.isnan(values[:, points[0] < 3.6]).all()


def test_table_tells_folds(tmp_path, raster, monkeypatch):
    monkeypatch.setattr(forward, "TABLE_SIZE", 256)
    folded = read_bundle(synthetic.write_model(tmp_path, synthetic.folded_network))
    ensemble = Ensemble(folded.stages["post"])
    table = build(ensemble, raster)
    generator = np.random.default_rng(5)
    x, y = generator.uniform(3.5, 3.9, 5000), generator.uniform(-1.5, 2.0, 5000)
    values, coarse = table.evaluate(x, y)
    wrong = np.abs(values[:2] - ensemble.moments(x, y)[:2]).max(axis=0) > forward.COARSE
    assert wrong.any()
    assert coarse[wrong].all()
    assert coarse.mean() < 0.03
