"""Bad answers of a server, for whatever it is asked: name -> what it sends in place of some content."""

import gzip
import itertools
import zlib
from collections.abc import Iterator

from loopback import HTML, Raw, Reply

OK = b"HTTP/1.1 200 OK\r\n"
#: Seconds between the bytes of an answer that drips.
DRIP = 0.05


def _raw(*pieces: bytes) -> Raw:
    return Raw(lambda: pieces)


def _moved(to: bytes) -> Raw:
    return _raw(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n")


def _drip(head: bytes) -> Raw:
    def pieces() -> Iterator[bytes]:
        yield head
        yield from itertools.repeat(b"x", 2000)

    return Raw(pieces, DRIP)


def _endless(head: bytes, block: bytes) -> Raw:
    def pieces() -> Iterator[bytes]:
        yield head
        yield from itertools.repeat(block)

    return Raw(pieces)


def _chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def malformed(content: bytes) -> dict[str, Reply | Raw]:
    """Answers that no client may take, whatever was asked; each ends at once."""
    half = content[: len(content) // 2]
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    packed = gzip.compress(content, mtime=0)
    unpacked = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    statuses = (400, 401, 403, 404, 408, 410, 429, 451, 500, 502, 503, 504)
    return {
        **{f"status {status}": Reply(content, status) for status in statuses},
        "status 204": _raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "status 304": _raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        "status abc": _raw(b"HTTP/1.1 abc OK\r\n\r\n", content),
        "status of 60 kB": _raw(b"HTTP/1.1 500 ", b"sorry " * 10_000, b"\r\n\r\n"),
        "status with control characters": _raw(b"HTTP/1.1 500 \x1b[2J\x07bad\r\nContent-Length: 0\r\n\r\n"),
        "nothing": _raw(),
        "no HTTP": _raw(b"\x00\x01\x02\x03" * 100),
        "content without a head": _raw(content),
        "a head that breaks off": _raw(OK + b"Content-Le"),
        "a header of 100 kB": _raw(OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n", content),
        "1000 headers": _raw(OK + b"X: x\r\n" * 1000 + b"\r\n", content),
        "Content-Length abc": _raw(OK + b"Content-Length: abc\r\n\r\n", half),
        "Content-Length -5": _raw(OK + b"Content-Length: -5\r\n\r\n", half),
        "two Content-Lengths": _raw(OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n", content),
        "Content-Length of 10^30": _raw(OK + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n", half),
        "broken off": Reply(half, promised=len(content)),
        "half of it": Reply(half),
        "empty": Reply(b""),
        "a page to sign in": Reply(HTML),
        "gzip that is none": _raw(unpacked % len(content), content),
        "gzip that breaks off": _raw(unpacked % len(packed), packed[:-20]),
        "gzip that is damaged": _raw(unpacked % len(packed), packed[:12] + b"\xff\xff" + packed[14:]),
        "deflate that is none": _raw(OK + b"Content-Encoding: deflate\r\n\r\n", content),
        "gzip as content": Reply(packed),
        "chunk without a size": _raw(chunked + b"zz\r\n", content),
        "chunk of size -5": _raw(chunked + b"-5\r\n", content),
        "chunk of size 10^30": _raw(chunked + b"f" * 30 + b"\r\n", half),
        "chunks that break off": _raw(chunked + _chunk(half)),
        "chunks and half of it": _raw(chunked + _chunk(half) + b"0\r\n\r\n"),
        "redirection to nowhere": _raw(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
        "redirection to itself": _moved(b"/again"),
        "redirection to [": _moved(b"http://[::1"),
        "redirection to no host": _moved(b"http://:0/"),
        "redirection to port 99999999": _moved(b"http://127.0.0.1:99999999/"),
        "redirection to port abc": _moved(b"http://127.0.0.1:abc/"),
        "redirection to a closed port": _moved(b"http://127.0.0.1:9/"),
        "redirection to a file": _moved(b"file:///etc/passwd"),
        "redirection to FTP": _moved(b"ftp://127.0.0.1/x"),
        "redirection to Latin-1": _moved(b"http://127.0.0.1\xe9\xff/"),
        "redirection to a zero": _moved(b"http://127.0.0.1\x00/"),
    }


def without_end(content: bytes) -> dict[str, Reply | Raw]:
    """Answers that do not end by themselves."""
    packed = zlib.compress(b"\0" * 10_000_000)
    block = b"x" * 65536
    return {
        "endless": _endless(OK + b"\r\n", block),
        "endless chunks": _endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", _chunk(block)),
        "endless zeros, packed": _endless(OK + b"Content-Encoding: deflate\r\n\r\n" + packed, b""),
        "dripping": _drip(OK + b"Content-Length: 1000000\r\n\r\n"),
        "dripping head": _drip(OK + b"X-Header: "),
        "dripping status": _drip(b"HTTP/1.1 2"),
        "dripping size of a chunk": _drip(OK + b"Transfer-Encoding: chunked\r\n\r\n1"),
        "silence": Raw(lambda: itertools.repeat(b"", 2000), DRIP),
        "silence after the head": Raw(
            lambda: itertools.chain([OK + b"\r\n" + content[:10]], itertools.repeat(b"", 2000)), DRIP
        ),
    }
