"""A disk that is full, read-only or closed: one line that says what to do, and no half-written file."""

import errno
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from stelnet import files, io, safetensors_file
from stelnet.errors import StorageError
from stelnet.plotting import style
from stelnet.provenance.job import job
from stelnet.simulation import archive

ROOM = "no space left on device; make room on that disk and run again."


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A file system of 256 kB, or a skip where none may be mounted."""
    folder = tmp_path_factory.mktemp("small")
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _hdf5(path: Path) -> None:
    with files.atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["values"] = NUMBERS.to_numpy()


def _figure(path: Path) -> None:
    figure, axes = plt.subplots(layout="constrained")
    axes.imshow(np.random.default_rng(0).random((700, 700)), interpolation="none")
    style.save(figure, [path], "A title", simulated=False)
    plt.close(figure)


def _network(path: Path) -> None:
    safetensors_file.write_tensors(path, {"weights": NUMBERS.to_numpy()}, {})


NUMBERS = pd.DataFrame({"log_teff": np.random.default_rng(0).random(50_000)})
WRITERS = {
    "a.txt": lambda path: files.write_text("x" * 400_000, path),
    "a.json": lambda path: files.write_json(list(range(100_000)), path),
    "a.parquet": lambda path: io.write_table(NUMBERS, path, {}),
    "a.csv": lambda path: io.write_csv(NUMBERS, path),
    "a.h5": _hdf5,
    "a.pdf": _figure,
    "a.txz": archive.write_archive,
    "a.safetensors": _network,
}


class TestFullDisk:
    @pytest.mark.parametrize("name", WRITERS)
    def test_every_writer_says_so_and_leaves_nothing(self, name, small):
        with pytest.raises(StorageError) as error:
            WRITERS[name](small / name)
        assert str(error.value) == f"{small / name}: {ROOM}"
        assert list(small.iterdir()) == []

    def test_the_file_that_was_there_stays(self, small):
        files.write_text("old", small / "a.txt")
        with pytest.raises(StorageError):
            WRITERS["a.txt"](small / "a.txt")
        assert (small / "a.txt").read_text() == "old"
        (small / "a.txt").unlink()


def test_read_only_disk(small):
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    try:
        with pytest.raises(StorageError) as error:
            files.write_text("new", small / "a.txt")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
    assert str(error.value).endswith(": read-only file system; name another place and run again.")
    assert str(small) in str(error.value)


def test_folder_that_is_closed_to_the_user(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    user = os.geteuid()
    if user == 0:
        # root may write anywhere
        os.seteuid(65534)
    try:
        with pytest.raises(StorageError) as error:
            files.write_text("new", "closed/a.txt")
    finally:
        os.seteuid(user)
    assert "closed/" in str(error.value)
    assert str(error.value).endswith(
        ": permission denied; give this user the right to it, or name another place, and run again."
    )


@pytest.mark.parametrize("place", ["file/a.txt", "file/b/a.txt"])
def test_a_file_where_a_folder_should_be(place, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=f"{tmp_path}/file.*: (not a directory|file exists); name another"):
        files.write_text("new", tmp_path / place)


def test_a_job_that_cannot_write_its_log_says_so(tmp_path, caplog):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as end, job(SimpleNamespace(log=[tmp_path / "file/a.log"], rule="a")):
        pytest.fail("it has begun")
    assert end.value.code == 2
    (said,) = caplog.messages
    assert said.startswith(f"{tmp_path}/file: file exists; name another place")


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(StorageError, match="file name too long; name it shorter"):
        files.write_text("new", tmp_path / ("a" * 300))


def test_other_errors_of_the_system_pass(tmp_path):
    with pytest.raises(BrokenPipeError), files.storage(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(FileNotFoundError), files.storage(tmp_path):
        (tmp_path / "none").read_text()


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    seen = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(files.os, "fsync", lambda file: (seen.append(os.fstat(file).st_ino), sync(file)))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (seen.append(("named", self.stat().st_ino)), replace(self, to))
    )
    files.write_text("new", tmp_path / "a.txt")
    inode = (tmp_path / "a.txt").stat().st_ino
    assert seen == [inode, ("named", inode)]
