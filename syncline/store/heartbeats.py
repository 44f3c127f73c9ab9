"""Heartbeats: the last sign of life of each source."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, select, update
from sqlmodel import Session, col

from syncline.model.records import Heartbeat
from syncline.store.upserts import upsert

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["beat", "began", "crashed", "ended", "every", "waiting"]

_BEAT = (
    update(Heartbeat)
    .where(col(Heartbeat.source) == bindparam("of_source"))
    .values(last_beat=bindparam("now"), page=bindparam("to_page"), waiting_for=None, waiting_until=None)
)
"""Built once: each page's transaction executes it."""


def began(connection: Connection, source: str, *, now: datetime) -> None:
    """A run of the source begins."""
    key = {"source": source}
    values = {"last_run": now, "last_beat": now, "page": 0, "waiting_for": None, "waiting_until": None}
    upsert(connection, Heartbeat, key, values)


def beat(connection: Connection, source: str, *, page: int, now: datetime) -> None:
    """Pages were stored, `page` of them in this run so far."""
    connection.execute(_BEAT, {"of_source": source, "to_page": page, "now": now})


def waiting(connection: Connection, source: str, *, reason: str, until: datetime | None, now: datetime) -> None:
    """The run waits for something, until a known time or not."""
    values = {"last_beat": now, "waiting_for": reason, "waiting_until": until}
    connection.execute(update(Heartbeat).where(col(Heartbeat.source) == source).values(values))


def ended(connection: Connection, source: str, *, failed: bool | None, duration_ms: int, now: datetime) -> None:
    """The run ended; failures are counted until the next success. `failed` is None where it was neither."""
    count = col(Heartbeat.error_count)
    errors = count if failed is None else count + 1 if failed else 0
    values = {
        "last_beat": now,
        "last_duration_ms": duration_ms,
        "error_count": errors,
        "waiting_for": None,
        "waiting_until": None,
    }
    connection.execute(update(Heartbeat).where(col(Heartbeat.source) == source).values(values))


def crashed(connection: Connection, source: str, *, times: int) -> None:
    """Runs were found dead: so many more failures."""
    if times:
        more = col(Heartbeat.error_count) + times
        connection.execute(update(Heartbeat).where(col(Heartbeat.source) == source).values(error_count=more))


def every(connection: Connection) -> Sequence[Heartbeat]:
    """The heartbeats of all sources that ever ran."""
    return Session(connection).scalars(select(Heartbeat).order_by(col(Heartbeat.source))).all()
