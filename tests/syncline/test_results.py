"""Any code can hear of sessions that end: called where they end, or reading them one after the other."""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from support.records import open_session
from support.runs import begin, dead_process, products_source, run
from support.shop import products
from support.upstream import ListPages

from syncline import results
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.clock import ManualClock
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.passes.reconcile import reconcile
from syncline.store import holds, sessions
from syncline.store.engine import Store

SOURCE = products_source(ListPages(rows=products(range(1, 6))))


class Heard:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.sessions: list[SyncSession] = []

    def __call__(self, session: SyncSession) -> None:
        self.sessions.append(session)

    @property
    def outcomes(self) -> list[tuple[str, Status]]:
        return [(session.id, session.status) for session in self.sessions]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Subscribed while the test lasts."""
    subscriber = Heard()
    unsubscribe = results.on_result(subscriber)
    yield subscriber
    unsubscribe()


@pytest.fixture
def declared() -> Iterator[Callable[..., None]]:
    """Declares the subscribers of the source `products`, and takes them back."""
    yield lambda *callbacks: results.register_callbacks(replace(SOURCE, on_result=callbacks))
    results.register_callbacks(SOURCE)


def numbers(store: Store, since: int = 0) -> list[tuple[int, str]]:
    return [(result.number, result.session.id) for result in results.follow(store, since=since)]


def test_a_subscriber_hears_of_a_run_with_its_counters(store: Store, heard: Heard) -> None:
    """The seed's observability callback: source, success, duration, retries; and it finds them committed."""
    ran = run(store, SOURCE)
    (session,) = heard.sessions
    assert (session.id, session.source, session.status) == (ran.session_id, "products", Status.COMPLETED)
    assert (session.items_created, session.completed_at) == (5, store.clock.now())


def test_every_outcome_is_told_once_by_whoever_gave_it(store: Store, heard: Heard, clock: ManualClock) -> None:
    """Skipped and missed at the door, crashed by the next run or by the reconciler, ended twice: one call each."""
    tick = clock.now()
    crashed = begin(store, SOURCE, process=dead_process()).session_id
    first = begin(store, SOURCE).session_id
    skipped = admit(store, SOURCE, DueRun(trigger=Trigger.MANUAL, flow_run_id="run-1")).session_id
    assert admit(store, SOURCE, DueRun(trigger=Trigger.MANUAL, flow_run_id="run-1")).session_id == skipped
    close(store, first, Status.FAILED)
    close(store, first, Status.CANCELLED)
    clock.advance(seconds=120)
    missed = admit(store, SOURCE, DueRun(trigger=Trigger.SCHEDULE, scheduled_for=tick)).session_id
    lost = open_session(store, "lost", source="customers")
    reconcile(store, lambda _: None)
    assert heard.outcomes == [
        (crashed, Status.CRASHED),
        (skipped, Status.SKIPPED),
        (first, Status.FAILED),
        (missed, Status.MISSED),
        (lost, Status.CRASHED),
    ]


def test_a_decision_that_is_rolled_back_is_told_to_nobody(store: Store, heard: Heard) -> None:
    """A subscriber that was told of a session which is not on record would count what never was."""
    session_id = begin(store, SOURCE).session_id
    with store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE heartbeats RENAME TO elsewhere")
    with pytest.raises(Exception, match="heartbeats"):
        close(store, session_id, Status.FAILED)
    assert heard.outcomes == []


