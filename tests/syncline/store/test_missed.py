"""Missed ticks on record: each once, with one reconciler or several, however many ticks there are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, select
from support.runs import products_source
from support.upstream import ListPages

from syncline.admission.admit import admit, turn_away
from syncline.admission.due_run import DueRun
from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target
from syncline.passes.accounting import Span, dump
from syncline.store import missed, timetables, totals
from syncline.store.engine import Store
from syncline.store.missed import MissedTick

TICK = datetime(2026, 1, 22, 6, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
LEASE = Target("products")
SOURCE = products_source(ListPages())


def ticks(count: int) -> list[MissedTick]:
    reason = "Prefect's server planned no run of it"
    return [MissedTick(tick=TICK + number * EVERY, mode=Mode.INCREMENTAL, reason=reason) for number in range(count)]


def rows(store: Store) -> list[SyncSession]:
    with store.read() as connection:
        statement = select(SyncSession).order_by(col(SyncSession.scheduled_for), col(SyncSession.id))
        return list(Session(connection).exec(statement).all())


def counted(store: Store) -> dict[Status, int]:
    with store.read() as connection:
        return {row.status: row.sessions for row in totals.of_source(connection, "products")}


def test_a_tick_is_recorded_once_however_often_it_is_found(store: Store) -> None:
    """A reconciler that was killed in the middle begins again."""
    assert len(missed.record(store, "products", ticks(3))) == 3
    assert len(missed.record(store, "products", ticks(5))) == 2
    found = rows(store)
    assert [row.scheduled_for for row in found] == [one.tick for one in ticks(5)]
    assert {(row.status, row.trigger, row.started_at == row.scheduled_for) for row in found} == {
        (Status.MISSED, Trigger.SCHEDULE, True)
    }
    assert counted(store) == {Status.MISSED: 5}


def test_two_that_look_at_once_make_each_record_once(database_url: str) -> None:
    """Two web apps, or the one that ends beside the one that starts."""
    stores = [Store(database_url) for _ in range(3)]
    with ThreadPoolExecutor(len(stores)) as pool:
        looks = [pool.submit(missed.record, store, "products", ticks(700)) for store in stores]
        made = [look.result() for look in looks]
    assert sum(len(ids) for ids in made) == 700
    assert len(rows(stores[0])) == 700
    assert counted(stores[0]) == {Status.MISSED: 700}
    for store in stores:
        store.close()


def test_a_tick_that_a_session_answered_is_left_alone(store: Store, clock: ManualClock) -> None:
    """Whatever became of it: skipped, running, completed."""
    due = DueRun(trigger=Trigger.SCHEDULE, scheduled_for=clock.now())
    assert admit(store, SOURCE, due).granted
    one = MissedTick(tick=clock.now(), mode=Mode.FULL, reason="none")
    assert missed.record(store, "products", [one]) == []


@pytest.mark.parametrize("more", [0, 1, 250])
def test_of_a_very_long_downtime_one_row_stands_for_the_oldest_ticks(
    store: Store, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """The number of ticks is in a column, so that none is lost from the count."""
    monkeypatch.setattr(missed, "MOST_ROWS", 600)
    missed.record(store, "products", ticks(600 + more))
    missed.record(store, "products", ticks(600 + more))
    found = rows(store)
    assert len(found) == 600 + bool(more)
    assert sum(row.ticks for row in found) == 600 + more
    assert counted(store) == {Status.MISSED: 600 + more}
    with store.read() as connection:
        due = [one.tick for one in ticks(600 + more)]
        assert missed.answered(connection, "products", due) == set(due)
    if more > 1:
        assert (found[0].scheduled_until, found[0].ticks) == (TICK + (more - 1) * EVERY, more)
        assert (found[0].reason or "").startswith(f"{more} ticks: ")


def test_a_run_that_comes_after_its_tick_was_recorded_gets_that_answer(store: Store, clock: ManualClock) -> None:
    """Else the tick would have two outcomes."""
    tick = clock.now()
    (made,) = missed.record(store, "products", [MissedTick(tick=tick, mode=Mode.FULL, reason="none was planned")])
    said = admit(store, SOURCE, DueRun(trigger=Trigger.SCHEDULE, flow_run_id="run-1", scheduled_for=tick))
    assert (said.session_id, said.status, said.reason) == (made, Status.MISSED, "none was planned")
    assert len(rows(store)) == 1


def test_a_run_that_would_be_let_in_is_not_touched_by_asking_whether_it_would_be_turned_away(store: Store) -> None:
    """The question is asked of runs that wait for a process; one that may begin does so in its own."""
    assert turn_away(store, SOURCE, DueRun(trigger=Trigger.SCHEDULE, scheduled_for=store.clock.now())) is None
    assert rows(store) == []


def test_only_who_saw_the_last_look_may_write_the_next(store: Store, clock: ManualClock) -> None:
    """Of two that look at once, the slower one must not set the record back."""
    spans = dump([Span(since=clock.now(), schedules=())])
    with store.write() as connection:
        assert timetables.begin(connection, "a/b", source="products", spans=spans, now=clock.now())
        assert not timetables.begin(connection, "a/b", source="products", spans=spans, now=clock.now())
    with store.read() as connection:
        before = timetables.find(connection, "a/b")
    assert before is not None
    then = clock.advance(seconds=15)
    with store.write() as connection:
        timetables.note_away(connection, now=then)
    for done in (True, False):
        with store.write() as connection:
            moved = timetables.advance(connection, before, spans=spans, gaps="[]", accounted_to=then, now=then)
            assert moved is done
    with store.read() as connection:
        assert [(row.accounted_to, row.away_since) for row in timetables.every(connection)] == [(then, None)]
