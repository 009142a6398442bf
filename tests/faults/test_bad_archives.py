"""Archives and tables of MIST that are damaged, hostile or of another grid are refused in one line, soon."""

import gzip
import lzma
import tarfile
from pathlib import Path

import mutations
import numpy as np
import pandas as pd
import psutil
import pytest
from loopback import Loopback, Reply

from stelnet.data import acquisition, isochrones, mist, network
from stelnet.errors import DataError, DownloadError

#: Seconds of CPU and bytes that refusing any input may take.
SOON, LITTLE = 30, 1 << 30
NAMES = ["star_age", "star_mass", "log_L", "log_Teff", "phase"]


def track(mass: object, rows: int = 3, feh: str = "0.00") -> str:
    """The text of a small .track.eep file."""
    rule = "# ----"
    lines = [
        "# MIST version number  = 1.2",
        "# MESA revision number =     7503",
        rule,
        "#  Yinit  Zinit   [Fe/H]   [a/Fe]  v/vcrit",
        f"# 0.2703  1.4E-02     {feh}     0.00     0.40",
        rule,
        "#     initial_mass   N_pts   N_EEP   N_col   phase        type",
        f"# {mass} {rows} 4 {len(NAMES)} YES low-mass",
        "# EEPs:        1     202     353     454",
        rule,
        "# 1 2 3 4 5",
        "# " + " ".join(NAMES),
        *(f" 1.0E+0{row} 1.0 0.{row} 3.{row} 0" for row in range(1, rows + 1)),
    ]
    return "\n".join(lines) + "\n"


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def member(name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    return header(name, len(content), kind) + content + b"\0" * (-len(content) % 512)


def packed(*parts: bytes) -> bytes:
    """An .xz file of some bytes and the end of an archive."""
    return lzma.compress(b"".join(parts) + b"\0" * 1024)


#: 16 MB of zeros, as a stream of an .xz file.
ZEROS = lzma.compress(b"\0" * (1 << 24))


def zeros(count: int, *head: bytes) -> bytes:
    """A small .xz file that unpacks to many zeros."""
    return lzma.compress(b"".join(head)) + ZEROS * (count >> 24)


SOUND = member("a/00100M.track.eep", track("1.0").encode())
SPARSE = b"29 GNU.sparse.name=00100M.eep\n22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
HOSTILE = {
    "a member of 8 EB": lambda: packed(header("a/00100M.track.eep", 2**62)),
    "another member of 8 EB": lambda: packed(SOUND, header("README", 2**62)),
    "a member of 1 GB that is there": lambda: zeros(1 << 30, header("a/00100M.track.eep", 1 << 30)),
    "an extended header of 1 GB": lambda: zeros(1 << 30, header("x", 1 << 30, tarfile.XHDTYPE)),
    "an extended header of 8 EB": lambda: packed(header("x", 2**62, tarfile.XGLTYPE)),
    "a long name of 1 GB": lambda: zeros(1 << 30, header("x", 1 << 30, tarfile.GNUTYPE_LONGNAME)),
    "a sparse member without its map": lambda: packed(
        member("x", SPARSE, tarfile.XHDTYPE), member("a/00100M.track.eep", b"9" * 512)
    ),
    "a sparse member": lambda: packed(header("a/00100M.track.eep", 512, tarfile.GNUTYPE_SPARSE)),
    "a negative size": lambda: packed(
        SOUND[:124] + b"\xff" * 12 + SOUND[136:148] + b"        " + SOUND[156:]
    ),
    "zeros without end": lambda: zeros(3 << 30, SOUND),
    "20,000 members": lambda: packed(header("x", 0) * 10_000),
    "no archive": lambda: lzma.compress(b"no tar" * 1000),
    "nothing": lambda: b"",
    "a page": lambda: b"<html>Sign in</html>" * 100,
    "cut off": lambda: packed(SOUND)[:-20],
    "cut off at the end of the archive": lambda: lzma.compress(SOUND[:-512]),
    "garbage behind": lambda: packed(SOUND) + b"garbage",
    "no track": lambda: packed(member("README", b"x")),
    "a link for a track": lambda: packed(header("a/00100M.track.eep", 0, tarfile.SYMTYPE)),
    "an empty track": lambda: packed(member("a/00100M.track.eep", b"")),
    "a track of newlines": lambda: packed(member("a/00100M.track.eep", b"\n" * 1_000_000)),
    **{
        f"a mass of {mass}": lambda mass=mass: packed(member("a/00100M.track.eep", track(mass).encode()))
        for mass in ("-1", "nan", "inf", "0", "-inf", "one", "1e999")
    },
    **{
        f"{rows} rows": lambda rows=rows: packed(
            member("a/00100M.track.eep", track("1.0").replace(" 3 4 ", f" {rows} 4 ").encode())
        )
        for rows in ("-1", "0", "2", "999999999999", "1e3", "nan", "9" * 5000)
    },
    "another grid": lambda: packed(member("a/00100M.track.eep", track("1.0", feh="-1.00").encode())),
    "a grid of nan": lambda: packed(member("a/00100M.track.eep", track("1.0", feh="nan").encode())),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("reader", [mist.read_tarball, isochrones.read_tarball], ids=["tracks", "isochrones"])
def test_hostile_archives(name, reader, tmp_path, faults):
    """A hostile archive of MIST is refused in one line, within 30 s and 1 GB."""
    if ("GB" in name or "end" in name) and not faults.whole:
        pytest.skip("part of the whole round: it unpacks a GB")
    path = tmp_path / "a.txz"
    path.write_bytes(HOSTILE[name]())
    memory = psutil.Process().memory_info().rss
    with faults.ends_within(SOON), pytest.raises(DataError, match=r"a\.txz") as error:
        reader(path, 808)
    assert psutil.Process().memory_info().rss - memory < LITTLE
    faults.refused(error.value)


def test_archives_in_several_streams_are_read(tmp_path):
    whole = tmp_path / "a.txz"
    content = SOUND + member("b/00200M.track.eep", track("2.0").encode()) + b"\0" * 1024
    whole.write_bytes(lzma.compress(content[:900]) + b"\0" * 8 + lzma.compress(content[900:]))
    assert mist.read_tarball(whole, 808)["initial_mass"].tolist() == [1.0] * 3 + [2.0] * 3


def test_extended_headers_do_not_hide_tracks(tmp_path):
    path = tmp_path / "a.txz"
    path.write_bytes(packed(member("x", b"20 mtime=1234567.89\n", tarfile.XHDTYPE), SOUND))
    assert len(mist.read_tarball(path, 808)) == 3


SMALL = packed(SOUND, member("b/00200M.track.eep", track("2.0").encode()))
TABLE = "initial_mass,EEP,log_Teff,log_L,log_age,log_mass,source\n" + "".join(
    f"{mass},{eep},3.7,0.1,{5 + eep / 10},0.0,raw\n" for mass in (1.0, 2.0) for eep in range(1, 40)
)


def test_mutated_archives(faults, tmp_path):
    """A damaged archive of tracks gives the rows of the sound one or is refused in one line."""
    path = tmp_path / "a.txz"
    path.write_bytes(SMALL)
    expected = mist.read_tarball(path, 808)
    for number in faults.cases(100, 3000):
        damage = (mutations.flipped, mutations.cut, mutations.overwritten)[number % 3]
        path.write_bytes(damage(SMALL, faults.generator))
        try:
            pd.testing.assert_frame_equal(mist.read_tarball(path, 808), expected)
        except DataError as error:
            faults.refused(error)
        else:
            faults.came("harmless")


def test_mutated_tracks(faults):
    """A damaged track holds only masses, ages and EEPs that can be, or is refused in one line."""
    content = track("1.0", 9).encode()
    for number in faults.cases(200, 10_000):
        damage = (mutations.flipped, mutations.cut, mutations.overwritten)[number % 3]
        try:
            rows = mist.parse_track(damage(content, faults.generator), 808, "it")
        except DataError as error:
            faults.refused(error)
        else:
            assert np.isfinite(rows.to_numpy()).all()
            assert (rows["initial_mass"] > 0).all()
            faults.came("read")


def test_mutated_tables(faults, tmp_path):
    """A damaged table of tracks holds only masses and EEPs that can be, or is refused in one line."""
    path, whole = tmp_path / "a.csv.gz", gzip.compress(TABLE.encode(), mtime=0)
    for number in faults.cases(150, 6000):
        damage = (mutations.flipped, mutations.cut, mutations.overwritten)[number % 3]
        # half of the damage is done before it is packed
        content = (
            gzip.compress(damage(TABLE.encode(), faults.generator), compresslevel=1)
            if number % 2
            else damage(whole, faults.generator)
        )
        path.write_bytes(content)
        try:
            rows = mist.read_consolidated(path, 808)
        except DataError as error:
            faults.refused(error)
        else:
            assert (rows["initial_mass"] > 0).all()
            assert (rows["eep"] >= 1).all()
            faults.came("read")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\n1.0,7,", "\n-1.0,7,", "line 8: initial_mass is -1"),
        ("\n1.0,7,", "\nnan,7,", "line 8: initial_mass is nan"),
        ("\n1.0,7,", "\ninf,7,", "line 8: initial_mass is inf"),
        ("\n1.0,7,", "\n0,7,", "line 8: initial_mass is 0"),
        ("\n1.0,7,", "\n1.0,0,", "line 8: EEP is 0"),
        ("\n1.0,7,", "\n1.0,-7,", "line 8: EEP is -7"),
        ("\n1.0,7,", "\n1.0,7.5,", "line 8: EEP is 7.5"),
        ("\n1.0,7,", "\n1.0,1e400,", "line 8: EEP is inf"),
    ],
)
def test_a_cell_that_cannot_be_is_named_with_its_line(old, new, told, tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TABLE.replace(old, new).encode()))
    with pytest.raises(DataError, match=told):
        mist.read_consolidated(path, 808)


