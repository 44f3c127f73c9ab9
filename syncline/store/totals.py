"""Totals: how many sessions of a source had which fate, counted as they close."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.model.session import SessionTotal, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["count", "of_source"]


def count(connection: Connection, source: str, status: Status, *, begun: datetime, ended: datetime | None) -> None:
    """Count one more session; called in the transaction that closes it, never on its own."""
    took = timedelta() if ended is None else max(ended - begun, timedelta())
    milliseconds = round(took / timedelta(milliseconds=1))
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    more = {
        "sessions": col(SessionTotal.sessions) + 1,
        "duration_ms": col(SessionTotal.duration_ms) + milliseconds,
    }
    statement = make(SessionTotal).values(source=source, status=status, sessions=1, duration_ms=milliseconds)
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "status"], set_=more))


def of_source(connection: Connection, source: str) -> Sequence[SessionTotal]:
    """The totals of one source, a row for each fate that one of its sessions had."""
    return Session(connection).scalars(select(SessionTotal).where(col(SessionTotal.source) == source)).all()
