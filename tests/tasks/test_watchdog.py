"""A run whose time is over, or whose place another one takes, really ends: also where it is stuck."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import text
from sqlmodel import col, select
from support.runs import products_source
from support.shop import products
from support.sources import altered
from support.upstream import ListPages

import sandbox
from flows.customers import CUSTOMERS
from flows.products import PRODUCTS
from syncline.model.page import Ask, Page, Transport
from syncline.model.policies import Mode, Overlap
from syncline.model.session import Status, SyncSession, Tally
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.store import leases, sessions
from syncline.store.engine import Store
from tasks.admit import admit
from tasks.context import open_store
from tasks.flow import SyncFlow, sync_flow
from tasks.prune import prune
from tasks.pull import pull
from tasks.stopping import RunTimedOutError

PRODUCTS_PATH = "/erp/products"
SOON_SECONDS = 20
"""Sooner than a request's own time limit of 30 s would end it, also on a busy machine."""


def flow_of(source: Source) -> SyncFlow[[]]:
    @sync_flow(source)
    async def sync() -> Tally:
        await admit(source, Mode.INCREMENTAL)
        return await pull(source, Mode.INCREMENTAL) + await prune(source, Mode.FULL)

    return sync


def newest(store: Store, source: str = "products") -> SyncSession:
    with store.read() as connection:
        found = sessions.latest_started(connection, Target(source))
    assert found is not None
    return found


def is_free(store: Store, source: str = "products") -> bool:
    with store.read() as connection:
        lease = leases.holder(connection, Target(source))
    return lease is not None and lease.released_at is not None


def took_seconds(session: SyncSession) -> float:
    assert session.completed_at is not None
    return (session.completed_at - session.started_at).total_seconds()


def eventually(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)  # other threads do it


def test_a_run_that_hangs_in_a_request_fails_in_time_and_the_next_goes_on(instance: Store, box: sandbox.Box) -> None:
    """The request under way is cancelled, the session closed with what was stored, and nothing is fetched twice."""
    hurried = replace(PRODUCTS, timeout_seconds=1.5)
    box.faults.add("page_cap", size=10, count=None)
    box.faults.add("hang", path=PRODUCTS_PATH, skip=2, count=None)
    with pytest.raises(RunTimedOutError, match=r"timeout_seconds=1\.5"):
        asyncio.run(flow_of(hurried).fn())
    failed = newest(instance)
    assert (failed.status, failed.error_type) == (Status.FAILED, "TimeoutError")
    assert failed.error_message == "the run took longer than timeout_seconds=1.5"
    assert failed.items_created == 20
    assert 1.5 <= took_seconds(failed) < 1.5 + SOON_SECONDS
    assert is_free(instance)
    box.faults.clear()
    box.requests.clear()
    asyncio.run(flow_of(hurried).fn())
    assert (newest(instance).status, newest(instance).items_created) == (Status.COMPLETED, 10)
    assert all("page=1&" not in f"{entry.query}&" for entry in box.requests.entries(path=PRODUCTS_PATH))


def test_a_source_whose_upstream_hangs_harms_no_other(instance: Store, box: sandbox.Box) -> None:
    """Both run in one process, on one event loop and one database: the other one does not even become slow."""
    box.faults.add("hang", path=PRODUCTS_PATH, count=None)
    hurried = replace(PRODUCTS, timeout_seconds=2)

    async def both() -> None:
        hangs = asyncio.ensure_future(flow_of(hurried).fn())
        await asyncio.to_thread(eventually, lambda: bool(box.faults.orders()[0].struck))
        await flow_of(CUSTOMERS).fn()
        assert not hangs.done()
        assert newest(instance, "products").status is Status.RUNNING
        with pytest.raises(RunTimedOutError):
            await hangs

    asyncio.run(both())
    assert newest(instance, "customers").status is Status.COMPLETED
    assert newest(instance, "products").status is Status.FAILED


@dataclass(frozen=True, kw_only=True)
class Stubborn:
    """Pages whose code does not let itself be cancelled, until `freed`."""

    freed: threading.Event
    blocks: bool = False
    incremental: bool = False
    shifting: bool = False

    async def __call__(self, transport: Transport, ask: Ask) -> AsyncGenerator[Page]:
        del transport, ask
        while not self.freed.is_set():
            try:
                if self.blocks:
                    self.freed.wait(30)
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        yield Page(rows=())


