"""The simulated sky: star-like tracks, files in the real ones' formats, catalogues that the adapters read."""

import lzma
import re
import tarfile

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import fits
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from stelnet import configuration
from stelnet.catalogues import standardise, standardise_cluster
from stelnet.data import isochrones, mist
from stelnet.data.stages import split_stages
from stelnet.data.zams import zams_log_age, zams_table
from stelnet.errors import DataError
from stelnet.simulation import archive, sky, tracks

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
DEMO = yaml.safe_load((ROOT / "resources/demo/config.yaml").read_text())
DATASETS = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
MASSES = st.floats(0.1, 100)
SEED = 3


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Dataset -> its simulated file."""
    folder = tmp_path_factory.mktemp("sky")
    paths = {dataset: folder / DATASETS[dataset]["files"][0]["name"] for dataset in sky.SIMULATORS}
    for dataset, path in paths.items():
        sky.simulate(dataset, path, SEED)
    return paths


@pytest.fixture(scope="module")
def rows(files):
    return mist.read_tarball(files["mist_tarball"], last_eep=808)


@pytest.fixture(scope="module")
def cube(files):
    return isochrones.read_package(files["mist_cube"], last_eep=808)[0]


class TestIsochrones:
    def test_points_are_on_the_tracks(self, cube):
        some = cube.iloc[::97]
        star = tracks.evolution(some.initial_mass, some.eep, some.feh)
        assert some.log_age.to_numpy() == pytest.approx(star.log_age, abs=0.01)
        assert some.log_teff.to_numpy() == pytest.approx(star.log_teff, abs=0.002)
        assert some.log_lum.to_numpy() == pytest.approx(star.log_lum, abs=0.01)

    def test_has_all_stages_and_metallicities(self, cube):
        assert sorted(cube.feh.unique()) == [-0.5, 0.0, 0.5]
        assert cube.eep.min() < 100
        assert cube.eep.max() == 808
        assert cube.initial_mass.min() < 0.11


class TestTracks:
    def test_zams_is_that_of_tout_et_al(self):
        """L = 0.698 and R = 0.888 for one solar mass, as known for these relations (Hurley et al. 2000)."""
        star = tracks.evolution(1.0, tracks.ZAMS)
        assert 10**star.log_lum == pytest.approx(0.698, abs=0.001)
        radius = np.sqrt(10**star.log_lum) * (10**star.log_teff / 5772) ** -2
        assert radius == pytest.approx(0.888, abs=0.001)

    def test_main_sequence_of_the_sun_is_that_of_hurley_et_al(self):
        assert 10 ** tracks.evolution(1.0, tracks.TAMS).log_age == pytest.approx(11.0e9, rel=0.01)

    @given(mass=MASSES)
    def test_time_passes_along_a_track(self, mass):
        star = tracks.evolution(mass, np.arange(1, 809))
        assert (np.diff(star.log_age) > 0).all()
        assert (np.diff(star.log_mass) <= 0).all()
        assert np.isfinite(np.array(star)).all()
        assert ((star.log_teff > 3.3) & (star.log_teff < 4.9)).all()
        assert ((star.log_lum > -3.5) & (star.log_lum < 7.5)).all()

    @given(mass=MASSES, eep=st.sampled_from(tracks.PRIMARY_EEPS[1:-1]))
    def test_stages_meet(self, mass, eep):
        before, after = tracks.evolution(mass, [eep - 1e-7, eep + 1e-7]).log_teff
        assert before == pytest.approx(after, abs=1e-5)
        before, after = tracks.evolution(mass, [eep - 1e-7, eep + 1e-7]).log_lum
        assert before == pytest.approx(after, abs=1e-5)

    @given(mass=MASSES, eep=st.floats(1, 808))
    def test_eep_of_an_age(self, mass, eep):
        star = tracks.evolution(mass, eep)
        again = tracks.evolution(mass, tracks.eep_at([mass], star.log_age)[0])
        assert again.log_age == pytest.approx(float(star.log_age), abs=1e-3)

    def test_metal_poor_stars_are_hotter_brighter_and_faster(self):
        mass = np.geomspace(0.2, 10, 50)
        poor, solar = (tracks.evolution(mass, tracks.TAMS, feh) for feh in (-0.5, 0.0))
        assert (poor.log_teff > solar.log_teff).all()
        assert (poor.log_lum > solar.log_lum)[mass < 3].all()
        assert (poor.log_age < solar.log_age)[mass < 3].all()

    def test_heavier_stars_are_brighter_and_faster(self):
        star = tracks.evolution(np.geomspace(0.1, 100, 200), tracks.ZAMS)
        assert (np.diff(star.log_lum) > 0).all()
        assert (np.diff(star.log_age) < 0).all()

    def test_stars_contract_before_and_brighten_after_the_zams(self):
        sun = tracks.evolution(1.0, np.arange(1, 809))
        log_radius = sun.log_lum / 2 - 2 * sun.log_teff
        assert (np.diff(log_radius[:202]) < 0).all()
        assert (np.diff(sun.log_lum[201:454]) > 0).all()
        assert sun.log_lum[604] > 3


class TestArchive:
    def test_reads_as_the_official_one(self, rows):
        assert rows.initial_mass.nunique() == len(archive.MASSES)
        ends = rows.groupby("initial_mass").eep.max()
        assert (ends == [tracks.last_eep(mass) for mass in ends.index]).all()
        assert set(ends) == {454, 808}
        star = tracks.evolution(rows.initial_mass, rows.eep)
        for name in mist.SCALED_COLUMNS:
            assert np.abs(rows[name] - getattr(star, name)).max() < 1e-8

    def test_format(self, files):
        with lzma.open(files["mist_tarball"]) as stream, tarfile.open(fileobj=stream) as tar:
            names = {name.rsplit("/")[-1] for name in tar.getnames()}
            text = tar.extractfile(f"{archive.FOLDER}/00010M.track.eep").read().decode()
        assert {"00010M.track.eep", "10000M.track.eep", "SIMULATED.txt"} < names
        assert any("_INTERP" in name for name in names)
        lines = text.splitlines()
        assert lines[0] == "# MIST version number  = 1.2     "
        assert lines[4] == "# 0.2703  1.42857E-02     0.00     0.00     0.40"
        assert lines[7] == "# 1.0000000000E-01     454       4      77     YES    low-mass"
        assert lines[8] == "# EEPs:        1     202     353     454"
        assert len(lines) == 12 + 454
        assert {len(line) for line in lines[10:]} == {1 + 77 * 32}
        assert re.fullmatch(r"( +-?\d\.\d{16}E[+-]\d{3}){77}", lines[12])

    def test_header_is_that_of_the_official_files(self, mirror):
        expected = {"00010M": (0.1, 454), "00900M": (9.0, 808)}
        with tarfile.open(next((mirror / "mist").glob("*.txz")), "r|xz") as tar:
            for member in tar:
                track = expected.pop(member.name.rsplit("/")[-1].split(".")[0], None)
                if track:
                    lines = tar.extractfile(member).read().decode().splitlines()
                    assert archive.track_file(*track).splitlines()[:12] == lines[:12]
                if not expected:
                    return
        pytest.fail(f"the real archive lacks {expected}")

    def test_stages_and_zams(self, rows):
        stages, bounds = split_stages(
            rows, zams_eep=202, post_fraction=0.2, test_fraction=0.2, test_track_every=5, seed=1
        )
        assert len(stages["pre"]) == 40 * 202
        assert 3000 < len(stages["post"]) < 5000
        assert bounds["post"]["log_age"][1] > 12
        zams = zams_table(rows, zams_eep=202, end_eep=700)
        assert zams.log_mass.is_monotonic_increasing
        assert zams.log_age_zams.is_monotonic_decreasing


def raw_files(files, block):
    """The paths and the registry's entries of VizieR of a block's inputs, by role."""
    inputs = block["inputs"]["assembled"]
    entries = {role: DATASETS[dataset].get("vizier") for role, dataset in inputs.items()}
    paths = {role: files[dataset] for role, dataset in inputs.items()}
    return paths, {role: entry for role, entry in entries.items() if entry}


def standard(files, name, variant="published"):
    block = CONFIG["catalogues"][name]
    paths, vizier = raw_files(files, block)
    return standardise(
        block["adapter"], paths, vizier=vizier, catalogue=name, stage=block["stage"], source="assembled",
        variant=variant, max_abs_feh=CONFIG["max_abs_feh"],
    )  # fmt: skip


class TestCatalogues:
    @pytest.mark.parametrize(
        ("name", "published", "corrected"),
        [
            ("FGK", (13, 1), (13, 1)),
            ("DH", (237, 63), (235, 65)),
            ("GR", (120, 3), (120, 3)),
            ("ONC", (150, 50), (148, 52)),
            ("NGC6530", (120, 0), (60, 60)),
        ],
    )
    def test_adapters_read_them_and_fall_into_no_trap(self, files, name, published, corrected):
        for variant, counts in (("published", published), ("corrected", corrected)):
            stars, dropped = standard(files, name, variant)
            assert (len(stars), len(dropped)) == counts

    @pytest.mark.parametrize("name", CONFIG["clusters"])
    def test_clusters_are_on_their_side_of_the_zams(self, files, rows, name):
        block = CONFIG["clusters"][name]
        paths, vizier = raw_files(files, block)
        stars, dropped = standardise_cluster(
            block["adapter"], paths, vizier=vizier, cluster=name, stage=block["stage"], source="assembled",
            names=block["names"], zams=None,
        )  # fmt: skip
        assert len(stars) >= 20
        assert dropped.empty
        zams = zams_table(rows, zams_eep=202, end_eep=700)
        after = stars.log_age > zams_log_age(stars.log_mass, zams)
        assert (after == (block["stage"] == "post")).all()
        assert stars.star_id.str.startswith("SIM").all()
        assert ((stars.e_log_age_lo > 0) & (stars.e_log_age_hi > 0)).all()

    def test_subgiants_errors_are_wrong_as_the_real_ones(self, files):
        """The mass errors of about 0.3 dex come of taking the quoted errors for bounds."""
        assert standard(files, "GR", "published")[0].e_log_mass_lo.median() == pytest.approx(0.32, abs=0.03)
        assert standard(files, "GR", "corrected")[0].e_log_mass_lo.median() < 0.08

    def test_stars_lie_near_the_tracks(self, files, rows):
        stars = pd.concat([standard(files, name, "corrected")[0] for name in CONFIG["catalogues"]])
        for star in stars.sample(60, random_state=1).itertuples():
            stage = rows[(rows.eep <= 202) == (star.stage == "pre")]
            distance = np.hypot((stage.log_teff - star.log_teff) / 0.02, (stage.log_lum - star.log_lum) / 0.1)
            assert distance.min() < 5

    def test_reports_differ_from_the_truth_by_the_offset_and_the_errors(self):
        rng = np.random.default_rng(1)
        truth = tracks.evolution(np.full(20_000, 1.5), 300.0)
        reported = sky._reported(truth, rng, "post", 0.01, 0.02, 0.1, 0.03)
        difference = np.array(reported) - np.array(truth)
        assert difference.mean(axis=1) == pytest.approx([0, 0, *sky.OFFSET["post"]], abs=0.003)
        assert difference.std(axis=1) == pytest.approx([0.01, 0.02, 0.1, 0.03], rel=0.05)

    def test_columns_are_the_real_ones(self, files, mirror):
        for dataset, path in files.items():
            real = mirror / DATASETS[dataset]["files"][0]["mirror"]
            if path.suffix == ".csv":
                assert list(pd.read_csv(path, nrows=0)) == list(pd.read_csv(real, nrows=0))
        with fits.open(files["gbs"]) as ours, fits.open(next((mirror / "vizier").glob("GBS*"))) as theirs:
            assert ours[1].name == theirs[1].name
            assert ours[1].columns.names == theirs[1].columns.names
            assert ours[1].columns.formats == theirs[1].columns.formats

    def test_no_star_is_a_real_one(self, files, mirror):
        for dataset, name in (("dh", "HIP"), ("gr", "TIC"), ("onc", "Name"), ("fgk", "starid")):
            real = mirror / DATASETS[dataset]["files"][0]["mirror"]
            ids = pd.read_csv(files[dataset])[name].dropna()
            assert not set(ids) & set(pd.read_csv(real)[name])


class TestDeterminism:
    @pytest.mark.parametrize("dataset", sorted(sky.SIMULATORS))
    def test_bytes_depend_on_the_seed_alone(self, dataset, files, tmp_path):
        for seed in (SEED, SEED + 1):
            sky.simulate(dataset, tmp_path / str(seed), seed)
        same, other = ((tmp_path / str(seed)).read_bytes() for seed in (SEED, SEED + 1))
        assert same == files[dataset].read_bytes()
        # the tracks are not random
        assert (same != other) == (dataset not in ("mist_tarball", "mist_cube"))


class TestDemo:
    def test_names_are_read_without_importing(self):
        assert set(configuration.registered("simulation/sky")) == set(sky.SIMULATORS)

    def test_every_dataset_in_use_is_simulated(self):
        blocks = [*CONFIG["catalogues"].values(), *CONFIG["clusters"].values()]
        used = {dataset for block in blocks for dataset in block["inputs"][block["source"]].values()}
        grids = {f"mist_{DEMO['mist']['source']}", "mist_cube"}
        assert used | grids == set(sky.SIMULATORS)

    def test_configuration_is_valid(self):
        merged = CONFIG | {
            key: CONFIG[key] | value if isinstance(value, dict) else value for key, value in DEMO.items()
        }
        configuration.check(merged, DATASETS)

    def test_unknown_dataset(self, tmp_path):
        with pytest.raises(DataError, match=r"bossini2019: no simulated counterpart; there are .*dh"):
            sky.simulate("bossini2019", tmp_path / "x", SEED)
        assert not list(tmp_path.iterdir())
