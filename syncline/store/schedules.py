"""Intervals that an operator set in place of those in prefect.yaml; they last over a restart."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlmodel import Session, col

from syncline.model.tables import ScheduleOverride
from syncline.store.upserts import upsert

__all__ = ["drop", "override", "overrides"]


def override(connection: Connection, source: str, *, interval_seconds: int, changed_by: str, now: datetime) -> None:
    """Run `source` every `interval_seconds` from now on."""
    values = {"interval_seconds": interval_seconds, "changed_at": now, "changed_by": changed_by}
    upsert(connection, ScheduleOverride, {"source": source}, values)


def drop(connection: Connection, source: str) -> None:
    """Go back to the schedule of prefect.yaml."""
    connection.execute(delete(ScheduleOverride).where(col(ScheduleOverride.source) == source))


def overrides(connection: Connection) -> dict[str, int]:
    """The seconds between runs of each source whose interval was set."""
    rows = Session(connection).scalars(select(ScheduleOverride)).all()
    return {row.source: row.interval_seconds for row in rows}
