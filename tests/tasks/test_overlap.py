"""Flows whose source lets a run wait for its turn."""

import asyncio
from dataclasses import replace

from flows.products import PRODUCTS
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.model.policies import Mode, Overlap
from syncline.model.session import Status, Tally, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.passes.closing import complete
from syncline.store import queue, sessions
from syncline.store.engine import Store
from tasks.admit import admit as admit_run
from tasks.flow import SyncFlow, sync_flow
from tasks.pull import pull


def flow_of(source: Source) -> SyncFlow[[]]:
    @sync_flow(source)
    async def sync() -> Tally:
        await admit_run(source, Mode.FULL)
        return await pull(source, Mode.FULL)

    return sync


def test_a_queued_run_does_its_work_when_the_one_before_has_ended(instance: Store) -> None:
    """Anyone who looks at Prefect sees one run that took a little longer."""
    queueing = replace(PRODUCTS, overlap=Overlap.QUEUE, patience_seconds=20)
    first = admit(instance, queueing, DueRun(trigger=Trigger.MANUAL))

    async def both() -> str | None:
        second = asyncio.ensure_future(flow_of(queueing).fn())
        while not await asyncio.to_thread(_waits, instance):
            assert not second.done()
        complete(instance, first.session_id)
        return (await second).name

    assert asyncio.run(both()) == "Completed"


def _waits(store: Store) -> bool:
    with store.read() as connection:
        return bool(queue.waiting(connection, Target("products"), now=store.clock.now()))


def test_a_queued_run_whose_patience_ends_says_when_it_goes_on(instance: Store) -> None:
    """It is deferred as one that waits for a budget is: on record, with its time."""
    queueing = replace(PRODUCTS, overlap=Overlap.QUEUE, patience_seconds=0)
    first = admit(instance, queueing, DueRun(trigger=Trigger.MANUAL))
    state = asyncio.run(flow_of(queueing).fn())
    assert (state.name, state.message) == ("Deferred", f"overlap: session {first.session_id} is running")
    with instance.read() as connection:
        newest = sessions.latest_started(connection, Target("products"))
    assert newest is not None
    assert (newest.status, newest.held, newest.retry_at is not None) == (Status.DEFERRED, False, True)
