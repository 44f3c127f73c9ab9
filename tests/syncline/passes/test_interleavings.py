"""Any two transactions of the library at once on PostgreSQL, their statements in any order."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import DeadlockDetected
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from support.interleaving import interleaved
from support.runs import begin, dead_process, products_source, pull
from support.shop import products, raw
from support.upstream import ListPages

from syncline import results
from syncline.admission.admit import admit, ask
from syncline.admission.due_run import Admission, DueRun, Queued
from syncline.clock import ManualClock
from syncline.errors import SessionLostError
from syncline.model.page import Page
from syncline.model.policies import Mode, Overlap
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.passes.closing import close, complete
from syncline.passes.commit import PageWriter
from syncline.passes.prune import prune
from syncline.passes.reconcile import reconcile
from syncline.passes.state import PassState
from syncline.store import holds, leases, queue
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
LEASE = Target("products")
TABLES = (
    "sync_sessions, session_totals, leases, queued_runs, heartbeats, holds, checkpoints, pass_keys, rejects, products"
)
DEADLOCKS: list[str] = []
"""The statements that PostgreSQL ended because of one."""
PAGES = ListPages(rows=products(range(1, 26)), page_size=10)
SOURCE = products_source(PAGES)
QUEUED = replace(SOURCE, overlap=Overlap.QUEUE)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the transactions find: an open session, of which some pages are stored."""

    session_id: str
    hold_id: str
    ticket: Queued | None


def prepared(store: Store, *, lives: bool) -> Scene:
    """An empty database, then a run, for which another one waits or whose process is dead; a hold of another source."""
    with store.write() as connection:
        connection.execute(text(f"TRUNCATE {TABLES}"))
    admission = begin(store, SOURCE, process=None if lives else dead_process())
    pull(store, SOURCE, admission)
    said = (
        ask(store, QUEUED, DueRun(trigger=Trigger.MANUAL)) if lives else None
    )  # one that asks takes a dead one's place
    with store.write() as connection:
        hold = holds.create(
            connection, Target("customers"), reason="why", created_by="anna", now=store.clock.now(), ttl_seconds=None
        )
    return Scene(session_id=admission.session_id, hold_id=hold.id, ticket=said if isinstance(said, Queued) else None)


def _admit(source: Source, store: Store, _: Scene) -> object:
    return admit(store, source, DueRun(trigger=Trigger.MANUAL, mode=Mode.FULL))


def _ask(store: Store, scene: Scene) -> object:
    return ask(store, QUEUED, DueRun(trigger=Trigger.MANUAL), ticket=scene.ticket)


def _end(store: Store, scene: Scene) -> object:
    return close(store, scene.session_id, Status.FAILED, error=("ValueError", "broken"))


def _complete(store: Store, scene: Scene) -> object:
    return complete(store, scene.session_id)


def _renew(store: Store, scene: Scene) -> object:
    return store.transact(
        lambda connection: leases.renew(connection, LEASE, scene.session_id, now=store.now(connection))
    )


def _reconcile(outcome: Status | None, store: Store, _: Scene) -> object:
    return reconcile(store, lambda _: outcome)


def _commit(store: Store, scene: Scene) -> object:
    writer = PageWriter(store, SOURCE, account_id="", session_id=scene.session_id)
    state = PassState(mode=Mode.FULL, started_at=store.clock.now(), ordered=False)
    return writer.commit(state, [Page(rows=[raw(row) for row in products(range(20, 40))])])


def _prune(store: Store, scene: Scene) -> object:
    return prune(store, SOURCE, scene.session_id, force=True)


def _hold(store: Store, _: Scene) -> object:
    with store.write() as connection:
        now = store.now(connection)
        return holds.create(connection, Target("products"), reason="why", created_by="anna", now=now, ttl_seconds=60)


def _release(store: Store, scene: Scene) -> object:
    with store.write() as connection:
        return holds.release(connection, scene.hold_id, now=store.now(connection))


def _leave(store: Store, scene: Scene) -> None:
    if scene.ticket is not None:
        with store.write() as connection:
            queue.leave(connection, scene.ticket.session_id)


def _number(store: Store, _: Scene) -> object:
    return results.newest(store)


WORKS: dict[str, Callable[[Store, Scene], object]] = {
    "admit": partial(_admit, SOURCE),
    "admit one that may wait": partial(_admit, QUEUED),
    "ask again": _ask,
    "end": _end,
    "complete": _complete,
    "renew": _renew,
    "reconcile": partial(_reconcile, None),
    "reconcile a crash": partial(_reconcile, Status.CRASHED),
    "commit a page": _commit,
    "prune": _prune,
    "hold": _hold,
    "release a hold": _release,
    "leave the queue": _leave,
    "number the results": _number,
}


OWN = {"commit a page", "prune"}
"""What the session's own process does, one after the other."""


