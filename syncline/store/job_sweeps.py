"""Sweeps: whose sync has fallen due is queued, a slice at a time; an account that has a job gets no second one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlmodel import Session

from syncline.clock import microseconds
from syncline.model.job import MAX_RETRIES, Sweep
from syncline.store.job_wake import ring
from syncline.store.native import execute, instant, is_postgresql
from syncline.store.upserts import upsert

__all__ = ["SLICE", "Due", "Swept", "last_sweep", "note", "queue_due", "set_aside_unused"]

SLICE = 10_000
"""So many accounts are queued by one transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Who is due.

    Attributes:
        source: whose accounts are looked at.
        now: the present instant.
        until: accounts that fall due by then are queued now, each for the instant at which it is due.
        stale_seconds: what was not read for so long goes first; an account's own setting wins.
        active_seconds: an account that nobody used for so long is not synced by itself.
    """

    source: str
    now: datetime
    until: datetime
    stale_seconds: float
    active_seconds: float

    @property
    def active_after(self) -> datetime:
        """Who was used since then is active."""
        return self.now - timedelta(seconds=self.active_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """What a slice of a sweep did.

    Attributes:
        queued: how many jobs it made, or made more urgent.
        stale: how many of them are stale.
        after: where the next slice begins; None: this was the last one.
    """

    queued: int
    stale: int
    after: tuple[int, str] | None


def queue_due(connection: Connection, due: Due, *, after: tuple[int, str] | None = None, limit: int = SLICE) -> Swept:
    """Queue the accounts that are due, the longest due first, `limit` of them from `after` on.

    Nothing else is written: an account's `next_due_us` moves when its job ends. One whose job waits already is left
    alone, but where it has become stale its job goes first from now on.
    """
    begin, last_us = after or (-1, ""), microseconds(due.until)
    last = _end_of_slice(connection, due, begin, limit)
    end = last or (last_us + 1, "")
    stale = [instant(connection, due.now), due.stale_seconds]
    among = [due.source, last_us, *begin, *end, instant(connection, due.active_after)]
    statement = _QUEUE_POSTGRESQL if is_postgresql(connection) else _QUEUE_SQLITE
    found = execute(connection, statement, [*stale, *stale, microseconds(due.now), *among])
    if found:
        ring(connection)
    return Swept(queued=len(found), stale=sum(1 for (reason,) in found if reason == "stale"), after=last)


def set_aside_unused(connection: Connection, due: Due, *, limit: int = SLICE) -> int:
    """Take accounts out of the plan that nobody uses any more, `limit` at most; returns how many.

    Using one puts it back. There may be more where it returns `limit`.
    """
    unused = f"SELECT id FROM accounts WHERE {_DUE} AND NOT {_IS_ACTIVE} LIMIT ?"
    statement = f"UPDATE accounts SET next_due_us = NULL WHERE id IN ({unused}) AND {_DUE} AND NOT {_IS_ACTIVE}"
    among = [due.source, microseconds(due.until), instant(connection, due.active_after)]
    return len(execute(connection, f"{statement} RETURNING id", [*among, limit, *among]))


def note(
    connection: Connection,
    source: str,
    *,
    now: datetime,
    queued: int,
    users: tuple[int, int] = (0, 0),
    level: float | None = None,
) -> None:
    """Record a sweep, with how many accounts there are and are used; without a `level` the one that is known stays."""
    values: dict[str, object] = {"swept_at": now, "queued": queued, "total": users[0], "active": users[1]}
    upsert(connection, Sweep, {"source": source}, values if level is None else values | {"level": level})


def last_sweep(connection: Connection, source: str) -> Sweep | None:
    """The newest sweep of the source's accounts."""
    return Session(connection).get(Sweep, source)


def _end_of_slice(connection: Connection, due: Due, begin: tuple[int, str], limit: int) -> tuple[int, str] | None:
    """The last account of the slice; None where all that are left are fewer than `limit`."""
    statement = (
        f"SELECT next_due_us, id FROM accounts WHERE {_DUE} AND (next_due_us, id) > (?, ?)"
        " ORDER BY next_due_us, id LIMIT 1 OFFSET ?"
    )
    found = execute(connection, statement, [due.source, microseconds(due.until), *begin, limit - 1])
    return (int(found[0][0]), str(found[0][1])) if found else None


_DUE = "source = ? AND state = 'active' AND next_due_us IS NOT NULL AND next_due_us <= ?"
_IS_ACTIVE = "COALESCE(last_active_at, created_at) >= ?"
_STALE_SQLITE = (
    "(last_success_at IS NULL OR (julianday(?) - julianday(last_success_at)) * 86400"
    " > COALESCE(json_extract(settings, '$.stale_seconds'), ?))"
)
_STALE_POSTGRESQL = (
    "(last_success_at IS NULL OR last_success_at < CAST(? AS timestamptz)"
    " - make_interval(secs => COALESCE(CAST(settings ->> 'stale_seconds' AS float8), ?)))"
)
_QUEUE = """INSERT INTO sync_jobs (account_id, user_id, source, type, priority, scheduled_us, status, reason,
        retry_count, max_retries, crashes, fence, created_us)
    SELECT id, user_id, source, 'incremental', CASE WHEN {stale} THEN 'high' ELSE 'normal' END, next_due_us, 'queued',
        CASE WHEN {stale} THEN 'stale' ELSE 'schedule' END, 0, {retries}, 0, 0, {now}
    FROM accounts WHERE {due} AND (next_due_us, id) > (?, ?) AND (next_due_us, id) <= (?, ?) AND {active}
    ORDER BY next_due_us, id
    ON CONFLICT (account_id) WHERE status <> 'failed' DO UPDATE SET priority = 'high', reason = 'stale'
    WHERE sync_jobs.status = 'queued' AND sync_jobs.priority <> 'high' AND excluded.priority = 'high'
    RETURNING reason"""
_PARTS = {"retries": MAX_RETRIES, "due": _DUE, "active": _IS_ACTIVE}
_QUEUE_SQLITE = _QUEUE.format(stale=_STALE_SQLITE, now="?", **_PARTS)
_QUEUE_POSTGRESQL = _QUEUE.format(stale=_STALE_POSTGRESQL, now="CAST(? AS bigint)", **_PARTS)
