"""Totals: how many sessions of a source had which outcome, counted as they close."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, select, update
from sqlalchemy import func as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from syncline.model.session import SessionTotal, Status

__all__ = ["add", "count", "of_all", "of_source"]

_SLOTS = 16
"""On PostgreSQL, where a row is locked until its transaction is on the disk."""
_COUNT = (
    update(SessionTotal)
    .where(
        col(SessionTotal.source) == bindparam("of_source"),
        col(SessionTotal.status) == bindparam("of_status"),
        col(SessionTotal.slot) == bindparam("of_slot"),
    )
    .values(
        sessions=col(SessionTotal.sessions) + bindparam("more_sessions"),
        duration_ms=col(SessionTotal.duration_ms) + bindparam("more_ms"),
    )
)
"""Built once. Most rows are there: an upsert, which SQLAlchemy compiles anew each time, takes five times as long."""


def count(
    connection: Connection, source: str, status: Status, *, begun: datetime, ended: datetime | None, times: int = 1
) -> None:
    """Count `times` more sessions; called in the transaction that closes them, never on its own."""
    took = timedelta() if ended is None else max(ended - begun, timedelta())
    add(connection, source, status, sessions=times, duration_ms=round(took / timedelta(milliseconds=1)))


def add(connection: Connection, source: str, status: Status, *, sessions: int, duration_ms: int) -> None:
    """Count so many more sessions that took so long in all; as of `count`."""
    is_server = connection.dialect.name == "postgresql"
    slot = random.randrange(_SLOTS) if is_server else 0  # noqa: S311 - that they are spread is enough
    row = {"of_source": source, "of_status": status, "of_slot": slot}
    if connection.execute(_COUNT, row | {"more_sessions": sessions, "more_ms": duration_ms}).rowcount == 0:
        make = postgresql.insert if is_server else sqlite.insert
        first = {"source": source, "status": status, "slot": slot}
        statement = make(SessionTotal).values(first | {"sessions": sessions, "duration_ms": duration_ms})
        total = {
            "sessions": col(SessionTotal.sessions) + statement.excluded.sessions,
            "duration_ms": col(SessionTotal.duration_ms) + statement.excluded.duration_ms,
        }
        connection.execute(statement.on_conflict_do_update(index_elements=list(first), set_=total))


def of_source(connection: Connection, source: str) -> Sequence[SessionTotal]:
    """The totals of one source, one for each outcome that one of its sessions had."""
    return _read(connection, col(SessionTotal.source) == source).get(source, [])


def of_all(connection: Connection) -> Mapping[str, Sequence[SessionTotal]]:
    """The totals of each source that ever had a session, read by one statement."""
    return _read(connection)


def _read(connection: Connection, *conditions: ColumnElement[bool]) -> dict[str, list[SessionTotal]]:
    group = col(SessionTotal.source), col(SessionTotal.status)
    sums = sql.sum(col(SessionTotal.sessions)).label("sessions"), sql.sum(col(SessionTotal.duration_ms)).label("ms")
    found: dict[str, list[SessionTotal]] = {}
    for row in connection.execute(select(*group, *sums).where(*conditions).group_by(*group).order_by(*group)):
        total = SessionTotal(source=row.source, status=row.status, sessions=int(row.sessions), duration_ms=int(row.ms))
        found.setdefault(row.source, []).append(total)
    return found
