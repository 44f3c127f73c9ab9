"""Runs that meet another one of their source: skipped, queued, or put in its place."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from support.runs import Waits, dead_process, products_source, pull, session
from support.shop import products
from support.upstream import ListPages

from syncline.admission.admit import admit, ask
from syncline.admission.due_run import Admission, DueRun, Queued
from syncline.admission.wait import admit_in_turn
from syncline.clock import ManualClock
from syncline.model.policies import Mode, Overlap
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.passes.closing import close, complete
from syncline.passes.lease_keeper import LeaseKeeper
from syncline.store import holds, leases, queue
from syncline.store.engine import Store

TICK = DueRun(trigger=Trigger.SCHEDULE, mode=Mode.FULL)


def source(overlap: Overlap, *, patience_seconds: float = 30) -> Source:
    pages = ListPages(rows=products(range(1, 26)))
    return replace(products_source(pages, patience_seconds=patience_seconds), overlap=overlap)


def wait(store: Store, source: Source, waits: Waits, due: DueRun = TICK) -> Admission:
    return asyncio.run(admit_in_turn(store, source, due, sleep=waits))


def queued(store: Store) -> list[str]:
    with store.read() as connection:
        return [row.session_id for row in queue.waiting(connection, Target("products"), now=store.clock.now())]


def after(clock: ManualClock, seconds: float, act: Callable[[], object]) -> Waits:
    """Waits during which `act` happens once, `seconds` later."""
    at, done = clock.now() + timedelta(seconds=seconds), list[bool]()

    def look() -> None:
        if clock.now() >= at and not done:
            done.append(True)
            act()

    return Waits(clock, look)


def test_a_queued_run_begins_when_the_one_before_has_ended(store: Store, clock: ManualClock) -> None:
    """It waits in place for 10 of its 30 seconds, then goes on as if it had come just now."""
    queueing = source(Overlap.QUEUE)
    first = admit(store, queueing, TICK)
    waits = after(clock, 10, lambda: complete(store, first.session_id))
    second = wait(store, queueing, waits)
    assert second.granted
    assert 10 <= sum(waits.seconds) <= 10.5
    assert session(store, second.session_id).started_at == clock.now()
    assert queued(store) == []


def test_a_queued_run_whose_patience_ends_is_deferred(store: Store, clock: ManualClock) -> None:
    """It says for whom it waited and when it asks again; the one at work is left alone."""
    queueing = source(Overlap.QUEUE)
    first = admit(store, queueing, TICK)
    waits = Waits(clock)
    second = wait(store, queueing, waits)
    assert (second.status, second.held) == (Status.DEFERRED, False)
    assert second.reason == f"overlap: session {first.session_id} is running; waited 30 s"
    assert second.retry_at == clock.now() + timedelta(seconds=60)
    assert sum(waits.seconds) == 30
    assert session(store, second.session_id).retry_at == second.retry_at
    assert session(store, first.session_id).status is Status.RUNNING
    assert queued(store) == []


def test_what_was_deferred_in_the_queue_goes_on_and_ticks_meanwhile_are_skipped(
    store: Store, clock: ManualClock
) -> None:
    """One waits at a time, in the queue as well as for its time to ask again."""
    queueing = source(Overlap.QUEUE)
    first = admit(store, queueing, TICK)
    second = wait(store, queueing, Waits(clock))
    third = wait(store, queueing, Waits(clock))
    assert third.status is Status.SKIPPED
    assert (third.reason or "").endswith(f"with session {second.session_id}: {second.reason}")
    complete(store, first.session_id)
    clock.advance(seconds=60)
    again = DueRun(trigger=Trigger.RETRY, goes_on_for=second.session_id)
    assert wait(store, queueing, Waits(clock), again).granted


@pytest.mark.parametrize("overlap", [Overlap.QUEUE, Overlap.CANCEL_RUNNING])
def test_one_run_waits_at_a_time(store: Store, overlap: Overlap) -> None:
    """A second one that queued would only do what the first does; it is skipped, and says for whom."""
    kept = source(overlap)
    first, second = admit(store, kept, TICK), ask(store, kept, TICK)
    assert isinstance(second, Queued)
    third = admit(store, kept, TICK)
    reason = f"overlap: session {first.session_id} runs, and session {second.session_id} waits"
    assert (third.status, third.reason) == (Status.SKIPPED, reason)
    assert queued(store) == [second.session_id]


def test_nobody_pushes_in_before_the_run_that_waits(store: Store) -> None:
    """Between two looks of the one that waits, the source is free for a moment."""
    queueing = source(Overlap.QUEUE)
    first, second = admit(store, queueing, TICK), ask(store, queueing, TICK)
    assert isinstance(second, Queued)
    complete(store, first.session_id)
    third = ask(store, queueing, TICK)
    assert isinstance(third, Admission)
    assert (third.status, third.reason) == (Status.SKIPPED, f"overlap: session {second.session_id} waits")
    granted = ask(store, queueing, TICK, ticket=second)
    assert isinstance(granted, Admission)
    assert (granted.granted, granted.session_id) == (True, second.session_id)


def test_the_place_of_a_process_that_died_is_free(store: Store) -> None:
    """A run that was killed while it waited keeps nobody out."""
    queueing = source(Overlap.QUEUE)
    admit(store, queueing, TICK)
    dead = ask(store, queueing, TICK, process=dead_process())
    assert isinstance(dead, Queued)
    assert isinstance(ask(store, queueing, TICK), Queued)


def test_a_run_that_is_cancelled_while_it_waits_gives_its_place_up(store: Store, clock: ManualClock) -> None:
    """The next tick may wait at once, not when the lost place runs out."""
    queueing = source(Overlap.QUEUE)
    admit(store, queueing, TICK)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait(store, queueing, after(clock, 5, interrupt))
    assert queued(store) == []


def test_a_hold_that_comes_while_a_run_waits_is_minded(store: Store, clock: ManualClock) -> None:
    """Paused is paused, whatever the run waits for."""
    queueing = source(Overlap.QUEUE)
    admit(store, queueing, TICK)

    def hold() -> None:
        with store.write() as connection:
            holds.create(
                connection, Target("products"), reason="why", created_by="a", now=clock.now(), ttl_seconds=None
            )

    refused = wait(store, queueing, after(clock, 5, hold))
    assert (refused.status, refused.reason) == (Status.SKIPPED, "paused: why")
    assert queued(store) == []


def asked(store: Store, session_id: str) -> str | None:
    with store.read() as connection:
        return leases.asked_by(connection, Target("products"), session_id)


def test_the_one_at_work_is_asked_to_end_and_the_new_run_goes_on_at_its_checkpoint(
    store: Store, clock: ManualClock
) -> None:
    """Asked, not robbed: two are never at work at once; what the first one stored is not fetched again."""
    replacing = source(Overlap.CANCEL_RUNNING)
    pages = replacing.required_dataset.pages
    assert isinstance(pages, ListPages)
    first = admit(store, replacing, TICK)
    pages.fail_at(3, KeyError("stuck"))
    with pytest.raises(KeyError):
        pull(store, replacing, first)
    seen: list[str | None] = []

    def ends() -> None:
        by = asked(store, first.session_id)
        seen.append(by)
        close(store, first.session_id, Status.CANCELLED, reason=f"overlap: session {by} took its place")

    second = wait(store, replacing, after(clock, 2, ends))
    assert second.granted
    assert seen == [second.session_id]
    found = session(store, first.session_id)
    assert (found.status, found.items_created) == (Status.CANCELLED, 20)
    assert found.reason == f"overlap: session {second.session_id} took its place"
    pages.fetched.clear()
    pull(store, replacing, second)
    assert pages.fetched[0] == 3
    assert asked(store, second.session_id) is None


def test_a_run_that_does_not_end_is_not_robbed(store: Store, clock: ManualClock) -> None:
    """A process that hangs with its lease may still write; the new run waits, and is deferred."""
    replacing = source(Overlap.CANCEL_RUNNING, patience_seconds=1)
    first = admit(store, replacing, TICK)
    waits = Waits(clock)
    second = wait(store, replacing, waits)
    assert second.status is Status.DEFERRED
    assert second.reason == f"overlap: session {first.session_id} was asked to end; waited 15 s"
    assert session(store, first.session_id).status is Status.RUNNING


def test_a_run_that_may_not_begin_asks_nobody_to_end(store: Store, clock: ManualClock) -> None:
    """A tick that a hold turns away must not cancel the session that is at work."""
    replacing = source(Overlap.CANCEL_RUNNING)
    first = admit(store, replacing, TICK)
    with store.write() as connection:
        holds.create(connection, Target("products"), reason="why", created_by="a", now=clock.now(), ttl_seconds=None)
    assert admit(store, replacing, TICK).status is Status.SKIPPED
    assert asked(store, first.session_id) is None


def test_a_keeper_hears_within_its_next_look_that_the_session_is_asked_to_end(store: Store) -> None:
    """It is the only one who can tell a session that is stuck in a request; it tells it once."""
    replacing = source(Overlap.CANCEL_RUNNING)
    first = admit(store, replacing, TICK)
    second = ask(store, replacing, TICK)
    assert isinstance(second, Queued)
    heard, turns = list[str](), iter([False, False, False, True])
    with LeaseKeeper(
        store,
        Target("products"),
        first.session_id,
        on_asked=heard.append,
        look_every_seconds=1,
        wait=lambda _: next(turns),
    ) as keeper:
        keeper._thread.join(timeout=30)  # pyright: ignore[reportPrivateUsage] - it ends by itself here
    assert heard == [second.session_id]


@pytest.mark.parametrize("overlap", [Overlap.QUEUE, Overlap.CANCEL_RUNNING])
def test_of_many_that_come_at_once_one_waits(database_url: str, overlap: Overlap) -> None:
    """Each process decides for itself, in a transaction of its own; the others are skipped."""
    kept, together = source(overlap), threading.Barrier(6)
    stores = [Store(database_url) for _ in range(6)]
    admit(stores[0], kept, TICK)

    def come(store: Store) -> str:
        together.wait(timeout=30)
        said = ask(store, kept, TICK)
        return "waits" if isinstance(said, Queued) else said.status.value

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(come, stores)) == ["skipped"] * 5 + ["waits"]
    for store in stores:
        store.close()


def test_however_many_take_each_others_place_one_works_at_a_time(database_url: str) -> None:
    """Each works until it is asked to end; nobody begins before the one before has given its lease back."""
    replacing, at_work, most = source(Overlap.CANCEL_RUNNING), list[str](), list[int]()
    stores = [Store(database_url) for _ in range(4)]

    def live(store: Store) -> Status:
        said = asyncio.run(admit_in_turn(store, replacing, TICK))
        if not said.granted:
            return said.status
        at_work.append(said.session_id)
        most.append(len(at_work))
        by = _until_asked(store, said.session_id)
        at_work.remove(said.session_id)
        close(store, said.session_id, Status.CANCELLED if by else Status.COMPLETED)
        return session(store, said.session_id).status

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(live, stores * 2))
    assert max(most) == 1
    assert outcomes.count(Status.COMPLETED) >= 1
    assert set(outcomes) <= {Status.COMPLETED, Status.CANCELLED, Status.SKIPPED}
    for store in stores:
        store.close()


def _until_asked(store: Store, session_id: str) -> str | None:
    """Work for a second, or until another one wants the place."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        by = asked(store, session_id)
        if by is not None:
            return by
    return None
