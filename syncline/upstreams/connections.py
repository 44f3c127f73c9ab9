"""The connections to an upstream, and how many requests may be under way on them.

All clients of a process share one pool, on aiohttp's sockets behind httpx's API: aiohttp reads big bodies several times
faster than httpx's own sockets do.
"""

import asyncio
import os
import ssl
from functools import cache
from types import TracebackType
from typing import TypeAlias
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from syncline.model.upstream import Upstream

__all__ = ["BoundedTransport", "Connections", "InFlight"]

_READ_BUFFER_BYTES = 1 << 18
_KEPT_OPEN_SECONDS = 4.0
"""Common servers close an idle connection after 5 s; one that they close as we use it costs an attempt."""
_LONGEST_HEADER_BYTES = 1 << 16
"""Link headers and cursors outgrow aiohttp's 8 KiB."""


class _Pool:
    """What all clients of an upstream share while one of them is open.

    Attributes:
        room: bounds how many requests are under way.
        clients: how many use it.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, most: int) -> None:
        self.transport = transport
        self.room = asyncio.Semaphore(most)
        self.clients = 0


_Key: TypeAlias = tuple[str, str, int]
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, _Pool]] = WeakKeyDictionary()
"""By event loop, because a connection belongs to the loop that opened it."""


class Connections(httpx.AsyncBaseTransport):
    """One client's part in the pool of its upstream; the pool is closed with the last client that uses it.

    Clients that are opened one after the other find the pool open while another client is: a drain keeps one.
    """

    def __init__(
        self, upstream: Upstream, base_url: httpx.URL, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Connect to `upstream` at `base_url`; `transport` replaces the network, and is not shared."""
        self._key = (upstream.name, str(base_url), upstream.max_in_flight)
        self._base_url = base_url
        self._pool: _Pool | None = None
        self._own = None if transport is None else _Pool(transport, upstream.max_in_flight)

    def join(self) -> _Pool:
        """Keep the pool open until `aclose`; a request joins as well. Needs an event loop."""
        if self._pool is None:
            self._pool = self._own or self._shared()
            self._pool.clients += 1
        return self._pool

    @property
    def room(self) -> asyncio.Semaphore:
        """Bounds how many requests this process has under way at the upstream."""
        return self.join().room

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` by one of the connections."""
        return await self.join().transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Leave the pool, and close it with the last client."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.clients -= 1
        if pool.clients == 0:
            if pool is not self._own:
                del _pools[asyncio.get_running_loop()][self._key]
            await pool.transport.aclose()

    def _shared(self) -> _Pool:
        pools = _pools.setdefault(asyncio.get_running_loop(), {})
        if self._key not in pools:
            most = self._key[2]
            pools[self._key] = _Pool(_open_transport(self._base_url, connections=most), most)
        return pools[self._key]


class BoundedTransport(httpx.AsyncBaseTransport):
    """Keeps to the room of the connections if no budget does."""

    def __init__(self, inner: httpx.AsyncBaseTransport, connections: Connections) -> None:
        """Send by `inner`, which ends in these `connections`."""
        self._inner = inner
        self._connections = connections

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` when there is room."""
        async with self._connections.room:
            return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _open_transport(base_url: httpx.URL, *, connections: int) -> httpx.AsyncBaseTransport:
    """A transport to `base_url` with as many `connections`, by the proxy that the environment names.

    aiohttp's own `trust_env` would also read ~/.netrc, and then refuse our Authorization header. Where the base URL is
    not secure, an answer may still redirect to TLS: aiohttp then verifies by the authorities that it has read already.
    """
    secure = base_url.scheme == "https"
    context = _verifying() if secure else httpx.create_ssl_context(verify=False)
    proxy = None if proxy_bypass(base_url.host) else getproxies().get(base_url.scheme)

    def session() -> aiohttp.ClientSession:
        made = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, ssl=context if secure else True, keepalive_timeout=_KEPT_OPEN_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER_BYTES,
            max_line_size=_LONGEST_HEADER_BYTES,
            max_field_size=_LONGEST_HEADER_BYTES,
        )
        made._retry_connection = False  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the only way to switch it off; no budget has paid for what it sends again
        return made

    return AiohttpTransport(verify=context, client=session, proxy=None if proxy is None else httpx.Proxy(proxy))


def _verifying() -> ssl.SSLContext:
    """A TLS context that trusts the authorities that the environment names, or the usual ones."""
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """One for each choice of authorities: reading all of them takes 30 ms, and the context serves any host."""
    del file, folder  # httpx reads them from the environment
    return httpx.create_ssl_context()


class InFlight:
    """Additive increase, multiplicative decrease (Chiu and Jain, 1989), as in TCP.

    Attributes:
        allowed: how many may be under way now, 1 to `most`; a fraction is on its way to the next whole one.
    """

    def __init__(self, most: int) -> None:
        """Begin with `most`, which is never exceeded."""
        self.allowed = float(most)
        self._most = most
        self._busy = 0
        self._room = asyncio.Event()

    def refused(self) -> None:
        """Halve the number, because the upstream asked to slow down; call it once for each burst of refusals."""
        self.allowed = max(1.0, self.allowed / 2)

    def went_well(self) -> None:
        """Count an answer: as many as are allowed raise the number by one."""
        self.allowed = min(float(self._most), self.allowed + 1 / self.allowed)

    async def __aenter__(self) -> None:
        """Wait until there is room for one more."""
        while self._busy >= int(self.allowed):
            self._room.clear()
            await self._room.wait()
        self._busy += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make room."""
        self._busy -= 1
        self._room.set()
