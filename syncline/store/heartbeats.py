"""Heartbeats: the last sign of life of each target.

All runs of a target write the same row. So they do it beside their own transactions, over the connection that waits for
no disk: what they store would else wait for each other, and a sign of life that a power loss takes is missed by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.errors import StoreError
from syncline.model.tables import Heartbeat
from syncline.model.target import Target
from syncline.store.direct import RawStatements
from syncline.store.engine import Store

__all__ = ["Beat", "Pulse", "beat", "began", "crashed", "ended", "every", "find", "note", "waiting"]

Over: TypeAlias = RawStatements | Connection
Beat: TypeAlias = Callable[[Over], None]
"""A sign of life, to be written over a connection."""
_BEAT_EVERY = timedelta(seconds=1)
_MINE = "WHERE source = ? AND account_id = ?"
_RESTS = "waiting_for = NULL, waiting_until = NULL"


def note(store: Store, *beats: Beat) -> None:
    """Write signs of life beside the transactions; where the database is away, they are lost.

    Not within a transaction that writes: on SQLite it would wait for itself. Nor does it wait for another thread that
    uses the connection, which may be the one that hangs.
    """

    def write(over: Over) -> None:
        for one in beats:
            one(over)

    if beats:
        with suppress(StoreError):
            if not store.direct.call_if_free(write):
                store.transact(write, durable=False)


class Pulse:
    """The beats of one run: written with its first page, then at most once a second, and with its last."""

    def __init__(self, store: Store, target: Target) -> None:
        """Beat for `target`."""
        self._store = store
        self._target = target
        self._beaten_at: datetime | None = None

    def beat(self, *, page: int, last: bool) -> None:
        """Pages were stored, `page` of them in this run so far; with the `last`, the pass is at its end."""
        now = self._store.clock.now()
        if not last and self._beaten_at is not None and self._beaten_at <= now < self._beaten_at + _BEAT_EVERY:
            return
        self._beaten_at = now
        note(self._store, partial(beat, target=self._target, page=page, now=now))


def began(over: Over, target: Target, *, now: datetime) -> None:
    """A run of the target begins."""
    changes = f"last_run = excluded.last_run, last_beat = excluded.last_beat, page = 0, {_RESTS}"
    _write(
        over,
        "INSERT INTO heartbeats (source, account_id, last_run, last_beat, page, error_count) VALUES (?, ?, ?, ?, 0, 0) "
        f"ON CONFLICT (source, account_id) DO UPDATE SET {changes}",
        (*_names(target), now, now),
    )


def beat(over: Over, target: Target, *, page: int, now: datetime) -> None:
    """Pages were stored, `page` of them in this run so far."""
    _write(over, f"UPDATE heartbeats SET last_beat = ?, page = ?, {_RESTS} {_MINE}", (now, page, *_names(target)))


def waiting(over: Over, target: Target, *, reason: str, until: datetime | None, now: datetime) -> None:
    """The run waits for something, until a known time or not."""
    values = (now, reason, until, *_names(target))
    _write(over, f"UPDATE heartbeats SET last_beat = ?, waiting_for = ?, waiting_until = ? {_MINE}", values)


def ended(over: Over, target: Target, *, failed: bool | None, duration_ms: int, now: datetime) -> None:
    """The run ended; failures are counted until the next success. `failed` is None where it was neither."""
    errors = "" if failed is None else "error_count = error_count + 1, " if failed else "error_count = 0, "
    changes = f"{errors}last_beat = ?, last_duration_ms = ?, {_RESTS}"
    _write(over, f"UPDATE heartbeats SET {changes} {_MINE}", (now, duration_ms, *_names(target)))


def crashed(over: Over, target: Target, *, times: int) -> None:
    """Runs were found dead: so many more failures."""
    if times:
        _write(over, f"UPDATE heartbeats SET error_count = error_count + ? {_MINE}", (times, *_names(target)))


def every(connection: Connection) -> Sequence[Heartbeat]:
    """The heartbeats of all sources that ever ran themselves; accounts have heartbeats of their own."""
    of_sources = select(Heartbeat).where(col(Heartbeat.account_id) == "")
    return Session(connection).scalars(of_sources.order_by(col(Heartbeat.source))).all()


def find(connection: Connection, target: Target) -> Heartbeat | None:
    """The heartbeat of the target; None before its first run."""
    return Session(connection).scalars(select(Heartbeat).where(*target.among(Heartbeat))).first()


def _names(target: Target) -> tuple[str, str]:
    return target.source, target.account_id


def _write(over: Over, statement: str, values: tuple[object, ...]) -> None:
    is_sqlite = over.is_sqlite if isinstance(over, RawStatements) else over.dialect.name == "sqlite"
    if is_sqlite:
        values = tuple(_sqlite_text(value) if isinstance(value, datetime) else value for value in values)
    if isinstance(over, RawStatements):
        over.changed(statement, values)
    else:
        over.exec_driver_sql(statement if is_sqlite else statement.replace("?", "%s"), values)


def _sqlite_text(instant: datetime) -> str:
    """As SQLAlchemy writes and reads it: UTC, without an offset."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
