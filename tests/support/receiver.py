"""Somebody who is told of alerts: a server on the loopback that keeps what Apprise sends it."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Receiver", "receiving"]


@dataclass(kw_only=True)
class Receiver:
    """What came, and how it answers.

    Attributes:
        url: its Apprise URL.
        messages: the title and body of each message that it took, in order.
        refusals: so many of the next messages are answered 503, and are not taken.
        refused: how many were.
    """

    url: str
    messages: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    refusals: int = 0
    refused: int = 0

    def titles(self) -> list[str]:
        """The titles of what came."""
        return [title for title, _ in self.messages]


@contextmanager
def receiving() -> Generator[Receiver]:
    """A receiver that listens for as long as the context lives."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if receiver.refusals:
                receiver.refusals -= 1
                receiver.refused += 1
                self.send_response(503)
            else:
                receiver.messages.append((body["title"], body["message"]))
                self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(url=f"json://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
