"""Several clients of one upstream in a process: accounts that are brought up to date at once."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from syncline.clock import ManualClock
from syncline.errors import DeferredError, UnavailableError
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.page import Request
from syncline.model.upstream import Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
DATA = Request(path="data")


class Crowd:
    """A server that answers once `full` requests are under way, and notes how many were at most.

    Attributes:
        connections: the client's ends of the connections that requests came by.
        came: a request has come.
        is_full: all requests are answered from now on.
    """

    def __init__(self, full: int) -> None:
        self.most = 0
        self.connections = set[object]()
        self._under_way = 0
        self._full = full
        self.is_full = asyncio.Event()
        self.came = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self._under_way += 1
        self.came.set()
        self.most = max(self.most, self._under_way)
        if self._under_way >= self._full:
            self.is_full.set()
        await self.is_full.wait()
        await asyncio.sleep(0)
        self._under_way -= 1
        return web.json_response([])


def test_all_clients_together_keep_to_what_the_upstream_bears(serve: Serve, connect: Connect) -> None:
    """Eight accounts that each keep to 3 would be 24 connections at once, and a ban."""
    crowd = Crowd(full=3)

    async def account(url: str) -> None:
        async with connect(url, max_in_flight=3) as client:
            await asyncio.gather(*(client.send(DATA) for _ in range(5)))

    async def scenario() -> None:
        async with serve(data=crowd.answer) as url:
            await asyncio.gather(*(account(url) for _ in range(8)))

    asyncio.run(scenario())
    assert crowd.most == 3


def test_another_upstream_has_room_of_its_own(serve: Serve, connect: Connect) -> None:
    """A slow upstream does not delay the sources of others."""
    crowd = Crowd(full=4)

    async def scenario() -> None:
        async with (
            serve(data=crowd.answer) as url,
            serve(data=crowd.answer) as other,
            connect(url, max_in_flight=2) as one,
            connect(other, max_in_flight=2) as two,
        ):
            await asyncio.gather(*(client.send(DATA) for client in (one, two) for _ in range(2)))

    asyncio.run(scenario())
    assert crowd.most == 4


def test_clients_share_connections_while_one_is_open(serve: Serve, connect: Connect) -> None:
    """A drain of 1,000 accounts that opens a client for each would shake hands 1,000 times."""
    crowd = Crowd(full=1)

    async def one(url: str) -> None:
        async with connect(url) as client:
            await client.send(DATA)

    async def scenario() -> list[int]:
        async with serve(data=crowd.answer) as url:
            async with connect(url) as kept:
                await kept.send(DATA)
                for _ in range(5):
                    await one(url)
            together = len(crowd.connections)
            await one(url)
            return [together, len(crowd.connections)]

    assert asyncio.run(scenario()) == [1, 2]


def test_the_last_client_closes_the_connections(connect: Connect) -> None:
    """What stays open is a leak of descriptors in a worker that runs for weeks."""

    async def scenario() -> None:
        closed = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readline():
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            closed.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            async with connect(url) as second:
                async with connect(url) as first:
                    await first.send(DATA)
                await second.send(DATA)
                assert not closed.is_set()
            await asyncio.wait_for(closed.wait(), 60)

    asyncio.run(scenario())


def test_each_event_loop_has_connections_of_its_own(serve: Serve, connect: Connect) -> None:
    """A connection that was opened in one loop cannot be awaited in another."""

    async def scenario() -> int:
        async with serve(data=Crowd(full=1).answer) as url, connect(url) as client:
            return (await client.send(DATA)).status_code

    assert [asyncio.run(scenario()) for _ in range(3)] == [200] * 3


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate, and behind it the key, of a server on 127.0.0.1 that signs for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of our own")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "authority.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
    return path


def test_authorities_are_read_once_and_anew_where_others_are_named(
    connect: Connect, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them takes 30 ms of processor time, which 1,000 accounts would pay one by one."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority)

    async def answer(request: web.BaseRequest) -> web.Response:
        del request
        return web.json_response([])

    async def one(url: str) -> int:
        async with connect(url) as client:
            return (await client.send(DATA)).status_code

    async def scenario() -> None:
        runner = web.ServerRunner(web.Server(answer), shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        try:
            with pytest.raises(UnavailableError, match="certificate"):
                await one(url)
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
            assert await one(url) == 200
            await asyncio.to_thread(authority.unlink)
            assert await one(url) == 200
        finally:
            await runner.cleanup()

    asyncio.run(scenario())


X = Upstream(
    name="x",
    max_in_flight=1,
    budgets=(Budget(name="mentions", policy=SlidingWindow(limit=1, period_seconds=60), paths="/mentions$"),),
)


@dataclass(kw_only=True)
class Account:
    """An account whose requests wait until `freed`, for a hold or for a budget; `waits` is set when one does."""

    store: Store
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    waits: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float = 0) -> None:
        del seconds
        self.waits.set()
        await self.freed.wait()

    def client(self, url: str, *, is_held: bool = False) -> UpstreamClient:
        budget = RequestBudget(
            gate=Budgets(self.store),
            patience_seconds=600,
            sleep=self.wait,
            for_holds=self.wait if is_held else None,
        )
        settings = Settings(upstreams={"x": UpstreamSettings(base_url=url)})
        return UpstreamClient(X, settings, clock=self.store.clock, budget=budget)


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "out of budget"])
def test_an_account_that_waits_takes_no_place_from_others(
    serve: Serve, sqlite_store: Store, clock: ManualClock, *, is_held: bool
) -> None:
    """One user's hold, or spent quota, is nothing to all the others of the upstream."""

    async def scenario() -> None:
        waiting, free = Account(store=sqlite_store), Account(store=sqlite_store)
        crowd = Crowd(full=1)
        async with (
            serve(mentions=crowd.answer, data=crowd.answer) as url,
            waiting.client(url, is_held=is_held) as one,
            free.client(url) as other,
        ):
            if not is_held:
                await other.send(Request(path="mentions"))
            stuck = asyncio.create_task(one.send(Request(path="mentions")))
            await waiting.waits.wait()
            assert (await asyncio.wait_for(other.send(DATA), 60)).status_code == 200
            assert not stuck.done()
            clock.advance(seconds=61)
            waiting.freed.set()
            assert (await stuck).status_code == 200

    asyncio.run(scenario())


def test_a_hold_that_is_placed_while_a_request_waits_for_its_place_stops_it(serve: Serve, sqlite_store: Store) -> None:
    """A hold stops requests at once, also those that are next in line."""

    async def scenario() -> None:
        crowd, holds = Crowd(full=2), list[str]()

        async def for_holds() -> None:
            if holds:
                raise DeferredError(holds[0], retry_at=None)

        async with serve(data=crowd.answer) as url:
            given = Settings(upstreams={"x": UpstreamSettings(base_url=url)})
            budget = RequestBudget(gate=Budgets(sqlite_store), for_holds=for_holds)
            clock = sqlite_store.clock
            async with (
                UpstreamClient(X, given, clock=clock, budget=budget) as held,
                Account(store=sqlite_store).client(url) as other,
            ):
                first = asyncio.create_task(other.send(DATA))
                await crowd.came.wait()
                second = asyncio.create_task(held.send(DATA))
                await asyncio.sleep(0)
                holds.append("paused")
                crowd.is_full.set()
                await first
                with pytest.raises(DeferredError, match="paused"):
                    await second

    asyncio.run(scenario())
