"""The file of a model: what is written is read again, the same bytes each time, and faults are told."""

import json

import numpy as np
import pytest
import synthetic_model as synthetic
from safetensors.numpy import load_file, save_file

from stelnet.errors import DataError
from stelnet.inference import domain
from stelnet.inference.bundle import age_curves, read_bundle, write_bundle
from stelnet.inference.hierarchy import Weights, log_imf
from stelnet.io import arrays
from stelnet.terms import LOG_AGE_UNIVERSE


def test_round_trip(tmp_path):
    files = {stage: synthetic.networks(tmp_path, stage) for stage in synthetic.BOUNDS}
    path = synthetic.write_model(tmp_path, files=files, metadata={"config": {"steps": 3}})
    bundle = read_bundle(path)
    assert bundle.metadata["name"] == "transfer"
    assert bundle.metadata["simulated"] == "true"
    assert bundle.metadata["config"] == {"steps": 3}
    assert {stage: len(digests) for stage, digests in bundle.metadata["networks"].items()} == {
        "pre": 4,
        "post": 4,
    }
    for stage, content in bundle.stages.items():
        for k in range(4):
            own = load_file(tmp_path / f"{stage}{k}.safetensors")
            for i, (weight, bias) in enumerate(zip(content.weights, content.biases, strict=True)):
                np.testing.assert_array_equal(weight[k], own[f"layers.{i}.weight"])
                np.testing.assert_array_equal(bias[k], own[f"layers.{i}.bias"])
        assert content.bounds == {name: tuple(limits) for name, limits in synthetic.BOUNDS[stage].items()}
    synthetic.write_model(tmp_path, files=files, metadata={"config": {"steps": 3}})
    assert read_bundle(path).sha256 == bundle.sha256


def test_a_model_of_mist_alone_has_no_coverage(tmp_path):
    bundle = read_bundle(synthetic.write_model(tmp_path, adapted=False))
    assert all(content.coverage is None for content in bundle.stages.values())


def test_distances_are_those_to_the_tracks(tmp_path):
    bundle = read_bundle(synthetic.write_model(tmp_path))
    raster = domain.Raster.around(synthetic.BOUNDS)
    field = bundle.stages["post"].distance
    every = synthetic.tracks().query("eep >= @synthetic.ZAMS_EEP")
    points = every[every.log_age < LOG_AGE_UNIVERSE]
    inside = domain.distance(field, raster, points.log_teff.to_numpy(), points.log_lum.to_numpy())
    assert inside.max() < 0.7
    # beyond the lightest track at its ZAMS, along luminosity and along Teff
    lightest = points.iloc[0]
    for steps in (3.0, 8.0):
        log_lum = lightest.log_lum - steps * domain.UNIT[1]
        below = domain.distance(field, raster, np.array([lightest.log_teff]), np.array([log_lum]))
        assert below[0] == pytest.approx(steps, abs=0.7)
    # no star lives where the tracks are older than the Universe
    oldest = every.loc[every.log_age.idxmax()]
    ahead = domain.distance(field, raster, np.array([oldest.log_teff]), np.array([oldest.log_lum]))
    assert ahead[0] > 1
    off = domain.distance(field, raster, np.array([4.5, np.nan]), np.array([0.0, 0.0]))
    assert (off >= domain.FAR).all()


def test_distances_between_nodes_are_interpolated():
    raster = domain.Raster((3.0, 4.0), (0.0, 3.0))
    rows, columns = np.mgrid[:4, :3]
    field = (20 * rows + 70 * columns).astype(np.uint8)  # tenths of a unit; nodes 0.5 dex and 1 dex apart
    log_teff, log_lum = np.array([3.0, 3.25, 3.5, 4.0, 3.9]), np.array([0.0, 0.5, 2.0, 3.0, 1.25])
    expected = 2 * log_lum + 14 * (log_teff - 3)
    np.testing.assert_allclose(domain.distance(field, raster, log_teff, log_lum), expected, rtol=1e-5)


