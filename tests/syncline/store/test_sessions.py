from datetime import timedelta

import pytest
from support.records import open_session
from support.runs import counted, session

from syncline.clock import ManualClock
from syncline.errors import SessionLostError
from syncline.model.session import Status, Tally
from syncline.model.target import Target
from syncline.store import sessions, totals
from syncline.store.engine import Store

PAGE = Tally(pages=1, processed=10, created=4, updated=3, unchanged=2, deleted=5, rejected=1, requests=2)


def test_pages_add_up(store: Store) -> None:
    """The counters of a session are those of its pages together: 10 + 10 processed, 4 + 4 created, …."""
    open_session(store)
    for _ in range(2):
        with store.write() as connection:
            sessions.advance(connection, "s1", PAGE)
    assert counted(store, "s1") == PAGE + PAGE


def test_what_is_read_back_is_what_was_opened(store: Store, clock: ManualClock) -> None:
    """Instants come back aware and in UTC, outcomes as members of their enumeration."""
    open_session(store, account_id="anna", flow_run_id="run-1")
    found = session(store, "s1")
    assert (found.account_id, found.flow_run_id, found.started_at) == ("anna", "run-1", clock.now())
    assert found.status is Status.RUNNING
    assert found.completed_at is None


def test_the_number_of_pages_stays_when_a_page_does_not_tell_it(store: Store) -> None:
    """A page without a total does not make the total unknown again."""
    open_session(store)
    with store.write() as connection:
        sessions.advance(connection, "s1", Tally(pages=1), pages_left=6)
        sessions.advance(connection, "s1", Tally(pages=1))
    assert session(store, "s1").total_pages == 7


def test_a_session_is_closed_once(store: Store, clock: ManualClock) -> None:
    """Hooks, the flow and the reconciler may all try to close a session: the first one's word stands."""
    open_session(store)
    clock.advance(seconds=5)
    with store.write() as connection:
        assert sessions.close(connection, "s1", Status.FAILED, now=clock.now(), error=("ValueError", "no"))
    clock.advance(seconds=5)
    with store.write() as connection:
        assert not sessions.close(connection, "s1", Status.COMPLETED, now=clock.now())
    found = session(store, "s1")
    assert (found.status, found.error_type, found.error_message) == (Status.FAILED, "ValueError", "no")
    assert found.completed_at == found.started_at + timedelta(seconds=5)


def test_an_unknown_session_cannot_be_closed(store: Store, clock: ManualClock) -> None:
    """Closing what is not there changes nothing, and says so."""
    with store.write() as connection:
        assert not sessions.close(connection, "nobody", Status.FAILED, now=clock.now())


def test_a_closed_session_counts_nothing_more(store: Store, clock: ManualClock) -> None:
    """A run that lost its session must not commit: the error rolls back all that its transaction wrote."""
    open_session(store)
    open_session(store, "s2", source="customers")
    with store.write() as connection:
        sessions.close(connection, "s1", Status.CRASHED, now=clock.now())

    def advance_both() -> None:
        with store.write() as connection:
            sessions.advance(connection, "s2", PAGE)
            sessions.advance(connection, "s1", PAGE)

    with pytest.raises(SessionLostError, match="s1 is no longer open"):
        advance_both()
    assert counted(store, "s1") == Tally()
    assert counted(store, "s2") == Tally()


@pytest.mark.parametrize(
    ("status", "error"),
    [(Status.COMPLETED, None), (Status.DEFERRED, None), (Status.PARTIAL, "Flaky"), (Status.FAILED, "Flaky")],
)
def test_a_good_end_clears_the_errors_of_earlier_attempts(
    store: Store, clock: ManualClock, status: Status, error: str | None
) -> None:
    """A run that succeeded at its third attempt has no error; one that failed keeps what was noted."""
    open_session(store)
    with store.write() as connection:
        sessions.note_retry(connection, "s1", retry_count=2)
        sessions.note_error(connection, "s1", error_type="Flaky", error_message="x" * 5_000)
        sessions.close(connection, "s1", status, now=clock.now())
    found = session(store, "s1")
    assert (found.retry_count, found.error_type) == (2, error)
    assert len(found.error_message or "") == (2_000 if error else 0)


