"""Every bad answer of a server ends in an attempt that succeeds or in one clear error, never in a wrong file.

The real clients ask a server on this machine.
"""

import hashlib
import re
import time
from pathlib import Path

import bad_answers
import pytest
from loopback import Loopback, Raw, Reply

from stelnet.data import acquisition, network
from stelnet.errors import DownloadError

CONTENT = b"star,age\nsynthetic-1,4.5\n" * 100
WRONG = {
    "one bit is another": Reply(CONTENT[:500] + bytes([CONTENT[500] ^ 1]) + CONTENT[501:]),
    "a byte more": Reply(CONTENT + b"\n"),
    "a byte less": Reply(CONTENT[:-1]),
    "lines of Windows": Reply(CONTENT.replace(b"\n", b"\r\n")),
    "another file": Reply(b"star,age\nsynthetic-2,4.6\n" * 100),
    "twice": Reply(CONTENT * 2),
}
AT_ONCE = bad_answers.malformed(CONTENT) | WRONG
WITHOUT_END = bad_answers.without_end(CONTENT)


@pytest.fixture(autouse=True)
def _quick_and_direct(monkeypatch):
    monkeypatch.setattr(network, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def impatient(monkeypatch):
    """Bounds of time that a test can wait for."""
    monkeypatch.setattr(network, "ANSWER", 3.0)
    monkeypatch.setattr(network, "GRACE", 2.0)


@pytest.fixture
def target(tmp_path) -> Path:
    """Where the file goes."""
    return tmp_path / "data/stars/stars.csv"


def fetch(server: Loopback, target: Path) -> None:
    file = {
        "name": "stars.csv",
        "mirror": "stars.csv",
        "url": f"http://{server.address}/stars.csv",
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    acquisition.fetch("stars", file, target, None)


def is_clear(error: BaseException, address: str) -> None:
    """One line that names the dataset, the address and what to do, and nothing that moves a terminal."""
    message = str(error)
    assert message.isprintable()
    assert len(message) < 1500
    assert re.match(
        rf"stars: \S+ could not be had\. Tried: .*{address}.*, 3 times: .+\. What to do: ", message
    )


@pytest.mark.parametrize("name", AT_ONCE)
class TestFile:
    def test_is_had_at_the_next_attempt(self, name, target, faults):
        """After a bad answer of a file's host the file is had at the next attempt."""
        with Loopback(AT_ONCE[name], Reply(CONTENT)) as server:
            fetch(server, target)
        assert target.read_bytes() == CONTENT
        faults.came("had")
        assert {path.name for path in target.parent.iterdir()} == {"stars.csv", "stars.csv.source.json"}

    def test_does_not_appear_when_every_answer_is_bad(self, name, target):
        with Loopback(AT_ONCE[name]) as server, pytest.raises(DownloadError) as error:
            fetch(server, target)
        is_clear(error.value, server.address)
        assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", WITHOUT_END)
def test_an_answer_without_end_is_given_up(name, target, impatient, faults):
    """An answer of a file's host that drips, is silent or never ends is given up, and had at the next."""
    with Loopback(WITHOUT_END[name], Reply(CONTENT)) as server, faults.ends_within(20, time.monotonic):
        fetch(server, target)
    assert target.read_bytes() == CONTENT
    faults.came("had")


def test_a_server_that_only_drips_is_told(target, impatient):
    with (
        Loopback(WITHOUT_END["dripping"]) as server,
        pytest.raises(DownloadError, match=r"3 times: the answer is too slow: \d+ bytes in [12] s") as error,
    ):
        fetch(server, target)
    is_clear(error.value, server.address)


def test_an_abandoned_answer_does_not_get_into_the_next(target, impatient):
    """The first connection goes on sending while the second is read."""
    late = Raw(lambda: [bad_answers.OK + b"\r\n", *[b"y" * 100] * 100], 0.05)
    with Loopback(late, late, Reply(CONTENT)) as server:
        fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_slow_server_is_waited_for(target, monkeypatch):
    """The answer takes longer than the time that passes before its speed counts, and is fast enough."""
    monkeypatch.setattr(network, "GRACE", 0.5)
    monkeypatch.setattr(network, "SLOWEST", 500)
    monkeypatch.setattr(network, "BLOCK", 100)
    pieces = [CONTENT[i : i + 250] for i in range(0, len(CONTENT), 250)]
    slow = Raw(lambda: [bad_answers.OK + b"\r\n", *pieces], 0.1)
    with Loopback(slow) as server:
        fetch(server, target)
    assert len(server.requests) == 1
    assert target.read_bytes() == CONTENT
