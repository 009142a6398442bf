"""An HTTP server on this machine for tests: it sends prepared replies and keeps what it was asked."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome to this network</body></html>"


@dataclass
class Reply:
    """One reply; `promised`, where given, is a wrong Content-Length: the body breaks off before it."""

    body: bytes
    status: int = 200
    promised: int | None = None


@dataclass
class Raw:
    """Bytes that are sent as they are, with a pause after each piece; then the connection ends."""

    pieces: Callable[[], Iterable[bytes]]
    pause: float = 0.0


class Loopback:
    """A server that sends `replies` one after the other, the last one again and again; some are functions.

    Use it as a context manager. `requests` holds (method, path, body) of each request so far.
    """

    def __init__(self, *replies: Reply | Raw | Callable[[bytes], Reply]) -> None:
        self.replies = list(replies)
        self.requests: list[tuple[str, str, bytes]] = []
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                loopback.requests.append((self.command, self.path, body))
                reply = loopback.replies.pop(0) if len(loopback.replies) > 1 else loopback.replies[0]
                reply = reply(body) if callable(reply) else reply
                if isinstance(reply, Raw):
                    self.close_connection = True
                    # a client that has enough goes away
                    with contextlib.suppress(ConnectionError):
                        for piece in reply.pieces():
                            self.wfile.write(piece)
                            time.sleep(reply.pause)
                    return
                self.send_response(reply.status)
                self.send_header("Content-Length", str(reply.promised or len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Loopback":
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
