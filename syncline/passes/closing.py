"""Closing a session: its outcome and its lease in one transaction, once; its heartbeat right after it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from syncline import results
from syncline.clock import milliseconds
from syncline.errors import MostlyRejectedError
from syncline.model.session import Status, SyncSession, is_mostly_rejected
from syncline.store import heartbeats, leases, rejects, sessions
from syncline.store.engine import Store

__all__ = ["close", "complete", "final_status"]

_FAILED = {Status.COMPLETED: False, Status.PARTIAL: False, Status.FAILED: True, Status.CRASHED: True}
"""Whether an outcome counts as a failure; an outcome that is not listed says nothing about the source's health."""


def close(
    store: Store,
    session_id: str,
    status: Status,
    *,
    reason: str | None = None,
    error: BaseException | tuple[str, str] | None = None,
    retry_at: datetime | None = None,
    held: bool = False,
) -> bool:
    """Give an open session its outcome and free its source; `held` says that a hold deferred it.

    Returns:
        Whether this call closed it; False if the session had its outcome already, which stays.
    """
    said = (type(error).__name__, str(error) or repr(error)) if isinstance(error, BaseException) else error

    def give_outcome(connection: Connection) -> heartbeats.Beat | None:
        session, now = sessions.find(connection, session_id), store.now(connection)
        if session is None:
            return None
        leases.release(connection, session.target, session_id, now=now)
        closed = sessions.close(
            connection, session_id, status, now=now, reason=reason, error=said, retry_at=retry_at, held=held
        )
        return _last_beat(session, status, now) if closed else None

    beat = store.transact(give_outcome)
    if beat is None:
        return False
    heartbeats.note(store, beat)
    results.notify(store, [session_id])
    return True


def _last_beat(session: SyncSession, status: Status, now: datetime) -> heartbeats.Beat:
    duration_ms = milliseconds(now) - milliseconds(session.started_at)
    return partial(
        heartbeats.ended, target=session.target, failed=_FAILED.get(status), duration_ms=duration_ms, now=now
    )


def complete(store: Store, session_id: str) -> Status:
    """Close a session whose work is done with its `final_status`; one that is closed already keeps its outcome.

    Returns:
        The outcome that is on record.
    """
    status, reason = final_status(store, session_id)
    error = (MostlyRejectedError.__name__, reason or "") if status is Status.FAILED else None
    if close(store, session_id, status, reason=reason, error=error):
        return status
    with store.read() as connection:
        session = sessions.find(connection, session_id)
    return status if session is None else session.status


def final_status(store: Store, session_id: str) -> tuple[Status, str | None]:
    """The outcome of a session whose work is done, and why.

    Completed; partial if items were rejected or rows not deleted; failed if most items were rejected.
    """
    with store.read() as connection:
        session = sessions.find(connection, session_id)
        commonest = rejects.commonest_reason(connection, session_id) if session and session.items_rejected else None
    if session is None:
        return Status.COMPLETED, None
    mostly = is_mostly_rejected(session.mode, processed=session.items_processed, rejected=session.items_rejected)
    reasons = [_rejections(session, commonest, mostly=mostly)] if session.items_rejected else []
    reasons += [session.reason] if session.reason else []
    status = Status.FAILED if mostly else Status.PARTIAL
    return (status, "; ".join(reasons)) if reasons else (Status.COMPLETED, None)


def _rejections(session: SyncSession, commonest: tuple[str, int] | None, *, mostly: bool) -> str:
    """What the session's reason says about its rejected items."""
    reason, kept = commonest or ("", 0)
    where = f"see `syncline rejects {session.id}`"
    if kept < session.items_rejected and kept:
        where += f", which has the last {kept} of them"
    if mostly and reason:
        whole = f"{session.items_rejected} of {session.items_processed} items were rejected"
        return f"{whole}, most often because of `{reason}`: {where}"
    return f"{session.items_rejected} items were rejected: {where}"
