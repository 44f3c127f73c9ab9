"""Whether a due run may start, and what is on record where it may not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from support.runs import begin, dead_process, products_source, session
from support.shop import products
from support.upstream import ListPages

from syncline.admission.admit import admit
from syncline.admission.due_run import Admission, DueRun
from syncline.clock import ManualClock
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.passes.closing import close, complete
from syncline.store import heartbeats, holds, leases, sessions
from syncline.store.engine import Store


@pytest.fixture
def source() -> Source:
    return products_source(ListPages(rows=products(range(1, 6)), incremental=True), full_pass_every_seconds=86_400)


def due(store: Store, source: Source, **values: Any) -> Admission:  # noqa: ANN401 - the fields of `DueRun`
    given: dict[str, Any] = {"trigger": Trigger.SCHEDULE, **values}
    return admit(store, source, DueRun(**given))


def hold(store: Store, name: str, *, ttl_seconds: float | None, account_id: str = "") -> None:
    now = store.clock.now()
    with store.write() as connection:
        holds.create(
            connection,
            Target(name, account_id),
            reason="why",
            created_by="a",
            now=now,
            ttl_seconds=ttl_seconds,
        )


def test_an_admitted_run_has_a_session_a_lease_and_a_beating_heart(store: Store, source: Source) -> None:
    """All three are made in one transaction: there is never one without the others."""
    admission = due(store, source, flow_run_id="run-1", scheduled_for=store.clock.now())
    assert admission.granted
    found = session(store, admission.session_id)
    assert (found.status, found.trigger, found.flow_run_id) == (Status.RUNNING, Trigger.SCHEDULE, "run-1")
    assert (found.started_at, found.scheduled_for) == (store.clock.now(), store.clock.now())
    with store.read() as connection:
        lease = leases.holder(connection, Target("products"))
        assert [beat.last_run for beat in heartbeats.every(connection)] == [store.clock.now()]
    assert lease is not None
    assert lease.owner == admission.session_id


def test_a_second_run_is_skipped_with_the_firsts_id(store: Store, source: Source) -> None:
    """No matter who starts it, one session is open at a time; the other says which one it met."""
    first = due(store, source)
    second = due(store, source, trigger=Trigger.MANUAL)
    assert not second.granted
    assert (second.status, second.reason) == (Status.SKIPPED, f"overlap: session {first.session_id} is running")
    assert session(store, second.session_id).completed_at == store.clock.now()
    assert session(store, first.session_id).status is Status.RUNNING


def test_an_ended_run_makes_room_at_once(store: Store, source: Source) -> None:
    """Nobody waits for a lease to expire that was given back."""
    complete(store, due(store, source).session_id)
    assert due(store, source).granted


def test_sources_and_accounts_do_not_stand_in_each_others_way(store: Store, source: Source) -> None:
    """Each has a lease of its own."""
    assert due(store, source).granted
    assert due(store, source, account_id="anna").granted
    assert due(store, source, account_id="bert").granted
    assert not due(store, source, account_id="anna").granted


def test_the_same_flow_run_gets_the_same_answer(store: Store, source: Source) -> None:
    """A task that is tried again does not open a second session, nor meet its own first one."""
    first = due(store, source, flow_run_id="run-1")
    other = due(store, source, flow_run_id="run-2")
    assert due(store, source, flow_run_id="run-1") == first
    assert due(store, source, flow_run_id="run-2") == other
    close(store, first.session_id, Status.FAILED)
    assert due(store, source, flow_run_id="run-1").status is Status.FAILED
    assert due(store, source, flow_run_id="run-2").status is Status.SKIPPED


@pytest.mark.parametrize(("ttl_seconds", "name"), [(600, "products"), (None, "products"), (600, "*")])
def test_a_paused_source_does_not_start(store: Store, source: Source, ttl_seconds: float | None, name: str) -> None:
    """The session says why, and from when on it could run; no lease is taken."""
    hold(store, name, ttl_seconds=ttl_seconds)
    refused = due(store, source)
    until = None if ttl_seconds is None else store.clock.now() + timedelta(seconds=ttl_seconds)
    assert (refused.status, refused.reason, refused.retry_at) == (Status.SKIPPED, "paused: why", until)
    assert session(store, refused.session_id).retry_at == until
    with store.read() as connection:
        assert leases.holder(connection, Target("products")) is None


def test_a_retry_that_meets_another_hold_is_deferred_again(store: Store, source: Source) -> None:
    """Holds nest: were it skipped, nobody would start it when the last one ends."""
    hold(store, "products", ttl_seconds=600)
    refused = due(store, source, trigger=Trigger.RETRY)
    assert (refused.status, refused.retry_at) == (Status.DEFERRED, store.clock.now() + timedelta(seconds=600))
    with store.read() as connection:
        newest = sessions.latest_started(connection, Target("products"))
    assert newest is not None
    assert newest.id == refused.session_id


def test_the_pause_of_an_account_stops_that_account_alone(store: Store, source: Source) -> None:
    """Others go on."""
    hold(store, "products", ttl_seconds=None, account_id="anna")
    assert not due(store, source, account_id="anna").granted
    assert due(store, source, account_id="bert").granted


def test_of_several_late_runs_one_is_made_up_for(store: Store, source: Source, clock: ManualClock) -> None:
    """Two hours of downtime, a tick each half hour: one run catches up, the three others are recorded as missed."""
    ticks = [clock.now() + timedelta(minutes=30 * number) for number in range(4)]
    clock.advance(seconds=2 * 3_600)
    first = due(store, source, scheduled_for=ticks[0])
    assert first.granted
    late = [due(store, source, scheduled_for=tick) for tick in ticks[1:]]
    assert [one.status for one in late] == [Status.MISSED] * 3
    assert late[-1].reason == f"1800 s late; session {first.session_id} began after its time"
    complete(store, first.session_id)
    assert due(store, source, scheduled_for=ticks[3]).status is Status.MISSED


@pytest.mark.parametrize(("late_seconds", "status"), [(60, Status.RUNNING), (61, Status.MISSED)])
def test_a_run_may_be_a_minute_late(
    store: Store, source: Source, clock: ManualClock, late_seconds: float, status: Status
) -> None:
    """A busy runner starts late; a run that came since its tick makes it superfluous only after a minute."""
    tick = clock.now()
    clock.advance(seconds=1)
    complete(store, due(store, source, trigger=Trigger.MANUAL).session_id)
    clock.advance(seconds=late_seconds - 1)
    assert due(store, source, scheduled_for=tick).status is status


def test_a_late_run_that_nobody_made_up_for_runs(store: Store, source: Source, clock: ManualClock) -> None:
    """What ran before the tick does not count, nor what was skipped after it."""
    complete(store, due(store, source).session_id)
    tick = clock.advance(seconds=60)
    hold(store, "products", ttl_seconds=120)
    clock.advance(seconds=60)
    assert due(store, source).status is Status.SKIPPED
    clock.advance(seconds=3_600)
    assert due(store, source, scheduled_for=tick).granted


def test_a_run_whose_process_died_is_closed_by_the_next(store: Store, source: Source) -> None:
    """A killed run of this machine is found at once; its session is closed as crashed, and counts as a failure."""
    crashed = begin(store, source, process=dead_process())
    after = due(store, source)
    assert after.granted
    found = session(store, crashed.session_id)
    assert (found.status, found.completed_at) == (Status.CRASHED, store.clock.now())
    assert found.reason == "its process ended without a word; the next run goes on at its checkpoint"
    with store.read() as connection:
        assert [beat.error_count for beat in heartbeats.every(connection)] == [1]
        assert [one.id for one in sessions.running(connection)] == [after.session_id]


def test_a_run_that_fell_silent_is_closed_after_a_minute(store: Store, source: Source, clock: ManualClock) -> None:
    """A machine that lost its power cannot be asked: its lease runs out."""
    silent = due(store, source)
    clock.advance(seconds=59)
    assert not due(store, source).granted
    clock.advance(seconds=1)
    assert due(store, source).granted
    assert session(store, silent.session_id).status is Status.CRASHED


def test_refused_runs_leave_the_running_ones_heart_alone(store: Store, source: Source, clock: ManualClock) -> None:
    """A skipped tick is no sign of life."""
    due(store, source)
    began: datetime = clock.now()
    clock.advance(seconds=10)
    due(store, source)
    with store.read() as connection:
        assert [beat.last_run for beat in heartbeats.every(connection)] == [began]
