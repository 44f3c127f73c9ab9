"""Timetables in the database: a write counts only if no other reconciler wrote since they were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from syncline.model.timetable import Timetable

__all__ = ["advance", "begin", "every", "find", "note_away"]


def every(connection: Connection) -> Sequence[Timetable]:
    """All timetables, by the name of their deployment."""
    return Session(connection).scalars(select(Timetable).order_by(col(Timetable.deployment))).all()


def find(connection: Connection, deployment: str) -> Timetable | None:
    """The timetable of the deployment; None before the first look."""
    return Session(connection).get(Timetable, deployment)


def begin(connection: Connection, deployment: str, *, source: str, spans: str, now: datetime) -> bool:
    """Begin to account for the deployment's ticks, from `now` on; False where somebody else has begun."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {
        "deployment": deployment,
        "source": source,
        "spans": spans,
        "gaps": "[]",
        "accounted_to": now,
        "seen_at": now,
    }
    statement = make(Timetable).values(values).on_conflict_do_nothing().returning(col(Timetable.deployment))
    return connection.execute(statement).first() is not None


def advance(
    connection: Connection, before: Timetable, *, spans: str, gaps: str, accounted_to: datetime, now: datetime
) -> bool:
    """Write what a look found; False where the row is no longer as it was `before`: somebody else was quicker."""
    same = (
        col(Timetable.deployment) == before.deployment,
        col(Timetable.accounted_to) == before.accounted_to,
        col(Timetable.seen_at) == before.seen_at,
    )
    values = {"spans": spans, "gaps": gaps, "accounted_to": accounted_to, "seen_at": now, "away_since": None}
    return connection.execute(update(Timetable).where(*same).values(values)).rowcount == 1


def note_away(connection: Connection, *, now: datetime) -> None:
    """Record that Prefect's server does not answer; the first time counts."""
    known = col(Timetable.away_since).is_(None)
    connection.execute(update(Timetable).where(known).values(away_since=now))
