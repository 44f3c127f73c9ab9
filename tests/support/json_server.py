"""A JSON API that a test makes up: each path answers what its function says."""

import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answer", "Answers", "serving"]

Answer: TypeAlias = tuple[int, object]
"""A status and a body: text as it is, anything else as JSON."""
Answers: TypeAlias = Mapping[str, Callable[[Mapping[str, str], Mapping[str, str]], Answer]]
"""Functions of the query and the headers, by path."""


@contextmanager
def serving(answers: Answers) -> Generator[str]:
    """Serve on a free port until the block ends; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            answer = answers.get(parts.path, _nothing)
            status, body = answer(dict(parse_qsl(parts.query)), {k.lower(): v for k, v in self.headers.items()})
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def _nothing(query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    del query, headers
    return 404, {"error": "not found"}
