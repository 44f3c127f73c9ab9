"""Programs in a terminal of their own, as a user who has never started one sees them; and who they would speak to."""

import os
import pty
import select
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Listener", "Terminal", "fresh_env", "listening", "terminal"]


@dataclass
class Listener:
    """Takes connections, and notes what each says first; as a proxy it sees whom a program would speak to."""

    port: int
    heard: list[bytes] = field(default_factory=list[bytes])


@contextmanager
def listening() -> Generator[Listener]:
    """A listener on a free port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        listener = Listener(int(server.getsockname()[1]))
        over = threading.Event()
        thread = threading.Thread(target=_listen, args=(server, listener, over))
        thread.start()
        try:
            yield listener
        finally:
            over.set()
            thread.join()


def _listen(server: socket.socket, listener: Listener, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.settimeout(5)
                listener.heard.append(connection.recv(200))


def fresh_env(folder: Path, proxy: Listener, **more: str) -> dict[str, str]:
    """The environment of a user without a past: an empty home and temporary folder, and a proxy on the way out.

    Nothing of the test's own environment that concerns Prefect, Syncline or CI is left: CI would keep Prefect quiet.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    for name in ("user", "tmp", "work"):
        (folder / name).mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{proxy.port}"
    ways_out = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), url)
    return {
        **kept,
        **ways_out,
        "NO_PROXY": "127.0.0.1,localhost,127.0.0.2",
        "no_proxy": "127.0.0.1,localhost,127.0.0.2",
        "HOME": str(folder / "user"),
        "TMPDIR": str(folder / "tmp"),
        "SYNCLINE_HOME": str(folder / "state"),
        "TERM": "xterm",
        **more,
    }


@dataclass
class Terminal:
    """A program in a terminal."""

    process: subprocess.Popen[bytes]
    said: bytearray

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.said.decode("utf-8", "replace")

    def wait_for(self, text: str, *, seconds: float = 300) -> None:
        """Wait until it has said `text`."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < deadline, f"{text!r} was not said: {self.text}"
            assert self.process.poll() is None or text in self.text, f"it ended: {self.text}"
            time.sleep(0.1)


@contextmanager
def terminal(command: Sequence[str], *, env: Mapping[str, str], folder: Path) -> Generator[Terminal]:
    """Run `command` in a terminal, in `folder`; it is ended with the block."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, env=dict(env), cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    found = Terminal(process=process, said=bytearray())
    over = threading.Event()
    reader = threading.Thread(target=_read, args=(ours, found.said, over))
    reader.start()
    try:
        yield found
    finally:
        process.terminate()
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        over.set()
        reader.join()
        os.close(ours)


def _read(descriptor: int, said: bytearray, over: threading.Event) -> None:
    while True:
        readable, _, _ = select.select([descriptor], [], [], 0.1)
        try:
            if readable:
                said += os.read(descriptor, 65_536)
            elif over.is_set():
                return
        except OSError:  # Linux says so when the last process has closed the terminal
            return
