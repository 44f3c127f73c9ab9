"""The queue before a lease."""

from dataclasses import replace
from datetime import datetime, timedelta

from support.runs import dead_process

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import leases, queue
from syncline.store.engine import Store
from syncline.store.leases import Process

LEASE = Target("products")
HERE = Process.current()


def join(store: Store, session_id: str, tick: datetime, *, process: Process = HERE, lease: Target = LEASE) -> None:
    with store.write() as connection:
        queue.join(connection, lease, session_id, tick=tick, process=process, now=store.clock.now())


def waiting(store: Store, lease: Target = LEASE) -> list[str]:
    with store.read() as connection:
        return [row.session_id for row in queue.waiting(connection, lease, now=store.clock.now())]


def test_who_was_due_first_goes_first(store: Store, clock: ManualClock) -> None:
    """The order in which they come is chance; of two that were due at once, the ids decide."""
    for session_id, minutes in (("c", 10), ("a", 20), ("d", 0), ("b", 10)):
        join(store, session_id, clock.now() + timedelta(minutes=minutes))
    join(store, "other", clock.now(), lease=Target("customers"))
    assert waiting(store) == ["d", "b", "c", "a"]


def test_who_leaves_makes_room(store: Store, clock: ManualClock) -> None:
    """Leaving twice is no error."""
    join(store, "a", clock.now())
    for _ in range(2):
        with store.write() as connection:
            queue.leave(connection, "a")
    assert waiting(store) == []


def test_a_place_lasts_as_long_as_it_is_held_on_to(store: Store, clock: ManualClock) -> None:
    """A machine that lost its power is forgotten after a minute, with its row."""
    join(store, "a", clock.now())
    clock.advance(seconds=leases.TTL_SECONDS - 1)
    join(store, "a", clock.now())
    clock.advance(seconds=leases.TTL_SECONDS - 1)
    assert waiting(store) == ["a"]
    clock.advance(seconds=1)
    assert waiting(store) == []
    join(store, "b", clock.now())
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM queued_runs").scalar() == 1


def test_a_process_that_died_holds_no_place(store: Store, clock: ManualClock) -> None:
    """It is seen to be gone on its own machine alone; elsewhere its time runs out."""
    join(store, "a", clock.now(), process=dead_process())
    join(store, "b", clock.now(), process=replace(dead_process(), host="another-machine"))
    assert waiting(store) == ["b"]


def test_the_place_of_a_deferred_run_is_kept_until_it_is_back(store: Store, clock: ManualClock) -> None:
    """No process waits in it, so none can be seen to be dead."""
    tick, back_at = clock.now(), clock.now() + timedelta(minutes=10)
    with store.write() as connection:
        queue.step_out(connection, LEASE, "a", tick=tick, back_at=back_at)
    clock.advance(seconds=600 + queue.BACK_WITHIN_SECONDS - 1)
    with store.read() as connection:
        row = queue.find(connection, "a", now=clock.now())
        assert row is not None
        assert not queue.is_here(row)
    assert waiting(store) == ["a"]
    clock.advance(seconds=1)
    assert waiting(store) == []
    with store.read() as connection:
        assert queue.find(connection, "a", now=clock.now()) is None
