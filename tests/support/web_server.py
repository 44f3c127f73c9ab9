"""A web app that really serves, on a free port of the loopback, and callers that do as they like with their sockets."""

import contextlib
import socket
import threading
from collections.abc import Generator
from dataclasses import dataclass

from starlette.types import ASGIApp
from uvicorn import Server

from web.edge.limits import Limits
from web.edge.server import make_server

__all__ = ["Serving", "connect", "exchange", "read_to_end", "served"]

PATIENCE_SECONDS = 60
"""How long a caller waits for an answer on a machine that is busy."""


@dataclass(frozen=True)
class Serving:
    """A server that listens."""

    port: int
    server: Server

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server.server_state.connections)


@contextlib.contextmanager
def served(app: ASGIApp, limits: Limits, *, trusted_proxies: tuple[str, ...] = ()) -> Generator[Serving]:
    """Serve `app` in a thread."""
    server = make_server(app, limits=limits, trusted_proxies=trusted_proxies)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Serving(listening.getsockname()[1], server)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def connect(port: int) -> socket.socket:
    """A connection that has sent nothing yet."""
    return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)


def read_to_end(caller: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    parts: list[bytes] = []
    with contextlib.suppress(ConnectionResetError):
        while part := caller.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def exchange(port: int, request: bytes) -> bytes:
    """What is answered to `request` on a connection of its own, until it is closed."""
    with connect(port) as caller:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before its end
            caller.sendall(request)
        return read_to_end(caller)
