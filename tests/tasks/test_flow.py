import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from support.sources import altered

import sandbox
from flows.products import PRODUCTS, sync_products
from syncline import results
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.errors import RefusedError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Tally, Trigger
from syncline.model.target import Target
from syncline.store import holds, sessions
from syncline.store.engine import Store
from tasks.admit import admit as admit_run
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull, pull_task
from tasks.run import Run, entered


def _newest(store: Store) -> SyncSession:
    with store.read() as connection:
        newest = sessions.latest_started(connection, Target("products"))
    assert newest is not None
    return newest


def test_a_flow_brings_its_table_in_step_and_says_how_much_it_did(instance: Store) -> None:
    """This is the product: one call, everything there, and a record of it."""
    state = asyncio.run(sync_products.fn())
    assert (state.name, state.message) == ("Completed", "1 pages, 30 items: 30 created")
    assert state.data == Tally(pages=1, processed=30, created=30, requests=1)
    session = _newest(instance)
    assert (session.status, session.mode, session.items_created) == (Status.COMPLETED, Mode.FULL, 30)


def test_a_second_run_finds_what_changed_and_leaves_the_rest_alone(instance: Store, box: sandbox.Box) -> None:
    """A cursor that was not kept would make every run a full one."""
    asyncio.run(sync_products.fn())
    box.erp.change("products", create=2, update=3)
    state = asyncio.run(sync_products.fn())
    assert isinstance(state.data, Tally)
    assert (state.data.created, state.data.updated, state.data.deleted) == (2, 3, 0)
    assert _newest(instance).mode is Mode.INCREMENTAL


def test_a_full_run_deletes_what_is_gone_upstream(instance: Store, box: sandbox.Box) -> None:
    """Only a full pass can find deletions, and the sentence ends with them."""
    asyncio.run(sync_products.fn())
    box.erp.change("products", delete=2)
    state = asyncio.run(sync_products.fn(Mode.FULL))
    assert isinstance(state.data, Tally)
    assert state.data.deleted == 2


LOST = altered(PRODUCTS, fields={"brand": "maker"})
"""As if the upstream no longer sent the brand."""


@sync_flow(LOST)
async def sync_lost() -> Tally:
    await admit_run(LOST, Mode.FULL)
    return await pull(LOST, Mode.FULL) + await prune(LOST, Mode.FULL)


def test_a_column_that_vanishes_upstream_stays_until_it_is_forced(instance: Store) -> None:
    """The run is partial and says what to do; doing that empties the column."""

    def brands() -> int:
        with instance.read() as connection:
            return connection.exec_driver_sql("SELECT count(brand) FROM products").scalar() or 0

    asyncio.run(sync_products.fn(Mode.FULL))
    state = asyncio.run(sync_lost.fn())
    assert (state.name, brands()) == ("Partial", 30)
    assert "brand: no item has a value any more" in (state.message or "")

    async def forced() -> None:
        async with AsyncExitStack() as stack:
            admission = admit(instance, LOST, DueRun(trigger=Trigger.MANUAL, mode=Mode.FULL))
            run = Run(source=LOST, store=instance, stack=stack, session_id=admission.session_id)
            with entered(run):
                await pull_task.fn(LOST, Mode.FULL, force=True)

    asyncio.run(forced())
    assert brands() == 0


def test_a_paused_source_is_skipped_with_the_reason(instance: Store, box: sandbox.Box) -> None:
    """A hold must neither fail a run nor let it call the upstream."""
    with instance.write() as connection:
        now = instance.clock.now()
        holds.create(connection, Target("products"), reason="stocktaking", created_by="test", now=now, ttl_seconds=60)
    state = asyncio.run(sync_products.fn())
    assert (state.name, state.message) == ("Skipped", "paused: stocktaking")
    assert state.is_completed()
    assert not box.requests.entries()


def test_a_second_run_beside_a_first_is_skipped_and_names_it(instance: Store) -> None:
    """Two runs of one source would fetch everything twice."""
    first = admit(instance, PRODUCTS, DueRun(trigger=Trigger.MANUAL))
    state = asyncio.run(sync_products.fn())
    assert state.name == "Skipped"
    assert state.message is not None
    assert first.session_id in state.message


def test_a_hold_that_comes_while_it_runs_defers_it(instance: Store, box: sandbox.Box) -> None:
    """What was stored stays, and the record says when it may go on."""
    box.faults.add("page_cap", size=5, count=None)
    box.faults.add("latency", seconds=0.05, count=None)

    def hold_when_it_asks() -> None:
        while not box.requests.entries():  # the run asks within milliseconds
            continue
        with instance.write() as connection:
            now = instance.clock.now()
            holds.create(connection, Target("products"), reason="order", created_by="test", now=now, ttl_seconds=600)

    with ThreadPoolExecutor(1) as other:
        held = other.submit(hold_when_it_asks)
        state = asyncio.run(sync_products.fn())
        held.result(timeout=10)
    assert state.name == "Deferred"
    session = _newest(instance)
    assert (session.status, session.reason, session.held) == (Status.DEFERRED, "paused: order", True)
    assert session.retry_at is not None


def test_rejected_rows_make_the_run_partial(instance: Store, box: sandbox.Box) -> None:
    """The rest must land, and the run must not look as if all was well."""
    box.faults.add("bad_rows", count=None)
    state = asyncio.run(sync_products.fn())
    assert state.name == "Partial"
    assert "rejected" in (state.message or "")
    assert _newest(instance).status is Status.PARTIAL


def test_refused_credentials_fail_the_run_with_their_reason(instance: Store, box: sandbox.Box) -> None:
    """A 401 is no passing weather; its message says what to mend."""
    box.faults.add("unauthorized", code=401)
    with pytest.raises(RefusedError):
        asyncio.run(sync_products.fn())
    assert _newest(instance).status is Status.RUNNING


def test_a_run_tells_the_subscribers_of_its_source(instance: Store) -> None:
    """Also where the flow came by pickle, so that its module was never loaded in this process."""
    told: list[tuple[Status, int]] = []

    def hear(session: SyncSession) -> None:
        told.append((session.status, session.items_created))

    source = replace(PRODUCTS, on_result=(hear,))

    @sync_flow(source)
    async def sync(mode: Mode = Mode.INCREMENTAL) -> Tally:
        await admit_run(source, mode)
        return await pull(source, mode)

    results.register_callbacks(PRODUCTS)
    try:
        asyncio.run(sync.fn())
    finally:
        results.register_callbacks(PRODUCTS)
    assert told == [(Status.COMPLETED, 30)]
