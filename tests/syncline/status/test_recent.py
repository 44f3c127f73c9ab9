from collections.abc import Callable
from datetime import timedelta

import pytest

from syncline.model.session import Status, SyncSession
from syncline.status.recent import RECENT, Recent, recent_runs
from syncline.store.engine import Store

Record = Callable[..., SyncSession]


def read(store: Store, source: str = "products") -> Recent:
    with store.read() as connection:
        return recent_runs(connection, source)


def test_before_the_first_run_nothing_is_claimed(store: Store) -> None:
    """No success rate is not one of zero."""
    recent = read(store)
    assert (recent.last, recent.success, recent.failed_attempts) == (None, None, 0)


def test_only_runs_that_ended_good_or_bad_are_recent(store: Store, record: Record) -> None:
    """A breaker that skips a hundred ticks pushes no run out of sight."""
    ran = [record(status, after=n) for n, status in enumerate([Status.COMPLETED, Status.CRASHED, Status.PARTIAL])]
    others = (Status.SKIPPED, Status.MISSED, Status.DEFERRED, Status.CANCELLED)
    for n, status in enumerate(others * 6):
        record(status, after=100 + n)
    record(Status.RUNNING, after=200, took=None)
    record(Status.FAILED, after=300, name="customers")
    recent = read(store)
    assert [run.session.started_at for run in recent.runs] == [session.started_at for session in reversed(ran)]
    assert recent.success == pytest.approx(2 / 3)


def test_no_more_than_the_newest_are_recent(store: Store, record: Record) -> None:
    """What went wrong a month ago is over."""
    for n in range(RECENT + 5):
        record(Status.FAILED if n < 5 else Status.COMPLETED, after=n)
    assert (len(read(store).runs), read(store).success) == (RECENT, 1)


def test_the_last_run_is_told_with_its_error(store: Store, record: Record) -> None:
    """Type and message on one line; where there is neither, the reason, or the outcome itself."""
    record(Status.FAILED, took=2.5, items_processed=7, error_type="UnavailableError", error_message="erp\nanswered 503")
    last = read(store).last
    assert last is not None
    assert (last.error, last.took, last.session.items_processed) == (
        "UnavailableError: erp answered 503",
        timedelta(seconds=2.5),
        7,
    )
    for n, (reason, told) in enumerate([("its process is gone", "its process is gone"), (None, "crashed")]):
        record(Status.CRASHED, after=60 + n, reason=reason)
        last = read(store).last
        assert last is not None
        assert last.error == told
    record(Status.PARTIAL, after=120, error_message="an attempt before failed")
    last = read(store).last
    assert last is not None
    assert (last.error, last.succeeded) == (None, True)


def test_attempts_that_failed_are_counted_since_the_last_success(store: Store, record: Record) -> None:
    """Two failed runs of three attempts each are six, and a success forgets them."""
    record(Status.FAILED, after=0, retry_count=9)
    record(Status.COMPLETED, after=1, retry_count=1)
    assert read(store).failed_attempts == 0
    record(Status.FAILED, after=2, retry_count=2)
    record(Status.CRASHED, after=3, retry_count=2)
    assert read(store).failed_attempts == 6


def test_a_clock_that_stepped_back_shortens_no_run_below_nothing(store: Store, record: Record) -> None:
    """A negative duration is no measurement."""
    record(Status.COMPLETED, took=-30)
    last = read(store).last
    assert last is not None
    assert last.took == timedelta()