def test_a_subscriber_that_fails_keeps_neither_the_run_nor_the_others(
    store: Store, heard: Heard, declared: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """A metrics server that is away must not fail a sync, nor silence the pager beside it."""

    def fail(session: SyncSession) -> None:
        raise ConnectionError(session.source)

    others = Heard()
    declared(fail, others)
    with caplog.at_level(logging.ERROR, logger="syncline"):
        ran = run(store, SOURCE)
    assert ran.status is Status.COMPLETED
    assert heard.outcomes == others.outcomes == [(ran.session_id, Status.COMPLETED)]
    (record,) = caplog.records
    assert ran.session_id in record.getMessage()
    assert record.exc_info is not None


def test_a_source_hears_of_its_own_sessions_alone(store: Store, declared: Callable[..., None]) -> None:
    """What a source declares is about that source, whichever process ends its sessions."""
    own = Heard()
    declared(own)
    open_session(store, "c1", source="customers")
    open_session(store, "p1")
    for session_id in ("c1", "p1"):
        close(store, session_id, Status.CANCELLED)
    assert own.outcomes == [("p1", Status.CANCELLED)]


def test_who_unsubscribed_hears_no_more(store: Store) -> None:
    """A test, or a page that was closed, leaves nothing behind."""
    subscriber = Heard()
    unsubscribe = results.on_result(subscriber)
    unsubscribe()
    unsubscribe()
    run(store, SOURCE)
    assert subscriber.sessions == []


def test_a_follower_reads_each_result_once_and_goes_on_where_it_was(store: Store) -> None:
    """Its number is all that it has to keep; running sessions come when they have ended."""
    first, second = run(store, SOURCE).session_id, begin(store, SOURCE).session_id
    assert numbers(store) == [(1, first)]
    assert numbers(store, 1) == []
    close(store, second, Status.CANCELLED)
    assert numbers(store, 1) == [(2, second)]
    assert numbers(store) == [(1, first), (2, second)]
    assert results.newest(store) == 2


def test_who_begins_at_the_newest_hears_of_what_comes(store: Store) -> None:
    """A new subscriber need not read the history of a year."""
    assert results.newest(store) == 0
    run(store, SOURCE)
    since = results.newest(store)
    later = run(store, SOURCE).session_id
    assert numbers(store, since) == [(2, later)]


def test_a_record_that_is_made_afterwards_is_read_too(store: Store, clock: ManualClock) -> None:
    """The reconciler records yesterday's crash today: a cursor made of times would have passed it."""
    run(store, SOURCE)
    since = results.newest(store)
    late = open_session(store, "late", status=Status.CRASHED, started_at=clock.now() - timedelta(days=1))
    assert numbers(store, since) == [(2, late)]


def test_a_result_that_is_committed_late_is_not_passed_by(make_postgresql: Callable[[], str]) -> None:
    """On PostgreSQL two sessions end at once, and the first to begin its transaction is the last to commit it."""
    store = Store(make_postgresql())
    for name in ("slow", "quick"):
        open_session(store, name)
    with store.write() as connection:
        sessions.close(connection, "slow", Status.FAILED, now=store.clock.now())
        close(store, "quick", Status.COMPLETED)
        assert numbers(store) == [(1, "quick")]
    assert numbers(store, 1) == [(2, "slow")]
    store.close()


def test_followers_beside_runs_that_end_read_each_result_once(database_url: str) -> None:
    """4 processes end 40 sessions while 2 followers read: each reads all 40, in the same order, none twice."""
    ended, stop = [f"s{n}" for n in range(40)], threading.Event()
    first = Store(database_url)
    for name in ended:
        open_session(first, name)

    def ends(mine: list[str]) -> None:
        store = Store(database_url)
        for name in mine:
            close(store, name, Status.COMPLETED)
        store.close()

    def reads() -> list[tuple[int, str]]:
        store, found = Store(database_url), list[tuple[int, str]]()
        while True:
            last = stop.is_set()
            found += numbers(store, found[-1][0] if found else 0)
            if last:
                store.close()
                return found

    with ThreadPoolExecutor(6) as pool:
        followers = [pool.submit(reads) for _ in range(2)]
        for enders in [pool.submit(ends, ended[n::4]) for n in range(4)]:
            enders.result(timeout=60)
        stop.set()
        one, other = (follower.result(timeout=60) for follower in followers)
    first.close()
    assert one == other
    assert [number for number, _ in one] == list(range(1, 41))
    assert sorted(name for _, name in one) == sorted(ended)


def test_a_long_history_is_read_in_parts(sqlite_store: Store) -> None:
    """A thousand results neither fill the memory nor are any left out at the bounds."""
    with sqlite_store.write() as connection:
        for n in range(1_001):
            made = SyncSession(
                id=f"s{n:04}",
                source="products",
                trigger=Trigger.MANUAL,
                mode=Mode.FULL,
                status=Status.SKIPPED,
                started_at=sqlite_store.clock.now(),
                completed_at=sqlite_store.clock.now(),
            )
            sessions.insert_session(connection, made)
    assert numbers(sqlite_store) == [(n + 1, f"s{n:04}") for n in range(1_001)]


def test_a_deferred_session_is_a_result_too(store: Store, heard: Heard) -> None:
    """It is the outcome of that run; the one that goes on later has its own."""
    with store.write() as connection:
        holds.create(
            connection, Target("products"), reason="why", created_by="a", now=store.clock.now(), ttl_seconds=60
        )
    deferred = admit(store, SOURCE, DueRun(trigger=Trigger.RETRY)).session_id
    assert heard.outcomes == [(deferred, Status.DEFERRED)]
    assert numbers(store) == [(1, deferred)]