def test_notes_do_not_reach_a_closed_session(store: Store, clock: ManualClock) -> None:
    """What is on record of an ended session does not change any more."""
    open_session(store)
    with store.write() as connection:
        sessions.close(connection, "s1", Status.COMPLETED, now=clock.now(), reason="done")
        sessions.note_retry(connection, "s1", retry_count=2)
        sessions.note_error(connection, "s1", error_type="Late", error_message="late")
        sessions.note_reason(connection, "s1", "late")
    found = session(store, "s1")
    assert (found.retry_count, found.error_type, found.reason) == (0, None, "done")


def test_the_newest_session_of_a_flow_run_is_found(store: Store, clock: ManualClock) -> None:
    """A flow run that is tried again is the same run; others' sessions are none of its business."""
    open_session(store, "old", flow_run_id="run-1", status=Status.FAILED)
    open_session(store, "new", flow_run_id="run-1", started_at=clock.advance(seconds=1))
    open_session(store, "other", flow_run_id="run-2", started_at=clock.advance(seconds=1))
    with store.read() as connection:
        found = sessions.by_flow_run(connection, "run-1")
        assert found is not None
        assert found.id == "new"
        assert sessions.by_flow_run(connection, "run-3") is None


def test_the_latest_session_is_one_that_ran(store: Store, clock: ManualClock) -> None:
    """What was skipped or missed did not bring the source up to date; another account's run did not either."""
    open_session(store, "ran", status=Status.FAILED)
    for number, status in enumerate([Status.SKIPPED, Status.MISSED]):
        open_session(store, f"not-{number}", status=status, started_at=clock.advance(seconds=1))
    open_session(store, "account", account_id="anna", started_at=clock.advance(seconds=1))
    open_session(store, "elsewhere", source="customers", started_at=clock.advance(seconds=1))
    with store.read() as connection:
        found = {who: sessions.latest_started(connection, Target("products", who)) for who in ("", "anna", "bert")}
    assert {who: None if one is None else one.id for who, one in found.items()} == {
        "": "ran",
        "anna": "account",
        "bert": None,
    }


def test_open_sessions_are_listed_oldest_first(store: Store, clock: ManualClock) -> None:
    """The reconciler looks at all of them, a source's page at its own."""
    open_session(store, "second", started_at=clock.now() + timedelta(seconds=1))
    open_session(store, "first")
    open_session(store, "other", source="customers", started_at=clock.now() + timedelta(seconds=2))
    open_session(store, "ended", status=Status.COMPLETED)
    with store.read() as connection:
        assert [one.id for one in sessions.running(connection)] == ["first", "second", "other"]
        assert [one.id for one in sessions.running(connection, "products")] == ["first", "second"]


def test_abandoned_sessions_are_closed_but_for_the_one_that_follows(store: Store, clock: ManualClock) -> None:
    """Who takes a source over closes what its dead owner left open, of this source and account alone."""
    for name, account in (("dead", ""), ("mine", ""), ("annas", "anna")):
        open_session(store, name, account_id=account)
    open_session(store, "elsewhere", source="customers")
    with store.write() as connection:
        closed = sessions.close_abandoned(connection, Target("products"), keep="mine", now=clock.now())
    assert closed == ["dead"]
    assert session(store, "dead").status is Status.CRASHED
    with store.read() as connection:
        assert {one.id for one in sessions.running(connection)} == {"mine", "annas", "elsewhere"}
        assert {(t.status, t.sessions) for t in totals.of_source(connection, "products")} == {(Status.CRASHED, 1)}


def test_each_outcome_is_counted_with_its_duration(store: Store, clock: ManualClock) -> None:
    """Metrics read these totals instead of a million rows: 2 completed in 3 s + 3 s, 1 skipped in no time."""
    for name in ("a", "b"):
        open_session(store, name)
        with store.write() as connection:
            sessions.close(connection, name, Status.COMPLETED, now=clock.advance(seconds=3))
            sessions.close(connection, name, Status.COMPLETED, now=clock.now())
    open_session(store, "c", status=Status.SKIPPED)
    with store.read() as connection:
        found = {t.status: (t.sessions, t.duration_ms) for t in totals.of_source(connection, "products")}
    assert found == {Status.COMPLETED: (2, 6_000), Status.SKIPPED: (1, 0)}


def test_ids_tell_sessions_of_the_same_instant_apart(clock: ManualClock) -> None:
    """The id names the source and the millisecond, as the seed's do, and eight characters of chance."""
    made = {sessions.new_id("products", clock.now()) for _ in range(100)}
    assert len(made) == 100  # four characters were too few: two tests of one run met the same id twice
    assert {one.rpartition("-")[0] for one in made} == {"products-sync-1769076000000"}