@pytest.mark.parametrize("blocks", [False, True])
def test_code_that_cannot_be_cancelled_is_left_alone_and_its_session_closed(instance: Store, *, blocks: bool) -> None:
    """Whether it swallows the cancellation or keeps the event loop to itself: the source is free a second later."""
    freed = threading.Event()
    stuck = altered(PRODUCTS, pages=Stubborn(freed=freed, blocks=blocks), updated_field=None, timeout_seconds=0.5)

    def free_when_closed() -> None:
        eventually(lambda: _has_failed(instance) and is_free(instance))
        freed.set()

    watching = threading.Thread(target=free_when_closed)
    watching.start()
    with pytest.raises(RunTimedOutError):
        asyncio.run(flow_of(stuck).fn())
    watching.join(timeout=60)
    failed = newest(instance)
    assert (failed.error_type, failed.items_processed) == ("TimeoutError", 0)
    assert took_seconds(failed) < 0.5 + SOON_SECONDS


def test_a_run_that_waits_for_a_locked_row_is_closed_and_writes_nothing_any_more(
    monkeypatch: pytest.MonkeyPatch, make_postgresql: Callable[[], str], box: sandbox.Box, tmp_path: object
) -> None:
    """Somebody's open transaction must not hold the source; what waits for it finds its session closed."""
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    monkeypatch.setenv("SYNCLINE_DATABASE_URL", make_postgresql())
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__BASE_URL", box.url)
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__TOKEN", box.token)
    store = open_store()
    hurried = replace(PRODUCTS, timeout_seconds=1)
    with store.engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE products IN ACCESS EXCLUSIVE MODE"))
        ended = threading.Thread(target=_fails, args=(hurried,))
        ended.start()
        eventually(lambda: _has_failed(store))
        assert took_seconds(newest(store)) < 1 + SOON_SECONDS
        assert is_free(store)
    ended.join(timeout=60)
    assert not ended.is_alive()
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM products")).scalar() == 0
    store.close()


def _fails(source: Source) -> None:
    with pytest.raises(RunTimedOutError):
        asyncio.run(flow_of(source).fn())


def _has_failed(store: Store) -> bool:
    with store.read() as connection:
        statuses = connection.execute(select(col(SyncSession.status))).scalars().all()
    return statuses == [Status.FAILED]


def test_a_run_that_hangs_makes_room_for_the_one_that_takes_its_place(instance: Store, box: sandbox.Box) -> None:
    """It is asked to end, hears of it though it is stuck in a request, and is on record as cancelled with its pages."""
    replacing = replace(PRODUCTS, overlap=Overlap.CANCEL_RUNNING)
    box.faults.add("page_cap", size=10, count=None)
    box.faults.add("hang", path=PRODUCTS_PATH, skip=2, count=1)

    async def both() -> tuple[str | None, str | None]:
        first = asyncio.ensure_future(flow_of(replacing).fn())
        await asyncio.to_thread(eventually, lambda: bool(box.faults.orders()[1].struck))
        old = newest(instance).id
        box.requests.clear()
        second = await flow_of(replacing).fn()
        ended = await first
        with instance.read() as connection:
            found = sessions.find(connection, old)
        assert found is not None
        assert (found.status, found.items_created) == (Status.CANCELLED, 20)
        assert found.reason == f"overlap: session {newest(instance).id} took its place"
        assert found.completed_at is not None
        assert found.completed_at <= newest(instance).started_at
        assert ended.message == found.reason
        return ended.name, second.name

    assert asyncio.run(both()) == ("Cancelled", "Completed")
    assert newest(instance).items_created == 10


def test_a_run_that_pulls_hears_at_its_next_page_that_another_one_takes_its_place(instance: Store) -> None:
    """The commit that is under way is the last one, of some 5 pages; the thread that looks each second is slower."""
    pages = ListPages(rows=products(range(1, 12_001)), page_size=1_000)
    replacing = replace(products_source(pages), overlap=Overlap.CANCEL_RUNNING)

    def ask_to_end() -> None:
        with instance.write() as connection:
            leases.ask_to_end(connection, Target("products"), newest(instance).id, by="products-sync-2")

    pages.before(2, ask_to_end)
    state = asyncio.run(flow_of(replacing).fn())
    assert (state.name, state.message) == ("Cancelled", "overlap: session products-sync-2 took its place")
    assert newest(instance).pages_processed < 12
