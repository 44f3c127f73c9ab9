"""Deferrals: how often in a row a source was deferred for the same reason."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlmodel import col

from syncline.model.session import Status, SyncSession
from syncline.model.target import Target

__all__ = ["in_a_row"]

_MOST = 12
"""Nobody counts further."""
_NEVER_WORKED = (Status.RUNNING, Status.SKIPPED, Status.MISSED)


def in_a_row(connection: Connection, target: Target, *, reason: str) -> int:
    """How many of the newest sessions that worked and ended were deferred for a reason that begins so, up to 12."""
    statement = (
        select(col(SyncSession.status), col(SyncSession.reason))
        .where(*target.among(SyncSession), col(SyncSession.status).not_in(_NEVER_WORKED))
        .order_by(col(SyncSession.started_at).desc())
        .limit(_MOST)
    )
    found: Sequence[tuple[Status, str | None]] = [(row[0], row[1]) for row in connection.execute(statement)]
    deferred = [status is Status.DEFERRED and (said or "").startswith(reason) for status, said in found]
    return deferred.index(False) if False in deferred else len(deferred)
