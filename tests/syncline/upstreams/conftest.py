import asyncio
import socket
import subprocess
import sysconfig
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import respx
from aiohttp import web
from support.exchange import Answer, Arrived, Exchange
from support.loopback import Connect, Serve, box, connect, erp, serve

from syncline.errors import UpstreamError
from syncline.model.page import Request
from syncline.upstreams.client import Received, UpstreamClient

__all__ = ["box", "connect", "erp", "serve"]


@pytest.fixture
def edge() -> Generator[respx.Router]:
    """Stands where the network begins; every route must be asked, and nothing that has none."""
    router = respx.Router(assert_all_mocked=True)
    yield router
    router.assert_all_called()


@pytest.fixture
def arrived() -> Arrived:
    return Arrived()


@pytest.fixture
def exchange(serve: Serve, connect: Connect, arrived: Arrived) -> Exchange:
    """Answers requests by a server on the loopback, and notes what arrives there."""

    def exchanging(answer: Answer, *requests: Request, **given: object) -> list[Received | UpstreamError]:
        async def handle(request: web.Request) -> web.StreamResponse:
            await arrived.note(request)
            return answer(request)

        async def one(client: UpstreamClient, request: Request) -> Received | UpstreamError:
            try:
                return await client.send(request)
            except UpstreamError as error:
                return error

        async def scenario() -> list[Received | UpstreamError]:
            async with serve(data=handle, new=handle) as url, connect(url, **given) as client:
                return [await one(client, request) for request in requests]

        return asyncio.run(scenario())

    return exchanging


@dataclass(frozen=True, kw_only=True)
class PocketBase:
    """A PocketBase with an empty collection `things`."""

    url: str
    api: httpx.Client

    path = "/api/collections/things/records"

    def batch(self, requests: list[dict[str, object]]) -> None:
        """Do several things at once."""
        self.api.post("/api/batch", json={"requests": requests}).raise_for_status()

    def add(self, count: int) -> None:
        """Create so many things, named n0, n1 and so on."""
        bodies = [{"name": f"n{number}", "price": number / 4, "active": True} for number in range(count)]
        for start in range(0, count, 1000):
            batch = bodies[start : start + 1000]
            self.batch([{"method": "POST", "url": self.path, "body": body} for body in batch])


@pytest.fixture
def pocketbase(tmp_path: Path) -> Generator[PocketBase]:
    """A real server of another project."""
    program = str(Path(sysconfig.get_path("scripts")) / "pocketbase")
    place = ["--dir", str(tmp_path / "pb")]
    who = {"identity": "admin@example.org", "password": "only-for-this-test"}
    subprocess.run([program, "superuser", "upsert", *who.values(), *place], check=True, capture_output=True, timeout=60)
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen([program, "serve", "--http", address, *place], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert any("Server started" in line for line in server.stdout)
        with httpx.Client(base_url=f"http://{address}", timeout=60) as api:
            login = api.post("/api/collections/_superusers/auth-with-password", json=who).raise_for_status()
            api.headers["Authorization"] = login.json()["token"]
            batch = {"enabled": True, "maxRequests": 1000, "timeout": 60}
            api.patch("/api/settings", json={"batch": batch}).raise_for_status()
            api.post("/api/collections", json=THINGS).raise_for_status()
            yield PocketBase(url=f"http://{address}", api=api)
    finally:
        server.terminate()
        server.communicate(timeout=30)


THINGS = {
    "name": "things",
    "type": "base",
    "listRule": "",
    "fields": [
        {"name": "name", "type": "text"},
        {"name": "price", "type": "number"},
        {"name": "active", "type": "bool"},
        {"name": "extra", "type": "json"},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ],
}


@pytest.fixture
def gone_port() -> int:
    """A port on which nothing listens."""
    return free_port()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
