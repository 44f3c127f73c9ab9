"""Totals: how many sessions of a source had which outcome, counted as they close."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy import func as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from syncline.model.session import SessionTotal, Status

__all__ = ["count", "of_all", "of_source"]

_SLOTS = 16
"""On PostgreSQL, where a row is locked until its transaction is on the disk."""


def count(
    connection: Connection, source: str, status: Status, *, begun: datetime, ended: datetime | None, times: int = 1
) -> None:
    """Count `times` more sessions; called in the transaction that closes them, never on its own."""
    took = timedelta() if ended is None else max(ended - begun, timedelta())
    milliseconds, is_server = round(took / timedelta(milliseconds=1)), connection.dialect.name == "postgresql"
    make = postgresql.insert if is_server else sqlite.insert
    more = {
        "sessions": col(SessionTotal.sessions) + times,
        "duration_ms": col(SessionTotal.duration_ms) + milliseconds,
    }
    slot = random.randrange(_SLOTS) if is_server else 0  # noqa: S311 - that they are spread is enough
    values = {"source": source, "status": status, "sessions": times, "duration_ms": milliseconds, "slot": slot}
    statement = make(SessionTotal).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "status", "slot"], set_=more))


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
