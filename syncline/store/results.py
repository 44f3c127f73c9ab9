"""Results: the sessions that have ended, numbered in the order in which others may read them.

A session gets its number from the one who reads first, not from the one who ends it. Numbers given inside the many
transactions that end sessions would become visible out of order: who has read 7 would never see a late 6.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy import func as sql
from sqlmodel import Session, col

from syncline.model.session import OPEN_STATUSES, SyncSession

__all__ = ["after", "has_new", "newest", "number"]

_LOCK = 0x5C11F
"""The number of PostgreSQL's advisory lock that a process which numbers holds until it commits."""
_ENDED = (col(SyncSession.result_no).is_(None), col(SyncSession.status).not_in(OPEN_STATUSES))


def has_new(connection: Connection) -> bool:
    """Whether sessions have ended that have no number yet."""
    return connection.execute(select(col(SyncSession.id)).where(*_ENDED).limit(1)).first() is not None


def number(connection: Connection, *, limit: int) -> None:
    """Number up to `limit` sessions that have ended, by their end; one transaction after the other does so."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(sql.pg_advisory_xact_lock(_LOCK)))
    by_end = col(SyncSession.completed_at), col(SyncSession.id)
    ended = connection.execute(select(col(SyncSession.id)).where(*_ENDED).order_by(*by_end).limit(limit)).scalars()
    first = newest(connection) + 1
    numbered = [{"session_id": session_id, "given": no} for no, session_id in enumerate(ended, first)]
    if numbered:
        give = update(SyncSession).where(col(SyncSession.id) == bindparam("session_id"))
        connection.execute(give.values(result_no=bindparam("given")), numbered)


def newest(connection: Connection) -> int:
    """The highest number; 0 where there is none."""
    return connection.execute(select(sql.max(col(SyncSession.result_no)))).scalar() or 0


def after(connection: Connection, since: int, *, limit: int) -> Sequence[SyncSession]:
    """Up to `limit` numbered sessions behind the one numbered `since`, in order."""
    no = col(SyncSession.result_no)
    return Session(connection).scalars(select(SyncSession).where(no > since).order_by(no).limit(limit)).all()
