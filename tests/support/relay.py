"""A way to a real server that can be cut, as when the server is away, and mended."""

import contextlib
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["Relay", "relayed"]

_CHUNK_BYTES = 65_536


class Relay:
    """Passes bytes on to the port `target` of this machine, in both directions, from a free port."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._listen()

    def cut(self) -> None:
        """Nobody listens any more, and all connections end."""
        with self._lock:
            _end(self._listener)
            for one in self._open:
                _end(one)
            self._open.clear()

    def mend(self) -> None:
        """The server is back."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            sink.sendall(data)
    _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
    one.close()


@contextmanager
def relayed(target: int) -> Generator[Relay]:
    """A relay to the port `target`, until the block ends."""
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.cut()