@pytest.fixture(scope="module")
def url(postgresql_url: str, postgresql_template: str) -> Generator[str]:
    """One database for all examples."""
    admin = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE interleavings TEMPLATE {postgresql_template}"))
    yield admin.url.set(database="interleavings").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE interleavings WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="module")
def stores(url: str) -> Generator[list[Store]]:
    """Three that share nothing but the database: two for the transactions, one to look."""
    clock = ManualClock(START)
    made = [Store(url, clock=clock) for _ in range(3)]
    for store in made:
        event.listen(store.engine, "handle_error", _note_deadlock)
    yield made
    for store in made:
        store.close()


def _note_deadlock(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, DeadlockDetected):
        DEADLOCKS.append(context.statement or "")


def work_of(name: str, scene: Scene) -> Callable[[Store], object]:
    def work(store: Store) -> object:
        with suppress(SessionLostError):  # the other one closed it, which is its right
            return WORKS[name](store, scene)
        return None

    return work


def wrong(store: Store) -> list[str]:
    """What does not fit together; also a deadlock that the library has got over by beginning anew."""
    met = [f"a deadlock, so the order of locks was left: {statement}" for statement in DEADLOCKS]
    DEADLOCKS.clear()
    with store.read() as connection:

        def said(statement: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(text(statement))]

        open_ones = said("SELECT id FROM sync_sessions WHERE status = 'running'")
        owners = said("SELECT owner FROM leases WHERE released_at IS NULL")
        totals = said("SELECT status, sum(sessions) FROM session_totals GROUP BY status ORDER BY status")
        closed = said("SELECT status, count(*) FROM sync_sessions WHERE status <> 'running' GROUP BY 1 ORDER BY 1")
        rows = said("SELECT count(*) FROM products")
        counted = said("SELECT sum(items_created - items_deleted) FROM sync_sessions")
        halves = said("SELECT id FROM sync_sessions WHERE (status = 'running') <> (completed_at IS NULL)")
        waiting = said("SELECT session_id, count(*) FROM queued_runs GROUP BY 1 HAVING count(*) > 1")
    problems = {
        "an open session without the lease, or a lease without its session": open_ones != owners,
        "totals and sessions differ": totals != closed,
        "rows and counters differ": rows != counted,
        "half an end": bool(halves),
        "two places in the queue": bool(waiting),
    }
    return [*met, *(problem for problem, is_there in problems.items() if is_there)]


@given(
    pair=st.tuples(st.sampled_from(list(WORKS)), st.sampled_from(list(WORKS))).filter(lambda pair: not {*pair} <= OWN),
    lives=st.booleans(),
    order=st.lists(st.integers(0, 1), max_size=25),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_two_transactions_go_together(
    stores: list[Store],
    pair: tuple[str, str],
    lives: bool,  # noqa: FBT001 - Hypothesis draws it
    order: list[int],
) -> None:
    """Runs, hooks, the reconciler and people act at once: none fails for it, and the record stays true."""
    first, second, looking = stores
    scene = prepared(looking, lives=lives)
    interleaved([first, second], [work_of(name, scene) for name in pair], order)
    assert wrong(looking) == []


@pytest.mark.parametrize("order", [[0, 1] * 10, [1, 0] * 10, [0, 0, 1] * 8, [1, 1, 0] * 8])
@pytest.mark.parametrize("pair", [("end", "admit"), ("commit a page", "reconcile a crash"), ("prune", "admit")])
def test_an_end_and_an_admission_wait_for_each_other_in_one_order(
    stores: list[Store], pair: tuple[str, str], order: list[int]
) -> None:
    """They met in 36 of 60 rounds: the one held the session and wanted the lease, the other the other way round."""
    first, second, looking = stores
    scene = prepared(looking, lives=False)
    interleaved([first, second], [work_of(name, scene) for name in pair], order)
    assert wrong(looking) == []


@pytest.mark.parametrize("order", [[0, 1] * 12, [1, 0] * 12, [0, 0, 1] * 8, [0] * 24])
def test_of_two_first_runs_one_starts_and_the_other_names_it(stores: list[Store], order: list[int]) -> None:
    """There is no lease row to lock yet: the one that loses it reads the facts again, behind the other's lock."""
    first, second, looking = stores
    with looking.write() as connection:
        connection.execute(text(f"TRUNCATE {TABLES}"))

    def work(store: Store) -> Admission:
        return admit(store, SOURCE, DueRun(trigger=Trigger.MANUAL))

    begun, skipped = sorted(interleaved([first, second], [work, work], order), key=lambda one: not one.granted)
    assert (begun.status, skipped.status) == (Status.RUNNING, Status.SKIPPED)
    assert skipped.reason == f"overlap: session {begun.session_id} is running"
    assert wrong(looking) == []
