"""History that is older than the settings keep it goes; what a source is told by stays."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, text

from syncline import results
from syncline.clock import ManualClock, microseconds
from syncline.model.alerts import Alert
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.tables import AuditEntry, Hold, QueuedRun, Reject
from syncline.model.target import Target
from syncline.settings import KeepSettings
from syncline.store import drains, rollups, sessions, totals
from syncline.store.drains import DrainPlace
from syncline.store.engine import Store
from syncline.store.leases import Process
from syncline.store.retention import prune_history

KEEP = KeepSettings(newest_sessions=20)
OF_REMOVED = {"rows of removed accounts": 0, "hourly counts": 0, "dead drains": 0}
NOTHING = {"rejects": 0, "holds": 0, "queued runs": 0, "alerts": 0, "audit entries": 0, **OF_REMOVED}


def keep_sessions(
    store: Store, count: int, *, days_ago: float, status: Status = Status.COMPLETED, account: str = ""
) -> None:
    """So many sessions, a second between each and the one before it, the newest at last."""
    begun = store.clock.now() - timedelta(days=days_ago)
    with store.write() as connection:
        for number in range(count):
            at = begun + timedelta(seconds=number)
            sessions.insert_session(
                connection,
                SyncSession(
                    id=f"{status}-{account}-{days_ago}-{number:05}",
                    source="products",
                    account_id=account,
                    trigger=Trigger.SCHEDULE,
                    mode=Mode.FULL,
                    status=status,
                    started_at=at,
                    completed_at=None if status is Status.RUNNING else at,
                ),
            )


def stored(store: Store, table: str = "sync_sessions") -> int:
    with store.read() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - a name that stands below


def test_sessions_older_than_a_month_go_and_the_newest_of_each_status_stay(store: Store) -> None:
    """A source that was stopped a year ago still says how it stood then."""
    keep_sessions(store, 30, days_ago=31)
    keep_sessions(store, 25, days_ago=40, status=Status.FAILED)
    keep_sessions(store, 3, days_ago=400, status=Status.CRASHED)
    keep_sessions(store, 5, days_ago=29)
    keep_sessions(store, 1, days_ago=90, status=Status.RUNNING)
    assert prune_history(store, KEEP, dry_run=True)["sessions"] == 15 + 5
    assert stored(store) == 64
    assert prune_history(store, KEEP) == {"sessions": 20, **NOTHING}
    with store.read() as connection:
        left = connection.execute(text("SELECT status, count(*), max(id) FROM sync_sessions GROUP BY 1 ORDER BY 1"))
        assert [tuple(row)[:2] for row in left] == [("completed", 20), ("crashed", 3), ("failed", 20), ("running", 1)]
        assert sessions.find(connection, "completed--29-00004") is not None
    assert prune_history(store, KEEP)["sessions"] == 0


def test_the_newest_session_that_ran_of_each_account_stays(store: Store) -> None:
    """Whether it goes on later, and at what, is read from it."""
    keep_sessions(store, 3, days_ago=200, status=Status.DEFERRED, account="anna")
    keep_sessions(store, 30, days_ago=100, status=Status.DEFERRED, account="bert")
    keep_sessions(store, 1, days_ago=50, status=Status.SKIPPED, account="anna")
    assert prune_history(store, KEEP)["sessions"] == 2 + 10
    with store.read() as connection:
        newest = sessions.latest_started(connection, Target("products", "anna"))
    assert newest is not None
    assert newest.id == "deferred-anna-200-00002"


def test_totals_stay_and_results_go_on_with_higher_numbers(store: Store) -> None:
    """What was counted since the first stays counted; who follows the results never sees a number twice."""
    keep_sessions(store, 25, days_ago=31)
    keep_sessions(store, 22, days_ago=60, status=Status.FAILED)
    followed = results.newest(store)
    with store.write() as connection:  # the highest number belongs to one that would else go
        swapped = text("UPDATE sync_sessions SET result_no = 1000 WHERE id = 'failed--60-00000'")
        connection.execute(swapped)
    prune_history(store, KEEP)
    with store.read() as connection:
        assert sum(one.sessions for one in totals.of_source(connection, "products")) == 47
    keep_sessions(store, 1, days_ago=0)
    assert results.newest(store) == 1001 > followed


def test_old_rejects_holds_places_alerts_and_audit_entries_go(store: Store, clock: ManualClock) -> None:
    """Each by its own age; holds and alerts count from their end, and one that lasts stays however old it is."""
    now = clock.now()
    old, young = now - timedelta(days=31), now - timedelta(days=29)
    hold = {"source": "products", "reason": "why", "created_by": "anna", "created_at": now - timedelta(days=300)}
    ends = [("a", old, None), ("b", None, old), ("c", None, young), ("d", None, None), ("e", now, old)]
    holds = [hold | {"id": name, "expires_at": expires, "released_at": gone} for name, expires, gone in ends]
    place = {**Target("products").key, "tick": old, "host": "", "boot_id": "", "pid": 0, "process_started": 0}
    reject = {"session_id": "s", "source": "products", "reason": "why", "raw": ""}
    entry = {"actor": "anna", "action": "hold.create", "target": "products"}
    with store.write() as connection:
        connection.execute(insert(Hold), holds)
        connection.execute(
            insert(Reject),
            [reject | {"item": str(at), "first_seen": at, "last_seen": at, "times": 1} for at in (old, young)],
        )
        places = [("p1", now - timedelta(days=1)), ("p2", now + timedelta(days=1))]
        connection.execute(insert(QueuedRun), [place | {"session_id": name, "expires_at": at} for name, at in places])
        connection.execute(insert(AuditEntry), [entry | {"at": at} for at in (now - timedelta(days=366), old)])
        about = {"rule": "stalled", "subject": "products", "said": "why", "since": old, "fired_at": old}
        ends_of_alerts = [("a1", old), ("a2", young), ("a3", None)]
        connection.execute(insert(Alert), [about | {"id": name, "cleared_at": at} for name, at in ends_of_alerts])
    expected = {"rejects": 1, "holds": 3, "queued runs": 1, "alerts": 1, "audit entries": 1} | OF_REMOVED
    assert prune_history(store, KEEP, dry_run=True) == expected
    assert prune_history(store, KEEP) == expected
    assert [stored(store, one) for one in ("rejects", "holds", "queued_runs", "alerts", "audit_log")] == [1, 2, 1, 2, 1]


@pytest.mark.parametrize("old", [999, 1_000, 2_001])
def test_much_is_deleted_in_slices(store: Store, clock: ManualClock, old: int) -> None:
    """A million rows in one transaction would let nobody write to SQLite for minutes."""
    deleted: list[int] = []
    at = clock.now() - timedelta(days=400)
    with store.write() as connection:
        entry = {"at": at, "actor": "anna", "action": "a", "target": "t"}
        connection.execute(insert(AuditEntry), [entry] * old)

    def count(*told: object) -> None:
        if str(told[2]).startswith("DELETE FROM audit_log"):
            deleted.append(getattr(told[1], "rowcount"))  # noqa: B009 - a cursor of either driver

    event.listen(store.engine, "after_cursor_execute", count)
    assert prune_history(store, KEEP)["audit entries"] == old
    event.remove(store.engine, "after_cursor_execute", count)
    assert sum(deleted) == old
    assert max(deleted) <= 1_000
    assert stored(store, "audit_log") == 0


def test_hourly_counts_and_dead_drains_go(sqlite_store: Store, clock: ManualClock) -> None:
    """Counts stay as long as sessions do, so that charts and histories begin at the same day."""

    def count() -> None:
        one = rollups.Count(source="w", status=Status.COMPLETED, ended=clock.now(), took_ms=1, waited_ms=1)
        place = DrainPlace(host="old", slot=clock.now().toordinal(), owner="o", priorities=(), capacity=1)
        with sqlite_store.write() as connection:
            rollups.add(connection, [one], slot=0)
            drains.take_place(connection, place, process=Process.current(), now_us=microseconds(clock.now()))

    for days in (0, 29, 2):
        clock.advance(seconds=days * 86_400)
        count()
    assert prune_history(sqlite_store, KEEP, dry_run=True) == NOTHING | {"hourly counts": 1, "dead drains": 2}
    assert prune_history(sqlite_store, KEEP) == NOTHING | {"hourly counts": 1, "dead drains": 2}
    assert prune_history(sqlite_store, KEEP) == NOTHING