def test_coverage_is_near_the_stars_alone():
    raster = domain.Raster((3.4, 4.0), (-2.0, 2.0))
    field = domain.coverage(np.array([3.76]), np.array([0.0]), raster)
    near = domain.covered(
        field, raster, np.array([3.76, 3.78, 3.76, 3.82, 5.0]), np.array([0.0, 0.05, 0.5, 0.0, 0.0])
    )
    assert near.tolist() == [1, 1, 0, 0, 0]


def test_age_curves_end_with_the_universe_and_have_no_gaps():
    zams = {
        "log_mass": np.array([-0.5, -0.2, 0.0, 0.3]),
        "log_age_zams": np.array([8.2, 8.0, 7.6, 7.0]),
        "log_age_end": np.array([np.nan, 10.6, np.nan, 9.1]),
    }
    curves = age_curves(zams)
    np.testing.assert_allclose(
        curves["log_age_end"], [LOG_AGE_UNIVERSE, LOG_AGE_UNIVERSE, 10.0, 9.1], atol=1e-6
    )


def test_mass_function_is_continuous_with_its_slopes():
    log_mass = np.array([-1.5, -1.4, -0.8, -0.7, 0.5, 0.6])
    steps = np.diff(log_imf(log_mass))[::2] / (0.1 * np.log(10))
    np.testing.assert_allclose(steps, [-0.3, -1.3, -2.3])
    for at in np.log10([0.08, 0.5]):
        assert abs(np.diff(log_imf(np.array([at - 1e-9, at + 1e-9])))[0]) < 1e-6


def test_weights_are_mass_function_times_duration():
    curves = {
        "log_mass": np.array([-0.5, 0.0, 0.3]),
        "log_age_zams": np.array([8.2, 7.6, 7.0]),
        "log_age_end": np.array([10.1, 10.0, 9.1]),
    }
    weights = Weights(curves)
    ratio = np.exp(weights("post", np.float32(0.0)) - weights("pre", np.float32(0.0)))
    assert ratio == pytest.approx((1e10 - 10**7.6) / 10**7.6, rel=2e-3)
    # an age between the knots, at the same mass
    lower = weights("pre", np.float32(0.15)) - weights("pre", np.float32(0.0))
    assert lower == pytest.approx(np.log(10) * (-0.3 - 2.3 * 0.15), abs=2e-3)
    assert np.isnan(weights("pre", np.float32(np.nan)))


def test_networks_that_do_not_belong_together(tmp_path):
    points = arrays(synthetic.tracks())
    files = {stage: synthetic.networks(tmp_path, stage) for stage in synthetic.BOUNDS}

    def write():
        write_bundle(tmp_path / "model.safetensors", "baseline", files, points, points, synthetic.ZAMS_EEP)

    changed = files["post"][2]
    tensors = load_file(changed)
    metadata = {"network": "relu_mlp", "bounds": json.dumps(synthetic.BOUNDS["post"]), "variant": "corrected"}
    save_file(tensors, changed, {**metadata, "simulated": "false"})
    with pytest.raises(DataError, match=r"post2\.safetensors: simulated false differ from true"):
        write()
    for path in files["post"]:
        save_file(load_file(path), path, {**metadata, "simulated": "false"})
    with pytest.raises(DataError, match="two stages differ in simulated"):
        write()
    for path in files["post"]:
        save_file(load_file(path), path, {**metadata, "simulated": "true", "network": "other"})
    with pytest.raises(DataError, match="network other; prediction knows relu_mlp"):
        write()


def test_faulty_files_are_told(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(DataError, match="not readable"):
        read_bundle(path)
    path.write_bytes(b"no tensors at all")
    with pytest.raises(DataError, match="not a safetensors file"):
        read_bundle(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(DataError, match="not a model of stelnet"):
        read_bundle(path)
    whole = synthetic.write_model(tmp_path).read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(DataError, match="not a safetensors file"):
        read_bundle(path)
