"""A hold stops requests at once: before the next one, whatever a run is doing when it is placed."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from support.sources import altered

from flows.products import PRODUCTS
from sandbox import Box
from syncline.errors import DeferredError, UnavailableError
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.page import Ask, Page, Request, Transport
from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.model.upstream import Upstream
from syncline.passes.waiting import Waiting
from syncline.settings import Settings, UpstreamSettings
from syncline.store import holds
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient
from tasks.admit import admit
from tasks.flow import sync_flow
from tasks.pull import pull
from tasks.run import Run


def hold(store: Store, *, ttl_seconds: float | None = None) -> None:
    with store.write() as connection:
        holds.create(
            connection,
            Target("products"),
            reason="order creation",
            created_by="ann",
            now=store.clock.now(),
            ttl_seconds=ttl_seconds,
        )


@dataclass(frozen=True)
class Several:
    """A connector that sends several requests for one page, as those of X and of lists behind lists do."""

    between: Callable[[int], None]
    incremental = False
    shifting = False

    async def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page]:
        del ask
        for number in range(1, 6):
            await transport.send(Request(path="erp/products", params={"page": str(number)}))
            self.between(number)
        yield Page(rows=(), requests=5)


@pytest.mark.parametrize("at", [1, 3])
def test_a_hold_stops_a_page_between_its_requests(instance: Store, box: Box, at: int) -> None:
    """What follows would be asked for minutes after somebody was told that the source is paused."""
    source = altered(PRODUCTS, pages=Several(lambda number: hold(instance) if number == at else None))

    @sync_flow(source)
    async def sync_products() -> Tally:
        await admit(source)
        return await pull(source, Mode.FULL)

    ended = asyncio.run(sync_products.fn())
    assert (ended.name, ended.message) == ("Deferred", "paused: order creation")
    assert box.requests.count() == at


def test_a_hold_stops_the_attempts_after_a_failure(instance: Store, box: Box) -> None:
    """The upstream is down, and the person who works on it has paused the source: no further attempt knocks."""
    box.faults.add("status", path="/erp/products", code=503, count=None)

    async def attempts() -> None:
        async with AsyncExitStack() as stack:
            run = Run(source=PRODUCTS, store=instance, stack=stack, session_id="s")
            client = await run.open_transport()
            with pytest.raises(UnavailableError):
                await client.send(Request(path="erp/products"))
            hold(instance)
            with pytest.raises(DeferredError, match="paused: order creation"):
                await client.send(Request(path="erp/products"))

    asyncio.run(attempts())
    assert box.requests.count() == 1


X = Upstream(name="x", budgets=(Budget(name="all", policy=SlidingWindow(limit=1, period_seconds=900)),))


def held_client(store: Store, sleep: Callable[[float], Awaitable[None]], sent: list[str]) -> UpstreamClient:
    """A client of a run of `products`, whose patience outlasts its budget; `sleep` waits for that."""

    def answered(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        return httpx.Response(200, json=[])

    waiting = Waiting(store=store, source=Source(name="products", upstream=X))
    budget = RequestBudget(gate=Budgets(store), patience_seconds=3600, sleep=sleep, for_holds=waiting.for_holds)
    settings = Settings(upstreams={"x": UpstreamSettings(base_url="http://x.invalid")})
    return UpstreamClient(X, settings, transport=httpx.MockTransport(answered), clock=store.clock, budget=budget)


def test_a_hold_ends_the_wait_for_a_budget(store: Store) -> None:
    """It is noticed while the wait lasts, not a quarter of an hour later, and nothing is sent after it."""
    sent: list[str] = []

    async def without_end(seconds: float) -> None:
        del seconds
        hold(store)
        await asyncio.Event().wait()

    async def ask() -> None:
        async with held_client(store, without_end, sent) as client:
            await client.send(Request(path="one"))
            await client.send(Request(path="two"))

    with pytest.raises(DeferredError, match="paused: order creation") as caught:
        asyncio.run(asyncio.wait_for(ask(), 60))
    assert (sent, caught.value.held) == (["/one"], True)


def test_a_hold_that_comes_as_the_wait_ends_stops_the_request(store: Store) -> None:
    """Between the end of the wait and the request lies the look that counts."""
    sent: list[str] = []

    async def held_at_the_end(seconds: float) -> None:
        del seconds
        hold(store)

    async def ask() -> None:
        async with held_client(store, held_at_the_end, sent) as client:
            await client.send(Request(path="one"))
            await client.send(Request(path="two"))

    with pytest.raises(DeferredError, match="paused: order creation"):
        asyncio.run(ask())
    assert sent == ["/one"]