def test_a_table_that_unpacks_to_very_much_is_refused(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"\n" * 300_000_000, compresslevel=1))
    with pytest.raises(DataError, match="unpacks to more than 200000000 bytes"):
        mist.read_consolidated(path, 808)


class TestOfficialArchive:
    """The archive whose checksum is not known: what it must hold is in the registry."""

    content = packed(*(member(f"a/{n:05d}M.track.eep", track(n / 100).encode()) for n in (10, 100, 30_000)))

    def fetch(self, server, target, **tracks) -> None:
        file = {"name": "t.txz", "mirror": "t.txz", "url": f"http://{server.address}/t.txz"}
        tracks = {"number": [3, 4], "masses": [0.1, 300]} | tracks
        acquisition.fetch("t", file | {"bytes": None, "sha256": None, "tracks": tracks}, target, None)

    @pytest.fixture
    def target(self, tmp_path) -> Path:
        """Where the archive goes."""
        return tmp_path / "data/mist/t.txz"

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch):
        monkeypatch.setattr(network, "PAUSES", (0.0, 0.0))
        monkeypatch.setenv("no_proxy", "*")

    def test_is_taken_when_it_is_the_grid(self, target):
        with Loopback(Reply(self.content)) as server:
            self.fetch(server, target)
        assert target.read_bytes() == self.content

    def test_another_first_digest_is_told(self, target, caplog):
        other = lzma.compress(lzma.decompress(self.content), preset=1)
        with Loopback(Reply(self.content), Reply(other)) as server:
            self.fetch(server, target)
            self.fetch(server, target)
        assert sum("has changed at its source" in line for line in caplog.messages) == (other != self.content)

    @pytest.mark.parametrize(
        ("tracks", "told"),
        [
            ({"number": [4, 5]}, "holds tracks of 3 masses, expected are 4 to 5"),
            ({"number": [1, 2]}, "holds tracks of 3 masses, expected are 1 to 2"),
            ({"masses": [0.1, 250]}, "its masses are 0.1 to 300 Msun, expected are 0.1 to 250"),
            ({"masses": [0.08, 300]}, "its masses are 0.1 to 300 Msun"),
        ],
    )
    def test_another_whole_archive_is_not(self, tracks, told, target):
        with Loopback(Reply(self.content)) as server, pytest.raises(DownloadError, match=told):
            self.fetch(server, target, **tracks)
        assert list(target.parent.iterdir()) == []

    @pytest.mark.parametrize(
        "name", [name for name in HOSTILE if "GB" not in name and "end" not in name and "garbage" not in name]
    )
    def test_hostile_answers(self, name, target, faults):
        """A hostile archive from the network does not appear; it is had at the next attempt."""
        with Loopback(Reply(HOSTILE[name]()), Reply(self.content)) as server:
            self.fetch(server, target)
        assert target.read_bytes() == self.content
        faults.came("had")
