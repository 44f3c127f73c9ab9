"""The tasks are the breaker's eyes: each attempt counts, and an open breaker ends the attempts."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from flows.products import PRODUCTS
from sandbox import Box
from syncline.clock import ManualClock
from syncline.errors import UnavailableError
from syncline.model.policies import Mode
from syncline.model.session import Trigger
from syncline.passes.admission import Due, admit
from syncline.resilience.breaker import BreakerState, Outcome
from syncline.store.breakers import Breakers, Change, Permit
from syncline.store.engine import Store
from tasks.breaker import breaker_event, note_outcome, pass_breaker
from tasks.pull import pull_task
from tasks.run import Run, RunStopped, entered, is_tripped


async def attempts(store: Store, times: int) -> Run:
    """A run that was let through and pulls `times` times."""
    async with AsyncExitStack() as stack:
        admission = admit(store, PRODUCTS, Due(trigger=Trigger.MANUAL))
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
    assert (Breakers(instance).state(PRODUCTS).failures, run.tripped) == (4, False)
    note_outcome(run, UnavailableError("down", upstream="erp"))
    assert run.tripped
    assert Breakers(instance).state(PRODUCTS).state is BreakerState.OPEN
    with entered(run):
        assert is_tripped()


def test_a_run_without_a_permit_is_skipped(instance: Store) -> None:
    """Where the breaker opened between the look at the door and the run."""
    run = Run(source=PRODUCTS, store=instance, stack=AsyncExitStack())
    Breakers(instance).force_open("products", "ann")
    with pytest.raises(RunStopped, match="held open until `syncline breaker reset products`"):
        pass_breaker(run)


def test_the_first_probe_half_opens_the_breaker(store: Store, clock: ManualClock) -> None:
    """Whoever waits for the source hears that it is tried again, once, and not with each probe."""
    permit = Breakers(store).admit(PRODUCTS)
    assert isinstance(permit, Permit)
    for _ in range(PRODUCTS.breaker.failures):
        Breakers(store).record(permit, Outcome.FAILURE)
    clock.advance(seconds=PRODUCTS.breaker.reset_after_seconds)
    probes = [Breakers(store).admit(PRODUCTS) for _ in range(2)]
    changes = [probe.change for probe in probes if isinstance(probe, Permit)]
    assert [None if change is None else change.after for change in changes] == [BreakerState.HALF_OPEN, None]


def test_prefect_is_told_of_each_state_with_its_cause() -> None:
    """Automations match the name; whoever is woken by one reads the cause."""
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
