"""Servers that nobody here wrote, started on a free port for the length of a test."""

import os
import socket
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["free_port", "running"]

_START_SECONDS = 120


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], *, ready: str, folder: Path, env: Mapping[str, str] | None = None
) -> Generator[None]:
    """Run `command` in `folder` until the block ends; it listens once it has written a line with `ready`."""
    server = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    listens, over = threading.Event(), threading.Event()

    def read() -> None:
        for line in server.stdout or ():
            said.append(line)
            if ready in line:
                listens.set()
        over.set()
        listens.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert listens.wait(_START_SECONDS), f"{command[0]} does not start: {''.join(said)}"
        assert not over.is_set(), f"{command[0]} ended: {''.join(said)}"
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        reader.join(timeout=20)
        assert server.stdout is not None
        server.stdout.close()
