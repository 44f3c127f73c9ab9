"""What monitors ask for every few seconds never walks through all sessions."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from syncline.model.session import Status, SyncSession
from syncline.model.source import Source
from syncline.settings import Settings
from syncline.status.history import history
from syncline.status.measured import measured
from syncline.status.metrics import metrics
from syncline.status.reading import read_report
from syncline.status.schedules import Schedules
from syncline.status.tallies import Tallies
from syncline.store.engine import Store

Record = Callable[..., SyncSession]


@pytest.fixture
def asked(store: Store, sources: list[Source], record: Record) -> list[tuple[str, Any]]:
    """The statements on sessions that the status, the page and two scrapes of the metrics execute."""
    tallies = Tallies(store.clock.now())
    record(Status.RUNNING, took=None)
    seen = read_report(store, Settings(), sources, Schedules())
    measured(store, seen, tallies)
    for n, status in enumerate(Status):
        record(status, after=1_000 + n, took=None if status is Status.RUNNING else 1)
    found: list[tuple[str, Any]] = []
    advance: Any = store.clock
    advance.advance(seconds=3_600)
    event.listen(store.engine, "before_cursor_execute", lambda *told: found.append((told[2], told[3])))
    measured(store, read_report(store, Settings(), sources, Schedules()), tallies)
    with store.read() as connection:
        history(connection, "products")
        history(connection, "products", status=Status.FAILED)
        metrics(connection, "products")
    return [(statement, values) for statement, values in found if "sync_sessions" in statement]


def test_every_statement_on_sessions_finds_them_by_an_index(store: Store, asked: list[tuple[str, Any]]) -> None:
    """A scan takes a second at a million sessions, and a monitor asks each ten."""
    assert len({statement for statement, _ in asked}) >= 7
    for statement, values in asked:
        plan = explained(store, statement, values)
        assert "sync_sessions" in plan or "ix_" in plan
        assert "SCAN sync_sessions" not in plan, f"{statement}\n{plan}"
        assert "Seq Scan on sync_sessions" not in plan, f"{statement}\n{plan}"
        found = plan.count("Index Cond") + plan.count("using ix_sync_sessions_open")  # which holds open ones alone
        assert store.is_sqlite or found >= plan.count(" on sync_sessions "), f"{statement}\n{plan}"


def explained(store: Store, statement: str, values: Any) -> str:  # noqa: ANN401 - as the driver takes them
    """The database's plan; PostgreSQL would rather scan a small table, unless it is told not to."""
    with store.engine.connect() as connection:
        if store.is_sqlite:
            return "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))
