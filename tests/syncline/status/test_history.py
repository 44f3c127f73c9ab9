from collections.abc import Callable
from datetime import timedelta

import pytest

from syncline.clock import milliseconds
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.status.history import as_seed, history, newest_that_ran
from syncline.store.engine import Store

Record = Callable[..., SyncSession]
SEED_FIELDS = {
    *("id", "syncType", "startedAt", "completedAt", "status", "totalPages", "pagesProcessed", "itemsProcessed"),
    *("itemsCreated", "itemsUpdated", "itemsDeleted", "errorMessage", "syncMode"),
}


def test_the_newest_sessions_come_first_up_to_the_limit(store: Store, record: Record) -> None:
    """The last ten are what a dashboard shows."""
    made = [record(Status.COMPLETED, after=n) for n in range(15)]
    with store.read() as connection:
        found = history(connection, "products", limit=10)
    assert [session.id for session in found] == [session.id for session in reversed(made[5:])]


def test_sessions_are_chosen_by_source_outcome_and_time(store: Store, record: Record) -> None:
    """The failed ones of one source are found among all the others, page by page."""
    failed = [record(Status.FAILED, after=n * 10) for n in range(3)]
    record(Status.COMPLETED, after=5)
    other = record(Status.FAILED, name="customers", after=12)
    with store.read() as connection:
        found = history(connection, "products", status=Status.FAILED, before=failed[2].started_at)
        every = history(connection, status=Status.FAILED)
    assert [session.id for session in found] == [failed[1].id, failed[0].id]
    assert [session.id for session in every] == [failed[2].id, other.id, failed[1].id, failed[0].id]


def test_an_entry_has_the_names_of_the_seed(record: Record) -> None:
    """Dashboards that were written for the seed's endpoint read ours."""
    session = record(Status.FAILED, took=55, items_processed=4_540, items_created=12, error_message="no answer")
    entry = as_seed(session).model_dump(mode="json")
    assert entry.keys() >= SEED_FIELDS
    assert entry["completedAt"] - entry["startedAt"] == 55_000
    assert entry["startedAt"] == milliseconds(session.started_at)
    told = (entry["syncType"], entry["status"], entry["itemsProcessed"], entry["itemsCreated"], entry["errorMessage"])
    assert told == ("products", "failed", 4_540, 12, "no answer")


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        (Trigger.SCHEDULE, "auto"),
        (Trigger.RETRY, "auto"),
        (Trigger.MANUAL, "manual"),
        (Trigger.API, "manual"),
        (Trigger.WEBHOOK, "manual"),
        (Trigger.EVENT, "manual"),
    ],
)
def test_background_syncs_are_told_from_those_asked_for(record: Record, trigger: Trigger, told: str) -> None:
    """The seed's syncMode says who started it; how much was read stands in `mode`."""
    entry = as_seed(record(Status.COMPLETED, trigger=trigger, mode=Mode.FULL))
    assert (entry.sync_mode, entry.mode, entry.trigger) == (told, Mode.FULL, trigger)


def test_an_open_or_deferred_session_tells_when_it_goes_on(store: Store, record: Record) -> None:
    """Instants are milliseconds in all of the entry, null where there is none."""
    running = as_seed(record(Status.RUNNING, took=None))
    retry_at = store.clock.now() + timedelta(seconds=90)
    deferred = as_seed(record(Status.DEFERRED, retry_at=retry_at, reason="rate limit"))
    assert (running.completed_at, running.retry_at) == (None, None)
    assert (deferred.retry_at, deferred.reason) == (milliseconds(retry_at), "rate limit")


def test_the_newest_that_ran_looks_past_what_was_skipped(store: Store, record: Record) -> None:
    """A hold that skips every tick does not hide how the last sync ended."""
    failed = record(Status.FAILED)
    running = record(Status.RUNNING, after=10, took=None)
    record(Status.SKIPPED, after=20)
    record(Status.MISSED, after=30)
    with store.read() as connection:
        newest = newest_that_ran(connection, "products")
        ended = newest_that_ran(connection, "products", ended=True)
        nothing = newest_that_ran(connection, "customers")
    assert newest is not None
    assert ended is not None
    assert (newest.id, ended.id, nothing) == (running.id, failed.id, None)
