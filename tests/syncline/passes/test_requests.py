"""What a session says it sent is what the upstream got."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

import httpx
import msgspec
import pytest
from support.runs import products_source
from support.shop import products, raw
from support.sources import altered
from support.upstream import ListPages

from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.errors import SynclineError, UnavailableError
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.page import Ask, Page, Request, Transport
from syncline.model.policies import Mode
from syncline.model.session import Tally, Trigger
from syncline.model.upstream import Upstream
from syncline.passes.pull import pull
from syncline.passes.requests import counted
from syncline.settings import Settings, UpstreamSettings
from syncline.store import sessions
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import PageNumber
from syncline.upstreams.rest import RestPages

SETTINGS = Settings(upstreams={"shop": UpstreamSettings(base_url="https://shop.example")})
SHOP = Upstream(name="shop")
PAGES = RestPages(path="/products", paging=PageNumber(page_size=10), ahead=1)
PRODUCTS = altered(products_source(ListPages()), upstream=SHOP, pages=PAGES)
ROWS = products(range(1, 26))


def page(request: httpx.Request) -> httpx.Response:
    number = int(request.url.params.get("page", "1"))
    body = b"[" + b",".join(raw(row) for row in ROWS[10 * number - 10 : 10 * number]) + b"]"
    return httpx.Response(200, content=body, headers={"Content-Type": "application/json"}, request=request)


class Got:
    """What the upstream got."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.requests = 0
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return self._answer(request)


def recorded(store: Store, session_id: str) -> int:
    with store.read() as connection:
        return sessions.requests_of(connection, session_id)


def attempt(
    store: Store, session_id: str, got: Got, *, upstream: Upstream = SHOP, times: int = 1
) -> Tally | SynclineError:
    """So many attempts at one session over one client, as its flow makes them; what came of the last."""

    async def pulled() -> Tally | SynclineError:
        budget = RequestBudget(gate=Budgets(store), patience_seconds=0)
        source, transport = replace(PRODUCTS, upstream=upstream), httpx.MockTransport(got)
        async with UpstreamClient(upstream, SETTINGS, transport=transport, budget=budget) as client:
            outcome: Tally | SynclineError = Tally()
            for _ in range(times):
                try:
                    outcome = await pull(store, source, client, session_id, mode=Mode.FULL)
                except SynclineError as error:
                    outcome = error
            assert client.requests == got.requests
            return outcome

    return asyncio.run(pulled())


@pytest.fixture
def session_id(store: Store) -> str:
    return admit(store, PRODUCTS, DueRun(trigger=Trigger.MANUAL)).session_id


def test_a_pull_that_ends_well_counts_each_request_once(store: Store, session_id: str) -> None:
    """Pages count their requests as they are stored; what is added at the end is only what they do not know of."""
    got = Got(page)
    done = attempt(store, session_id, got)
    assert isinstance(done, Tally)
    assert (got.requests, recorded(store, session_id), done.requests) == (got.requests,) * 3
    assert got.requests >= 3


def test_requests_that_failed_are_counted(store: Store, session_id: str) -> None:
    """0 was on record where the upstream got five."""
    got = Got(lambda request: httpx.Response(500, request=request))
    failed = attempt(store, session_id, got, times=5)
    assert isinstance(failed, UnavailableError)
    assert (got.requests, recorded(store, session_id)) == (5, 5)


def test_a_failure_behind_stored_pages_is_counted_beside_them(store: Store, session_id: str) -> None:
    """Two pages were stored, the third failed twice, then all went on."""
    answers = 0

    def third_fails(request: httpx.Request) -> httpx.Response:
        nonlocal answers
        answers += 1
        return httpx.Response(503, request=request) if answers in {3, 4} else page(request)

    got = Got(third_fails)
    done = attempt(store, session_id, got, times=3)
    assert isinstance(done, Tally)
    assert recorded(store, session_id) == got.requests


def test_redirects_are_counted(store: Store, session_id: str) -> None:
    """The upstream counts them."""

    def moved(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/products":
            there = request.url.copy_with(path="/products/")
            return httpx.Response(308, headers={"Location": str(there)}, request=request)
        return page(request)

    got = Got(moved)
    done = attempt(store, session_id, got)
    assert isinstance(done, Tally)
    assert recorded(store, session_id) == done.requests == got.requests
    assert got.requests >= 6


def test_a_request_that_waited_in_vain_for_its_budget_was_not_sent(store: Store, session_id: str) -> None:
    """It never left; the session must not say that it did."""
    tight = replace(SHOP, budgets=(Budget(policy=SlidingWindow(limit=2, period_seconds=3600)),))
    got = Got(page)
    attempt(store, session_id, got, upstream=tight)
    assert (got.requests, recorded(store, session_id)) == (2, 2)


def test_an_attempt_that_is_cancelled_is_counted(store: Store, session_id: str) -> None:
    """A timeout ends it somewhere; what was sent was sent."""

    async def hangs(request: httpx.Request) -> httpx.Response:
        sent.set()
        await asyncio.Event().wait()
        raise AssertionError(request)

    async def cancelled() -> None:
        async with UpstreamClient(SHOP, SETTINGS, transport=httpx.MockTransport(hangs)) as client:
            work = asyncio.create_task(pull(store, PRODUCTS, client, session_id, mode=Mode.FULL))
            await sent.wait()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    sent = asyncio.Event()
    asyncio.run(cancelled())
    assert recorded(store, session_id) == 1


def test_counting_within_counting_counts_once(store: Store, session_id: str) -> None:
    """The library counts, and so does the task around it."""

    class Transport:
        requests = 0

    transport = Transport()
    with counted(store, session_id, transport), counted(store, session_id, transport):
        transport.requests += 4
    assert recorded(store, session_id) == 4


def test_pages_that_came_in_one_answer_are_one_request(store: Store, session_id: str) -> None:
    """A user's connector may split an answer; each of its pages then counts one request unless it says otherwise."""

    async def halves(transport: Transport, ask: Ask) -> AsyncGenerator[Page]:
        del ask
        rows = msgspec.json.decode((await transport.send(Request(path="/products"))).content, type=list[msgspec.Raw])
        yield Page(rows=[bytes(row) for row in rows[:5]], resume="half")
        yield Page(rows=[bytes(row) for row in rows[5:]])

    @dataclass(frozen=True)
    class Halves:
        incremental: bool = False
        shifting: bool = False

        def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page]:
            return halves(transport, ask)

    async def pulled() -> Tally:
        async with UpstreamClient(SHOP, SETTINGS, transport=httpx.MockTransport(page)) as client:
            return await pull(store, altered(PRODUCTS, pages=Halves()), client, session_id, mode=Mode.FULL)

    done = asyncio.run(pulled())
    assert (done.pages, done.requests, recorded(store, session_id)) == (2, 1, 1)
