from collections.abc import Callable
from datetime import timedelta

import pytest

from syncline.clock import milliseconds
from syncline.model.session import Status, SyncSession
from syncline.status.metrics import Metrics, metrics
from syncline.store import sessions, totals
from syncline.store.engine import Store

Record = Callable[..., SyncSession]


def read(store: Store, source: str = "products") -> Metrics:
    with store.read() as connection:
        return metrics(connection, source)


def test_a_source_that_never_ran_has_zeros_and_nulls(store: Store) -> None:
    """A dashboard divides nothing by zero on the first day."""
    assert read(store).model_dump() == {
        "totalSyncs": 0,
        "successfulSyncs": 0,
        "failedSyncs": 0,
        "successRate": 0,
        "avgDurationMs": 0,
        "lastSyncAt": None,
        "lastSyncStatus": None,
    }


def test_four_of_five_syncs_are_eighty_percent(store: Store, record: Record) -> None:
    """The seed's own example: 4 completed and 1 failed, 55 seconds each."""
    outcomes = [Status.COMPLETED, Status.FAILED, *[Status.COMPLETED] * 3]
    last = [record(status, after=n * 100, took=55) for n, status in enumerate(outcomes)][-1]
    assert read(store).model_dump() == {
        "totalSyncs": 5,
        "successfulSyncs": 4,
        "failedSyncs": 1,
        "successRate": 80,
        "avgDurationMs": 55_000,
        "lastSyncAt": milliseconds(last.started_at),
        "lastSyncStatus": "completed",
    }


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.MISSED])
def test_a_tick_that_never_ran_is_no_sync(store: Store, record: Record, status: Status) -> None:
    """An overlap that was rightly skipped neither fails nor shortens the average."""
    ran = record(Status.COMPLETED, took=40)
    record(status, after=60, took=0)
    seen = read(store)
    assert (seen.total_syncs, seen.success_rate, seen.avg_duration_ms) == (1, 100, 40_000)
    assert (seen.last_sync_at, seen.last_sync_status) == (milliseconds(ran.started_at), Status.COMPLETED)


def test_a_session_counts_from_its_beginning_on(store: Store, record: Record) -> None:
    """As in the seed, whose table has a row from the first moment; its average is of those that ended."""
    record(Status.COMPLETED, took=40)
    running = record(Status.RUNNING, after=60, took=None)
    record(Status.DEFERRED, after=30, took=20)
    seen = read(store)
    assert (seen.total_syncs, seen.successful_syncs, seen.avg_duration_ms) == (3, 1, 30_000)
    assert (seen.last_sync_at, seen.last_sync_status) == (milliseconds(running.started_at), Status.RUNNING)


def test_sessions_of_other_sources_are_not_counted(store: Store, record: Record) -> None:
    """One failing source leaves the rate of the others alone."""
    record(Status.COMPLETED)
    record(Status.FAILED, name="customers", after=60)
    assert (read(store).success_rate, read(store, "customers").success_rate) == (100, 0)


def test_closing_a_session_counts_it_once(store: Store, record: Record) -> None:
    """Two hooks and the reconciler may close the same session; the first one wins."""
    opened = record(Status.RUNNING, took=None)
    ended = opened.started_at + timedelta(milliseconds=1_500)
    with store.write() as connection:
        assert sessions.close(connection, opened.id, Status.FAILED, now=ended, error=("ValueError", "no"))
    with store.write() as connection:
        assert not sessions.close(connection, opened.id, Status.COMPLETED, now=ended)
    seen = read(store)
    assert (seen.total_syncs, seen.failed_syncs, seen.avg_duration_ms) == (1, 1, 1_500)


def test_a_session_that_its_process_abandoned_was_no_success(store: Store, record: Record) -> None:
    """A crash shows in the rate although its process could not report it."""
    left = record(Status.RUNNING, took=None)
    with store.write() as connection:
        now = left.started_at + timedelta(seconds=3)
        assert sessions.close_abandoned(connection, "products", None, keep="another", now=now) == [left.id]
    assert (read(store).total_syncs, read(store).success_rate, read(store).avg_duration_ms) == (1, 0, 3_000)


def test_a_transaction_that_is_rolled_back_counts_nothing(store: Store, record: Record) -> None:
    """Totals and sessions cannot drift apart, whenever the process dies."""
    opened = record(Status.RUNNING, took=None)
    with store.engine.connect() as connection:
        assert sessions.close(connection, opened.id, Status.COMPLETED, now=opened.started_at)
        connection.rollback()
    with store.read() as connection:
        assert totals.of_source(connection, "products") == []


def test_a_clock_that_stepped_back_takes_no_time_off(store: Store, record: Record) -> None:
    """A negative duration would lower the average of all others."""
    record(Status.COMPLETED, took=-30)
    assert read(store).avg_duration_ms == 0
