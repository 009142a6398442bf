"""Raw files are the registered ones or do not appear; every failure says what to do."""

import hashlib
import json
import lzma
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from loopback import HTML, Loopback, Reply
from script_job import registry_of, run_script

from stelnet.data import acquisition, network
from stelnet.errors import DownloadError
from stelnet.provenance import records

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
CONTENT = b"star,age\nsynthetic-1,4.5\n" * 100
#: A port that nothing listens on.
CLOSED = "http://127.0.0.1:9/stars.csv"


@pytest.fixture(autouse=True)
def _quick_and_direct(monkeypatch):
    monkeypatch.setattr(network, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "*")


def registered(url: str | None = CLOSED, content: bytes | None = CONTENT, name: str = "stars.csv") -> dict:
    """An entry of the registry for `content`; None: its checksum is not known."""
    known = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} if content else {}
    return {"name": name, "mirror": f"tables/{name}", "url": url, "bytes": None, "sha256": None} | known


def mirror_with(folder: Path, content: bytes, name: str = "stars.csv") -> Path:
    """A mirror that holds `content` as a file."""
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / name).write_bytes(content)
    return folder


def source_of(path: Path) -> dict:
    return json.loads(Path(f"{path}.source.json").read_text())


def nothing_in(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "results/data/stars/stars.csv"


def test_mirror_goes_before_the_network(tmp_path, target):
    mirror = mirror_with(tmp_path / "mirror", CONTENT)
    with Loopback(Reply(CONTENT)) as server:
        acquisition.fetch("stars", registered(f"http://{server.address}/stars.csv"), target, mirror)
    assert server.requests == []
    assert target.read_bytes() == CONTENT
    source = source_of(target)
    assert source.pop("retrieved").endswith("+00:00")
    assert source == {
        "dataset": "stars",
        "via": "mirror",
        "address": "tables/stars.csv",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
    }


@pytest.mark.parametrize("mirror", [None, "empty", "absent"])
def test_file_that_no_mirror_has_comes_from_the_network(tmp_path, target, mirror, capfd):
    (tmp_path / "empty").mkdir()
    with Loopback(Reply(CONTENT)) as server:
        url = f"http://{server.address}/stars.csv"
        acquisition.fetch("stars", registered(url), target, mirror and tmp_path / mirror)
    assert [request[:2] for request in server.requests] == [("GET", "/stars.csv")]
    assert target.read_bytes() == CONTENT
    assert (source_of(target)["via"], source_of(target)["address"]) == ("network", url)
    assert sorted(path.name for path in target.parent.iterdir()) == ["stars.csv", "stars.csv.source.json"]
    assert capfd.readouterr().err == ""


def test_wrong_file_in_the_mirror_is_refused_by_both_digests(tmp_path, target):
    mirror = mirror_with(tmp_path / "mirror", CONTENT[:-1])
    with Loopback(Reply(CONTENT)) as server, pytest.raises(DownloadError) as error:
        acquisition.fetch("stars", registered(f"http://{server.address}/stars.csv"), target, mirror)
    message = str(error.value)
    for part in (
        "stars: ",
        str(mirror / "tables/stars.csv"),
        hashlib.sha256(CONTENT).hexdigest(),
        hashlib.sha256(CONTENT[:-1]).hexdigest(),
        f"({len(CONTENT) - 1} bytes)",
        str(target),
    ):
        assert part in message
    assert server.requests == []
    assert nothing_in(target.parent)


@pytest.mark.parametrize(
    "bad",
    [
        Reply(b"no such page", 404),
        Reply(b"overloaded", 503),
        Reply(HTML),
        Reply(CONTENT[:100]),
        Reply(CONTENT[:100], promised=len(CONTENT)),
    ],
    ids=["404", "503", "html", "short", "broken off"],
)
class TestBadReply:
    def test_twice_is_overcome(self, bad, target):
        with Loopback(bad, bad, Reply(CONTENT)) as server:
            acquisition.fetch("stars", registered(f"http://{server.address}/stars.csv"), target, None)
        assert len(server.requests) == 3
        assert target.read_bytes() == CONTENT

    def test_always_is_one_error_and_no_file(self, bad, target):
        with Loopback(bad) as server, pytest.raises(DownloadError) as error:
            acquisition.fetch("stars", registered(f"http://{server.address}/stars.csv"), target, None)
        assert len(server.requests) == 3
        assert f"http://{server.address}/stars.csv, 3 times: " in str(error.value)
        assert "What to do" in str(error.value)
        if bad.status == 200 and not bad.promised:
            assert hashlib.sha256(bad.body).hexdigest() in str(error.value)
            assert hashlib.sha256(CONTENT).hexdigest() in str(error.value)
        assert nothing_in(target.parent)


def test_pauses_grow_between_attempts(monkeypatch, target):
    waited = []
    monkeypatch.setattr(network, "PAUSES", (2.0, 10.0))
    # of that module alone: servers of other tests may still be dripping
    monkeypatch.setattr(network, "time", SimpleNamespace(sleep=waited.append, monotonic=time.monotonic))
    with pytest.raises(DownloadError):
        acquisition.fetch("stars", registered(), target, None)
    assert waited == [2.0, 10.0]


@pytest.mark.parametrize("mirror", [None, "elsewhere"])
def test_no_network_and_no_mirror_says_what_was_tried_and_both_ways_out(tmp_path, target, mirror):
    folder = mirror and tmp_path / mirror
    with pytest.raises(DownloadError) as error:
        acquisition.fetch("stars", registered(), target, folder)
    message = str(error.value)
    tried = f"{folder}/tables/stars.csv: there is no such file" if mirror else "a mirror: none is named"
    for part in (
        "stars: stars.csv could not be had",
        tried,
        f"{CLOSED}, 3 times: ",
        "Connection refused. What to do: name a folder",
        "STELNET_MIRROR=FOLDER",
        "`mirror: FOLDER` in config.yaml",
        "FOLDER/tables/stars.csv there, you may download it by hand",
        ", or connect this machine to the network",
    ):
        assert part in message
    assert nothing_in(target.parent)


def test_file_without_public_address_needs_a_mirror(target):
    with pytest.raises(DownloadError, match=r"no public address.*FOLDER/tables/stars\.csv there\)\.$"):
        acquisition.fetch("stars", registered(url=None), target, None)
    assert nothing_in(target.parent)


def test_mirror_that_cannot_be_read_is_named(tmp_path, target, monkeypatch):
    mirror = mirror_with(tmp_path / "mirror", CONTENT)
    monkeypatch.setattr(
        acquisition.shutil, "copyfile", lambda *_: (_ for _ in ()).throw(OSError("I/O error"))
    )
    with pytest.raises(
        DownloadError, match=r"stars: .*mirror/tables/stars\.csv could not be copied.*I/O error"
    ):
        acquisition.fetch("stars", registered(), target, mirror)
    assert nothing_in(target.parent)


class TestUnknownChecksum:
    tarball = lzma.compress(b"synthetic tracks" * 1000)

    def test_digest_is_told_and_kept(self, target, caplog):
        path = target.with_name("tracks.txz")
        with Loopback(Reply(self.tarball)) as server:
            file = registered(f"http://{server.address}/tracks.txz", None, "tracks.txz")
            acquisition.fetch("tracks", file, path, None)
        digest = hashlib.sha256(self.tarball).hexdigest()
        assert path.read_bytes() == self.tarball
        assert source_of(path)["sha256"] == digest
        assert any("could not be verified" in line and digest in line for line in caplog.messages)

    @pytest.mark.parametrize("content", [HTML, tarball[:-20], tarball[1:], b"", b"\xfd7zXZ\x00"])
    def test_what_is_no_whole_archive_is_refused(self, tmp_path, target, content):
        path = target.with_name("tracks.txz")
        with Loopback(Reply(content)) as server:
            file = registered(f"http://{server.address}/tracks.txz", None, "tracks.txz")
            with pytest.raises(DownloadError, match="no xz file, or not all of it"):
                acquisition.fetch("tracks", file, path, None)
        mirror = mirror_with(tmp_path / "mirror", content, "tracks.txz")
        with pytest.raises(
            DownloadError, match=r"tables/tracks\.txz is not the registered file: it is no xz file"
        ):
            acquisition.fetch("tracks", file, path, mirror)
        assert nothing_in(target.parent)


@pytest.mark.parametrize(("terminal", "size"), [(True, 2_000_000), (True, 100), (False, 2_000_000)])
def test_progress_bar_for_long_files_on_a_terminal_only(terminal, size, target, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    content = b"x" * size
    with Loopback(Reply(content)) as server:
        acquisition.fetch("stars", registered(f"http://{server.address}/stars.csv", content), target, None)
    assert ("100%" in capsys.readouterr().err) == (terminal and size > 1_000_000)


def run(script: str, tmp_path: Path, output: dict, params: dict) -> Path:
    """Run a script as Snakemake does, and return its log file."""
    return run_script(
        script.removesuffix(".py"), tmp_path, output=output, params=params, wildcards={"dataset": "stars"}
    )


def test_fetch_script_takes_the_mirror_of_the_environment(tmp_path, target, monkeypatch):
    monkeypatch.setenv("STELNET_MIRROR", str(mirror_with(tmp_path / "mirror", CONTENT)))
    monkeypatch.setattr(records, "registry", lambda root: registry_of(stars=[registered()]))
    run("fetch.py", tmp_path, {"file": str(target)}, {"file": registered()})
    assert target.read_bytes() == CONTENT
    assert source_of(target)["dataset"] == "stars"


def test_fetch_script_ends_with_the_message_and_code_2(tmp_path, target, monkeypatch):
    monkeypatch.delenv("STELNET_MIRROR", raising=False)
    with pytest.raises(SystemExit) as stop:
        run("fetch.py", tmp_path, {"file": str(target)}, {"file": registered()})
    assert stop.value.code == 2
    log = (tmp_path / "logs/fetch.log").read_text()
    assert "stars: stars.csv could not be had" in log
    assert "Traceback" not in log
    assert nothing_in(target.parent)


def test_published_networks_come_in_one_job(tmp_path, target, monkeypatch):
    monkeypatch.delenv("STELNET_MIRROR", raising=False)
    contents = [b"synthetic network 0", b"synthetic network 1"]
    paths = [target.with_name(f"network{i}") for i in range(2)]
    with Loopback(*map(Reply, contents)) as server:
        files = [
            registered(f"http://{server.address}/network{i}", content, f"network{i}")
            for i, content in enumerate(contents)
        ]
        monkeypatch.setattr(records, "registry", lambda root: registry_of(published_networks=files))
        run("fetch_published_networks.py", tmp_path, {"files": list(map(str, paths))}, {"files": files})
    assert [path.read_bytes() for path in paths] == contents
    assert all(source_of(path)["dataset"] == "published_networks" for path in paths)


class TestPackage:
    """A file that is a member of a package of the Python index."""

    @pytest.fixture
    def index(self, tmp_path, monkeypatch):
        """A folder that stands for the index, with one wheel."""
        folder = tmp_path / "index"
        folder.mkdir()
        with zipfile.ZipFile(folder / "some_grids-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("some_grids/stars.csv", CONTENT)
            wheel.writestr(
                "some_grids-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: some-grids\nVersion: 1.0\n"
            )
            wheel.writestr("some_grids-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr("some_grids-1.0.dist-info/RECORD", "")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        return folder

    def file(self, **package) -> dict:
        package = {"name": "some-grids", "version": "1.0", "member": "some_grids/stars.csv"} | package
        return registered(url=None) | {"package": package}

    def test_member_is_taken_out(self, index, target):
        acquisition.fetch("stars", self.file(), target, None)
        assert target.read_bytes() == CONTENT
        assert source_of(target)["address"] == "some-grids==1.0 of the package index"
        assert source_of(target)["via"] == "network"
        assert {path.name for path in target.parent.iterdir()} == {"stars.csv", "stars.csv.source.json"}

    def test_mirror_overrides_it(self, tmp_path, target, monkeypatch):
        monkeypatch.setattr(acquisition.subprocess, "run", None)
        acquisition.fetch("stars", self.file(), target, mirror_with(tmp_path / "mirror", CONTENT))
        assert source_of(target)["via"] == "mirror"

    @pytest.mark.parametrize(
        ("package", "message"),
        [
            ({"version": "2.0"}, "pip could not download it: ERROR: No matching distribution found"),
            ({"member": "some_grids/none.csv"}, "has no member some_grids/none.csv"),
        ],
    )
    def test_failures_say_what_to_do(self, index, target, package, message):
        with pytest.raises(DownloadError, match=f"{message}.*What to do: name a folder"):
            acquisition.fetch("stars", self.file(**package), target, None)
        assert nothing_in(target.parent)

    def test_another_content_is_refused(self, index, target):
        file = self.file() | {"sha256": "0" * 64}
        with pytest.raises(DownloadError, match=r"some-grids==1\.0 of the package index sent has sha256"):
            acquisition.fetch("stars", file, target, None)
        assert nothing_in(target.parent)
