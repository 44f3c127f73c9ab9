"""Retention: history older than the settings keep it, and what removed accounts left, is deleted slice by slice.

What a source is told by stays: its newest sessions of each status, the newest that ran of each account, totals, and the
session with the highest number among the results, from which the next one is numbered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from syncline.clock import microseconds
from syncline.kernel_settings import KeepSettings
from syncline.model.alerts import Alert
from syncline.model.session import OPEN_STATUSES, Status, SyncSession
from syncline.model.tables import AuditEntry, Hold, QueuedRun, Reject
from syncline.store import account_removal, drains, rollups
from syncline.store.engine import Store

__all__ = ["prune_history"]

_AT_ONCE = 1_000
"""How many rows a transaction deletes: others wait for a few milliseconds at most."""
_NEVER_RAN = (Status.SKIPPED, Status.MISSED)


@dataclass(frozen=True, kw_only=True)
class _Old:
    """What is to be deleted of one table.

    Attributes:
        name: what the rows are, in words.
        key: the column by which a slice of them is named.
        conditions: which rows are old.
    """

    name: str
    key: Any
    conditions: tuple[ColumnElement[bool], ...]


def prune_history(store: Store, keep: KeepSettings, *, dry_run: bool = False) -> dict[str, int]:
    """Delete what is older than `keep` says; interrupted, the next call goes on.

    Args:
        store: the database.
        keep: how long what is kept.
        dry_run: only count.

    Returns:
        How many rows were, or would be, deleted, by what they are.
    """
    with store.read() as connection:
        old = list(_old(connection, keep, store.now(connection)))
    counted: dict[str, int] = {}
    for one in old:
        counted[one.name] = counted.get(one.name, 0) + (_count(store, one) if dry_run else _delete(store, one))
    of_removed = account_removal.count_removed if dry_run else account_removal.purge_removed
    return {**counted, **_of_jobs(store, keep, dry_run=dry_run), "rows of removed accounts": of_removed(store)}


def _of_jobs(store: Store, keep: KeepSettings, *, dry_run: bool) -> dict[str, int]:
    """The hourly counts that are as old as sessions are kept, and the drains that died a day ago; both are few."""

    def forget(connection: Connection) -> dict[str, int]:
        now = store.now(connection)
        before, now_us = now - timedelta(days=keep.sessions_days), microseconds(now)
        return {
            "hourly counts": rollups.forget(connection, before, dry_run=dry_run),
            "dead drains": drains.forget_dead(connection, now_us=now_us, dry_run=dry_run),
        }

    if dry_run:
        with store.read() as connection:
            return forget(connection)
    return store.transact(forget)


def _old(connection: Connection, keep: KeepSettings, now: datetime) -> Iterator[_Old]:
    """What is old at `now`."""
    yield from _old_sessions(connection, keep, now - timedelta(days=keep.sessions_days))
    rejected_before = now - timedelta(days=keep.rejects_days)
    yield _Old(name="rejects", key=col(Reject.id), conditions=(col(Reject.last_seen) < rejected_before,))
    ended = func.coalesce(col(Hold.released_at), col(Hold.expires_at)) < now - timedelta(days=keep.holds_days)
    yield _Old(name="holds", key=col(Hold.id), conditions=(ended,))
    yield _Old(name="queued runs", key=col(QueuedRun.session_id), conditions=(col(QueuedRun.expires_at) < now,))
    over_before = now - timedelta(days=keep.sessions_days)
    yield _Old(name="alerts", key=col(Alert.id), conditions=(col(Alert.cleared_at) < over_before,))
    audited_before = now - timedelta(days=keep.audit_days)
    yield _Old(name="audit entries", key=col(AuditEntry.id), conditions=(col(AuditEntry.at) < audited_before,))


def _old_sessions(connection: Connection, keep: KeepSettings, before: datetime) -> Iterator[_Old]:
    """Old sessions of each source and status, behind the newest ones that are kept."""
    source, status, begun = col(SyncSession.source), col(SyncSession.status), col(SyncSession.started_at)
    numbered = select(func.max(col(SyncSession.result_no))).scalar_subquery()
    number = col(SyncSession.result_no)
    for name, outcome in connection.execute(select(source, status).distinct().order_by(source, status)).all():
        mine = (source == name, status == outcome)
        newest = select(begun).where(*mine).order_by(begun.desc()).offset(keep.newest_sessions - 1).limit(1)
        oldest_kept = connection.execute(newest).scalar()
        if outcome in OPEN_STATUSES or oldest_kept is None:
            continue
        is_old = begun < min(before, oldest_kept)
        spare = or_(number.is_(None), number < numbered)
        yield _Old(
            name="sessions", key=col(SyncSession.id), conditions=(*mine, is_old, spare, _has_newer_of_its_account())
        )


def _has_newer_of_its_account() -> ColumnElement[bool]:
    """Whether a newer session of the same account ran: the newest says how the account stands."""
    newer = aliased(SyncSession)
    return exists().where(
        col(newer.source) == col(SyncSession.source),
        col(newer.started_at) > col(SyncSession.started_at),
        col(newer.account_id) == col(SyncSession.account_id),
        col(newer.status).not_in(_NEVER_RAN),
    )


def _count(store: Store, old: _Old) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count(old.key)).where(*old.conditions)).scalar_one()


def _delete(store: Store, old: _Old) -> int:
    """Delete slice by slice, the oldest keys first; each is a transaction."""
    table, total = old.key.class_, 0
    while True:
        keys = select(old.key).where(*old.conditions).order_by(old.key).limit(_AT_ONCE).correlate(None)
        statement = delete(table).where(old.key.in_(keys.scalar_subquery()))

        def slice_of(connection: Connection, statement: Any = statement) -> int:  # noqa: ANN401 - SQLAlchemy types none
            return connection.execute(statement).rowcount

        deleted = store.transact(slice_of)
        total += deleted
        if deleted < _AT_ONCE:
            return total
