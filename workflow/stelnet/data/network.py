"""What comes over the network, within bounds of bytes and time: each failure is one DownloadError."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import requests

from stelnet.errors import DownloadError, one_line

log = logging.getLogger(__name__)
Got = TypeVar("Got")

#: Seconds to wait before each further attempt at a download.
PAUSES = (2.0, 10.0)
#: Seconds within which a server must begin to answer, redirections included.
ANSWER = 60.0
#: Slowest mean speed of an answer [bytes/s], and the seconds that pass before it counts.
SLOWEST, GRACE = 10_000, 20.0
#: Longest file of unknown length [bytes].
LARGEST = 1_000_000_000
#: Bytes that are handled at a time: few, so that a slow answer is seen to go on.
BLOCK = 1 << 14
#: Characters of a message that a server can fill.
TOLD = 300


def with_retries(get: Callable[[], Got], what: str) -> Got:
    """Return what `get` returns; call it again after each of the PAUSES if what came is bad."""
    for pause in PAUSES:
        try:
            return get()
        except DownloadError as error:
            log.warning("%s: %s; trying again in %g s", what, error, pause)
            time.sleep(pause)
    return get()


def download(
    address: str,
    target: Path,
    *,
    at_most: int | None = None,
    answer_within: float | None = None,
    data: str | None = None,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Write what a server sends to a file.

    Parameters
    ----------
    address, data
        An address, and what is posted there; without `data` it is asked for.
    at_most
        Most bytes that are taken, by default LARGEST.
    answer_within
        Seconds within which the answer must begin, by default ANSWER.
    advance
        Called with the number of bytes that came since the last call.

    Raises
    ------
    DownloadError
        There is no whole answer: a failed connection, an error of the server, an answer that breaks off, is
        malformed, too long or too slow.
    """
    at_most, wait = at_most or LARGEST, answer_within or ANSWER
    # a read of a slow connection returns only when its block is full: it waits in a thread, this one looks
    # at the clock
    blocks: queue.Queue[bytes | Exception | None] = queue.Queue(maxsize=4)
    given_up = threading.Event()
    arguments = (address, data, wait, blocks, given_up)
    threading.Thread(target=_read, args=arguments, daemon=True).start()
    received, begin, deadline = 0, None, time.monotonic() + wait
    try:
        with open(target, "wb") as stream:
            while (block := _next(blocks, deadline)) is not None:
                # the first block is empty: the answer has begun
                begin = begin or time.monotonic()
                received += len(block)
                if received > at_most:
                    raise DownloadError(f"the answer is longer than {at_most} bytes")
                stream.write(block)
                if advance:
                    advance(len(block))
                deadline = begin + GRACE + received / SLOWEST
    except queue.Empty:
        if begin is None:
            raise DownloadError(f"no answer within {wait:g} s")
        spent = time.monotonic() - begin
        raise DownloadError(f"the answer is too slow: {received} bytes in {spent:.0f} s")
    finally:
        given_up.set()
        with contextlib.suppress(queue.Empty):
            while True:
                blocks.get_nowait()


def _next(blocks: "queue.Queue[bytes | Exception | None]", deadline: float) -> bytes | None:
    """Return the next block, None at the end of the answer; raise queue.Empty when it is late."""
    block = blocks.get(timeout=max(0.0, deadline - time.monotonic()))
    if isinstance(block, Exception):
        raise DownloadError(_reason(block)) from block
    return block


def _read(
    address: str,
    data: str | None,
    wait: float,
    blocks: "queue.Queue[bytes | Exception | None]",
    given_up: threading.Event,
) -> None:
    """Put the blocks of an answer into a queue, or what went wrong."""
    try:
        with requests.request(
            "POST" if data else "GET", address, data=data, stream=True, timeout=wait
        ) as response:
            response.raise_for_status()
            blocks.put(b"")
            for block in response.iter_content(BLOCK):
                blocks.put(block)
                if given_up.is_set():
                    return
        blocks.put(None)
    # the libraries raise whatever comes when an answer is malformed
    except Exception as error:
        blocks.put(error)


def _reason(error: Exception) -> str:
    """Return what went wrong, without the retries inside the HTTP library that wrap a failed connection."""
    reason = getattr(error.args[0] if error.args else error, "reason", error)
    return one_line(reason, TOLD) or type(error).__name__
