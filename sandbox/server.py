import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread

from aiohttp import web

from sandbox.app import build_app
from sandbox.clock import Clock, utc_now
from sandbox.erp.api import ErpApi
from sandbox.erp.world import Erp
from sandbox.evm.api import EvmApi
from sandbox.evm.world import Evm
from sandbox.fault_book import FaultBook
from sandbox.feeds.api import FeedsApi
from sandbox.feeds.world import Feeds
from sandbox.inbox.api import InboxApi
from sandbox.inbox.inbox import Inbox
from sandbox.prices.api import PricesApi
from sandbox.prices.world import Prices
from sandbox.requests_log import RequestLog
from sandbox.x.api import XApi
from sandbox.x.world import X

HOST = "127.0.0.1"
ERP_TOKEN = "sandbox-erp-token"  # noqa: S105 - opens a simulation only, and is meant to be known
X_TOKEN = "sandbox-x-token"  # noqa: S105 - the same
INBOX_SECRET = "whsec_c2FuZGJveC1pbmJveC1zZWNyZXQ="  # noqa: S105 - the same
PLACES = {
    "ERP": "erp",
    "feeds": "feeds",
    "X": "x",
    "chains": "evm",
    "prices": "coingecko",
    "more prices": "llama",
    "inbox": "inbox",
    "knobs": "sandbox",
}
"""Where each world is."""
OUTAGE = {"path": "/feeds/sponsored/*", "code": 503, "count": 5}
"""A spell of bad weather at the start: as many failures as open a breaker, at the feed that is asked most often."""
PATIENCE_SECONDS = 30
"""How long a start or an end of the server in the thread may take."""

log = logging.getLogger("sandbox")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A sandbox that is being served; its data may be read and changed from any thread."""

    url: str
    """Where it listens, without a slash at the end."""
    token: str = field(repr=False)
    """The ERP's bearer token."""
    x_token: str = field(repr=False)
    """X's bearer token."""
    erp: Erp
    feeds: Feeds
    x: X
    evm: Evm
    prices: Prices
    inbox: Inbox
    faults: FaultBook
    requests: RequestLog


@asynccontextmanager
async def opened(
    *,
    seed: int = 7,
    products: int = 250,
    customers: int = 40,
    pools: int = 10_000,
    mentions: int = 400,
    wallets: int = 200,
    change_every_seconds: float = 0,
    port: int = 0,
    erp_token: str = ERP_TOKEN,
    x_token: str = X_TOKEN,
    inbox_secret: str | None = None,
    outage: bool = True,
    clock: Clock = utc_now,
) -> AsyncGenerator[Box]:
    """The sandbox, served by the running event loop; port 0 takes a free one.

    With `outage`, it begins with a spell of bad weather, so that a breaker is seen to open and to recover.

    Raises:
        OSError: the port is in use.
    """
    erp = Erp(seed=seed, products=products, customers=customers, clock=clock)
    feeds = Feeds(seed=seed, pools=pools, clock=clock)
    x, inbox = X(seed=seed, mentions=mentions, clock=clock), Inbox(secret=inbox_secret, clock=clock)
    evm, prices = Evm(seed=seed, wallets=wallets, clock=clock), Prices(seed=seed, clock=clock)
    faults, requests = FaultBook(), RequestLog()
    apis = (
        ErpApi(erp, token=erp_token, change_every_seconds=change_every_seconds),
        FeedsApi(feeds, change_every_seconds=change_every_seconds),
        XApi(x, token=x_token, change_every_seconds=change_every_seconds),
        EvmApi(evm, change_every_seconds=change_every_seconds),
        PricesApi(prices, change_every_seconds=change_every_seconds),
    )
    for api in apis:
        faults.check_with(api.check)
    app = build_app((*apis, InboxApi(inbox)), faults=faults, log=requests, clock=clock)
    if outage:
        faults.add("status", **OUTAGE)
    async with _listening(app, port) as url:
        yield Box(
            url=url,
            token=erp_token,
            x_token=x_token,
            erp=erp,
            feeds=feeds,
            x=x,
            evm=evm,
            prices=prices,
            inbox=inbox,
            faults=faults,
            requests=requests,
        )


@asynccontextmanager
async def _listening(app: web.Application, port: int) -> AsyncGenerator[str]:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        url = f"http://{HOST}:{runner.addresses[0][1]}"
        places = ", ".join(f"{name} at {url}/{path}" for name, path in PLACES.items())
        log.info("sandbox listens on %s (%s)", url, places)
        yield url
    finally:
        await runner.cleanup()
        for _ in range(3):
            await asyncio.sleep(0)  # what was closed ends in the next turns of the loop, which may be its last


@contextmanager
def serving(
    *,
    seed: int = 7,
    products: int = 250,
    customers: int = 40,
    pools: int = 300,
    mentions: int = 250,
    wallets: int = 12,
    change_every_seconds: float = 0,
    port: int = 0,
    erp_token: str = ERP_TOKEN,
    x_token: str = X_TOKEN,
    inbox_secret: str | None = None,
    clock: Clock = utc_now,
) -> Generator[Box]:
    """The sandbox, served by a thread of its own until the block ends."""
    opening = opened(
        seed=seed,
        products=products,
        customers=customers,
        pools=pools,
        mentions=mentions,
        wallets=wallets,
        change_every_seconds=change_every_seconds,
        port=port,
        erp_token=erp_token,
        x_token=x_token,
        inbox_secret=inbox_secret,
        outage=False,
        clock=clock,
    )
    with _entered_in_thread(opening) as box:
        yield box


@contextmanager
def _entered_in_thread(opening: AbstractAsyncContextManager[Box]) -> Generator[Box]:
    with _loop_in_thread() as loop:
        box = asyncio.run_coroutine_threadsafe(opening.__aenter__(), loop).result(PATIENCE_SECONDS)
        try:
            yield box
        finally:
            closing = opening.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(closing, loop).result(PATIENCE_SECONDS)


@contextmanager
def _loop_in_thread() -> Generator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_SECONDS)
        loop.close()
