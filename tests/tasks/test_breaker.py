"""The tasks are the breaker's eyes: each attempt counts, and an open breaker ends the attempts."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.sources import altered

from flows.products import PRODUCTS
from sandbox import Box
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.clock import ManualClock
from syncline.errors import MostlyRejectedError, UnavailableError
from syncline.model.policies import BreakerPolicy, Mode
from syncline.model.session import Tally, Trigger
from syncline.resilience.breaker import BreakerState, Outcome
from syncline.store import rejects
from syncline.store.breakers import Breakers, Change, Permit, Refused
from syncline.store.engine import Store
from tasks.admit import admit as admit_run
from tasks.breaker import breaker_event, note_outcome, pass_breaker, report_outcome
from tasks.early_end import EndRun
from tasks.flow import sync_flow
from tasks.prune import prune
from tasks.pull import pull, pull_task
from tasks.run import Run, entered, has_opened_breaker


async def attempts(store: Store, times: int) -> Run:
    """A run that was let through and pulls `times` times."""
    async with AsyncExitStack() as stack:
        admission = admit(store, PRODUCTS, DueRun(trigger=Trigger.MANUAL))
        run = Run(source=PRODUCTS, store=store, stack=stack, session_id=admission.session_id)
        pass_breaker(run)
        with entered(run):
            for _ in range(times):
                with pytest.raises(UnavailableError):
                    await pull_task.fn(PRODUCTS, Mode.FULL)
        return run


def test_each_attempt_that_finds_the_upstream_down_counts(instance: Store, box: Box) -> None:
    """Five requests to an upstream that is down are enough, over all runs; the fifth opens the breaker."""
    box.faults.add("status", path="/erp/products", code=503, count=None)
    run = asyncio.run(attempts(instance, 4))
    assert (Breakers(instance).state(PRODUCTS).failures, run.opened_breaker) == (4, False)
    note_outcome(run, UnavailableError("down", upstream="erp"))
    assert run.opened_breaker
    assert Breakers(instance).state(PRODUCTS).state is BreakerState.OPEN
    with entered(run):
        assert has_opened_breaker()


def test_a_run_without_a_permit_is_skipped(instance: Store) -> None:
    """Where the breaker opened between the look at the door and the run."""
    run = Run(source=PRODUCTS, store=instance, stack=AsyncExitStack())
    Breakers(instance).force_open("products", "ann")
    with pytest.raises(EndRun, match="held open until `syncline breaker reset products`"):
        pass_breaker(run)


PROBED = replace(PRODUCTS, breaker=BreakerPolicy(failures=1, reset_after_seconds=0, half_open_probes=1))
"""Its breaker opens with the first failure, and lets one probe through at once."""


@sync_flow(PROBED)
async def probe() -> Tally:
    await admit_run(PROBED)
    return await pull(PROBED, Mode.FULL)


def trip(store: Store) -> None:
    permit = Breakers(store).admit(PROBED)
    assert isinstance(permit, Permit)
    Breakers(store).record(permit, Outcome.FAILURE)


def until_struck(box: Box) -> None:
    deadline = time.monotonic() + 20
    while not box.faults.orders()[0].struck:
        assert time.monotonic() < deadline, "the upstream was not asked"
        time.sleep(0.02)  # the sandbox has a thread of its own


def test_a_probe_that_is_cancelled_gives_its_permit_back(instance: Store, box: Box) -> None:
    """Cancelling says nothing of the upstream; a lost permit would keep all others out until it ran out."""
    trip(instance)
    box.faults.add("hang", path="/erp/products", count=None)

    async def cancelled() -> None:
        run = asyncio.ensure_future(probe.fn())
        await asyncio.to_thread(until_struck, box)
        assert isinstance(Breakers(instance).admit(PROBED), Refused)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(cancelled())
    assert isinstance(Breakers(instance).admit(PROBED), Permit)


def test_a_probe_that_asks_the_upstream_nothing_gives_its_permit_back(store: Store) -> None:
    """A round that is not due, no entry to check, no slot of the limit: the next probe is not kept out for that."""

    async def idle(work: Awaitable[None] | None) -> BreakerState:
        trip(store)
        async with AsyncExitStack() as stack:
            run = Run(source=PROBED, store=store, stack=stack)
            pass_breaker(run)
            assert isinstance(Breakers(store).admit(PROBED), Refused)
            if work is not None:
                await report_outcome(run, work, asked=lambda: False)
        after = Breakers(store).admit(PROBED)
        assert isinstance(after, Permit)
        return Breakers(store).state(PROBED).state

    assert asyncio.run(idle(None)) is BreakerState.HALF_OPEN
    Breakers(store).reset(PROBED.name, "ann")
    assert asyncio.run(idle(asyncio.sleep(0))) is BreakerState.HALF_OPEN


CHANGED = altered(PRODUCTS, fields={"stock": "name", "name": "stock"}, breaker=BreakerPolicy(failures=2))
"""As if the upstream had changed its format: each item has a text where a number should be."""


@sync_flow(CHANGED)
async def sync_changed() -> Tally:
    await admit_run(CHANGED, Mode.FULL)
    return await pull(CHANGED, Mode.FULL) + await prune(CHANGED, Mode.FULL)


def test_an_upstream_whose_items_no_longer_fit_is_ill(instance: Store) -> None:
    """It answers quickly and with 200; what it says is of no use, and asking more often will not help."""
    for failures in (1, 2):
        with pytest.raises(MostlyRejectedError, match="30 of 30 items were rejected, most often because"):
            asyncio.run(sync_changed.fn())
        assert Breakers(instance).state(CHANGED).failures == failures
    assert Breakers(instance).state(CHANGED).state is BreakerState.OPEN
    assert asyncio.run(sync_changed.fn()).name == "Skipped"
    with instance.read() as connection:
        assert {one.times for one in rejects.of_source(connection, "products")} == {2}


def test_the_first_probe_half_opens_the_breaker(store: Store, clock: ManualClock) -> None:
    """Anyone who waits for the source hears that it is tried again, once, and not with each probe."""
    permit = Breakers(store).admit(PRODUCTS)
    assert isinstance(permit, Permit)
    for _ in range(PRODUCTS.breaker.failures):
        Breakers(store).record(permit, Outcome.FAILURE)
    clock.advance(seconds=PRODUCTS.breaker.reset_after_seconds)
    probes = [Breakers(store).admit(PRODUCTS) for _ in range(2)]
    changes = [probe.change for probe in probes if isinstance(probe, Permit)]
    assert [None if change is None else change.after for change in changes] == [BreakerState.HALF_OPEN, None]


def test_prefect_is_told_of_each_state_with_its_cause() -> None:
    """Automations match the name; a person woken by one reads the cause."""
    change = Change(
        source="quests",
        before=BreakerState.CLOSED,
        after=BreakerState.OPEN,
        failures=5,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    event = breaker_event(change, "UnavailableError: quests failed (503)")
    assert (event.event, event.resource.id) == ("syncline.breaker.opened", "syncline.source.quests")
    assert event.payload["cause"] == "UnavailableError: quests failed (503)"
    assert event.occurred == change.at
