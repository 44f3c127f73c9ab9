"""The end of a session: its fate and its lease, in one transaction, once; its heartbeat right after it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from syncline.clock import milliseconds
from syncline.model.session import Status
from syncline.passes import results
from syncline.passes.admission import lease_name
from syncline.store import heartbeats, leases, sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from syncline.model.session import SyncSession
    from syncline.store.engine import Store

__all__ = ["complete", "conclusion", "end"]

_FAILED = {Status.COMPLETED: False, Status.PARTIAL: False, Status.FAILED: True, Status.CRASHED: True}
"""Which fates count as failures; those that are not here say nothing of the source's health."""


def end(
    store: Store,
    session_id: str,
    status: Status,
    *,
    reason: str | None = None,
    error: BaseException | tuple[str, str] | None = None,
    retry_at: datetime | None = None,
    held: bool = False,
) -> bool:
    """Give an open session its fate and free its source; `held` says that a hold deferred it.

    Returns:
        Whether this call did it; False where the session had its fate already, which stays.
    """
    said = (type(error).__name__, str(error) or repr(error)) if isinstance(error, BaseException) else error

    def close(connection: Connection) -> heartbeats.Beat | None:
        session, now = sessions.find(connection, session_id), store.now(connection)
        if session is None:
            return None
        leases.release(connection, lease_name(session.source, session.account_id), session_id, now=now)
        closed = sessions.close(
            connection, session_id, status, now=now, reason=reason, error=said, retry_at=retry_at, held=held
        )
        return _last_beat(session, status, now) if closed else None

    beat = store.transact(close)
    if beat is None:
        return False
    heartbeats.note(store, beat)
    results.tell(store, [session_id])
    return True


def _last_beat(session: SyncSession, status: Status, now: datetime) -> heartbeats.Beat:
    duration_ms = milliseconds(now) - milliseconds(session.started_at)
    return partial(
        heartbeats.ended, source=session.source, failed=_FAILED.get(status), duration_ms=duration_ms, now=now
    )


def complete(store: Store, session_id: str) -> Status:
    """End a session whose work is done, as `conclusion` says; one that somebody else has closed keeps its fate.

    Returns:
        The fate that is on record.
    """
    status, reason = conclusion(store, session_id)
    if end(store, session_id, status, reason=reason):
        return status
    with store.read() as connection:
        session = sessions.find(connection, session_id)
    return status if session is None else session.status


def conclusion(store: Store, session_id: str) -> tuple[Status, str | None]:
    """The fate of a session whose work is done: completed, or partial where items were rejected or rows not deleted."""
    with store.read() as connection:
        session = sessions.find(connection, session_id)
    reasons: list[str] = []
    if session is not None and session.items_rejected:
        reasons.append(f"{session.items_rejected} items were rejected: see `syncline rejects {session_id}`")
    if session is not None and session.reason:
        reasons.append(session.reason)
    return (Status.PARTIAL, "; ".join(reasons)) if reasons else (Status.COMPLETED, None)
