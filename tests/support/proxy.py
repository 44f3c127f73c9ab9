"""A way to a real server that refuses a request when it is told to."""

import http.client
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__ = ["Proxy", "proxied"]

_PASSED_ON = ("Content-Type", "Authorization", "Accept")


@dataclass
class Proxy:
    """Passes requests on; one that fits the pattern of `refuse` is answered 500, once."""

    url: str = ""
    refused: list[str] = field(default_factory=list[str])
    _patterns: list[str] = field(default_factory=list[str])

    def refuse(self, pattern: str) -> None:
        """Refuse the next request whose `METHOD /path` fits the regular expression."""
        self._patterns.append(pattern)

    def refuses(self, request: str) -> bool:
        """Whether `request` is the one to refuse."""
        fitting = next((pattern for pattern in self._patterns if re.search(pattern, request)), None)
        if fitting is None:
            return False
        self._patterns.remove(fitting)
        self.refused.append(request)
        return True


@contextmanager
def proxied(target: str) -> Generator[Proxy]:
    """A proxy of the server at `target`, on a free port, until the block ends."""
    proxy, address = Proxy(), urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if proxy.refuses(f"{self.command} {self.path}"):
                self.answer(500, "application/json", b'{"detail": "refused by the test"}')
                return
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            upstream = http.client.HTTPConnection(address, timeout=30)
            upstream.request(self.command, self.path, body=body, headers=headers)
            got = upstream.getresponse()
            content = got.read()
            upstream.close()
            self.answer(got.status, got.headers.get("Content-Type", "application/json"), content)

        def answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status != http.HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = pass_on  # noqa: N815 - http.server's own names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
