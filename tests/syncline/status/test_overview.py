from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert

from syncline.clock import ManualClock
from syncline.erp.tables import Customer
from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.passes import accounting
from syncline.passes.accounting import Span
from syncline.status.judgement import report
from syncline.status.overview import SourceOverview, overview
from syncline.status.protection import protections
from syncline.status.report import State
from syncline.status.row_counts import RowCount
from syncline.status.schedules import Schedules
from syncline.store import heartbeats, holds, timetables
from syncline.store.engine import Store

Record = Callable[..., SyncSession]


def look(store: Store, sources: list[Source], *, after: float = 100) -> list[SourceOverview]:
    with store.read() as connection:
        return overview(connection, sources, store.clock.now() + timedelta(seconds=after))


def states(store: Store, sources: list[Source], *, after: float = 100) -> list[State]:
    """The states that the report gives them, where all are set up and Prefect has planned nothing."""
    missing = dict.fromkeys([source.name for source in sources])
    now = store.clock.now() + timedelta(seconds=after)
    told = report(look(store, sources, after=after), protections(store, sources), Schedules(), missing, now)
    return [one.state for one in told.sources]


def test_a_new_source_has_nothing_to_tell(store: Store, sources: list[Source]) -> None:
    """The page is complete before the first run."""
    products, customers = look(store, sources)
    assert (products.name, products.upstream, customers.name) == ("products", "erp", "customers")
    assert (products.last, products.progress, products.holds) == (None, None, ())
    assert states(store, sources) == [State.NEW, State.NEW]
    assert (products.rows, products.consecutive_failures) == (RowCount(rows=0), 0)


def test_a_running_session_tells_how_far_and_how_fast(store: Store, sources: list[Source], record: Record) -> None:
    """Its watcher sees 300 of 1200 pages, and 3000 items in 100 seconds."""
    record(Status.RUNNING, took=None, pages_processed=300, total_pages=1_200, items_processed=3_000)
    products, customers = look(store, sources)
    assert products.progress is not None
    assert (products.progress.fraction, products.progress.items_per_second) == (0.25, 30)
    assert states(store, sources) == [State.RUNNING, State.NEW]
    assert (products.running, customers.running, customers.progress) == (1, 0, None)


@pytest.mark.parametrize(("total", "fraction"), [(None, None), (0, None), (2, 1), (1, 1)])
def test_a_fraction_is_told_only_where_it_is_known(
    store: Store, sources: list[Source], record: Record, total: int | None, fraction: float | None
) -> None:
    """Upstreams that tell no total, or that grow while they are read, break no progress bar."""
    record(Status.RUNNING, took=None, pages_processed=2, total_pages=total)
    progress = look(store, sources)[0].progress
    assert progress is not None
    assert progress.fraction == fraction


def test_a_session_that_began_this_instant_has_no_speed(store: Store, sources: list[Source], record: Record) -> None:
    """Nothing is divided by zero seconds."""
    record(Status.RUNNING, took=None, items_processed=5)
    progress = look(store, sources, after=0)[0].progress
    assert progress is not None
    assert progress.items_per_second == 0


def test_a_running_session_that_waits_says_so(store: Store, sources: list[Source], record: Record) -> None:
    """A sync that a hold stopped at a page is not taken for one that hangs."""
    record(Status.RUNNING, took=None)
    now = store.clock.now()
    with store.write() as connection:
        heartbeats.began(connection, "products", now=now)
        heartbeats.waiting(connection, "products", reason="hold: order creation", until=None, now=now)
    products = look(store, sources)[0]
    assert products.heartbeat is not None
    assert products.heartbeat.waiting_for == "hold: order creation"
    assert states(store, sources)[0] is State.WAITING


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (Status.COMPLETED, State.UP_TO_DATE),
        (Status.PARTIAL, State.PARTIAL),
        (Status.FAILED, State.FAILING),
        (Status.CRASHED, State.FAILING),
        (Status.DEFERRED, State.DEFERRED),
        (Status.CANCELLED, State.CANCELLED),
    ],
)
def test_an_idle_source_is_as_its_last_run_left_it(
    store: Store, sources: list[Source], record: Record, status: Status, state: State
) -> None:
    """A tick that was skipped since does not make a failing source look healthy."""
    ran = record(status)
    skipped = record(Status.SKIPPED, after=30)
    products = look(store, sources)[0]
    assert states(store, sources)[0] is state
    assert products.last is not None
    assert products.last_run is not None
    assert (products.last.id, products.last_run.id) == (skipped.id, ran.id)


def test_holds_in_force_are_shown_with_the_sources_they_hold(store: Store, sources: list[Source]) -> None:
    """A hold on everything shows on each source, one that expired on none, one of an account pauses only it."""
    now = store.clock.now()
    with store.write() as connection:
        for source, account, ttl in (("*", None, 500), ("products", None, 50), ("customers", "u1", None)):
            holds.create(
                connection, source, reason="why", created_by="ann", now=now, ttl_seconds=ttl, account_id=account
            )
    products, customers = look(store, sources)
    assert [hold.source for hold in products.holds] == ["*"]
    assert [(hold.source, hold.account_id) for hold in customers.holds] == [("*", None), ("customers", "u1")]
    assert states(store, sources) == [State.PAUSED, State.PAUSED]
    assert states(store, sources, after=501) == [State.NEW, State.NEW]


def test_failures_in_a_row_are_told(store: Store, sources: list[Source]) -> None:
    """One failure is weather, five are a defect."""
    now = store.clock.now()
    with store.write() as connection:
        heartbeats.began(connection, "products", now=now)
        for _ in range(5):
            heartbeats.ended(connection, "products", failed=True, duration_ms=9, now=now)
    assert [one.consecutive_failures for one in look(store, sources)] == [5, 0]


def test_the_rows_of_each_table_are_counted(store: Store, sources: list[Source]) -> None:
    """The number of rows is what users look for first."""
    now = ManualClock(store.clock.now()).now()
    stamp = {"created_at": now, "updated_at": now, "synced_at": now, "raw_fingerprint": b"r", "fingerprint": b"f"}
    with store.write() as connection:
        connection.execute(insert(Customer), [{"id": str(n), "active": True, **stamp} for n in range(3)])
    assert [one.rows for one in look(store, sources)] == [RowCount(rows=0), RowCount(rows=3)]


@pytest.mark.parametrize(("kept", "off"), [((True, True), True), ((True, False), False), ((), False)])
def test_a_source_was_off_if_none_of_its_deployments_was_on(
    store: Store, sources: list[Source], kept: tuple[bool, ...], *, off: bool
) -> None:
    """It is what is known of a schedule while Prefect's server is away."""
    now = store.clock.now()
    with store.write() as connection:
        for number, is_off in enumerate(kept):
            on = Span(since=now - timedelta(hours=1), schedules=("every minute",))
            spans = [on, Span(since=now, schedules=() if is_off else on.schedules)]
            timetables.begin(connection, f"sync/{number}", source="products", spans=accounting.dump(spans), now=now)
    assert [one.was_off for one in look(store, sources)] == [off, False]
