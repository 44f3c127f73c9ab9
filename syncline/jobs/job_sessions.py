"""The sessions that jobs leave, written many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from syncline.clock import from_microseconds
from syncline.jobs.verdict import AccountEnd, trigger_of
from syncline.model.session import Status, SyncSession, Tally
from syncline.store import sessions, totals
from syncline.store.job_claims import Reaped

__all__ = ["crashed_session", "error_of", "keep", "late_session", "session_of"]

_MESSAGE_LIMIT = 2_000
_LATE = "its lease had expired, and another drain has the job or has ended it: nothing was written"


def keep(connection: Connection, kept: Sequence[SyncSession]) -> None:
    """Put ended sessions on record, and count them."""
    if not kept:
        return
    connection.execute(insert(SyncSession), [session.model_dump() for session in kept])
    counted: dict[tuple[str, Status], tuple[int, int]] = {}
    for session in kept:
        took = (session.completed_at or session.started_at) - session.started_at
        number, took_ms = counted.get((session.source, session.status), (0, 0))
        counted[session.source, session.status] = number + 1, took_ms + round(took / timedelta(milliseconds=1))
    for (source, status), (number, took_ms) in sorted(counted.items()):
        totals.add(connection, source, status, sessions=number, duration_ms=took_ms)


def session_of(end: AccountEnd, session_id: str, *, retry_at_us: int | None) -> SyncSession:
    """The session of a job that came to this end; `retry_at_us` is when it is tried again, if it is."""
    job, error = end.job, error_of(end)
    return SyncSession(
        id=session_id,
        source=job.source,
        account_id=job.account_id,
        job_id=job.id,
        trigger=trigger_of(job.reason),
        mode=job.type,
        status=end.status,
        reason=end.reason,
        started_at=from_microseconds(end.began_us),
        completed_at=from_microseconds(end.ended_us),
        retry_count=job.retry_count,
        error_type=None if error is None else error[0],
        error_message=None if error is None else error[1],
        retry_at=None if retry_at_us is None else from_microseconds(retry_at_us),
        scheduled_for=from_microseconds(job.scheduled_us),
        **_counters(end.tally),
    )


def late_session(end: AccountEnd, now: datetime) -> SyncSession:
    """The session of an end that came late: it says so, and counts nothing but its requests."""
    return SyncSession(
        id=sessions.new_id(end.job.source, now),
        source=end.job.source,
        account_id=end.job.account_id,
        job_id=end.job.id,
        trigger=trigger_of(end.job.reason),
        mode=end.job.type,
        status=Status.CANCELLED,
        reason=f"late: {_LATE}",
        started_at=from_microseconds(end.began_us),
        completed_at=from_microseconds(end.ended_us),
        requests=end.tally.requests,
        retry_count=end.job.retry_count,
        scheduled_for=from_microseconds(end.job.scheduled_us),
    )


def crashed_session(reaped: Reaped, now: datetime) -> SyncSession:
    """The session of a job whose drain died; when it began is not known any more."""
    after = "it is given up: retry or drop it" if reaped.is_dead else "it is queued again"
    return SyncSession(
        id=sessions.new_id(reaped.target.source, now),
        source=reaped.target.source,
        account_id=reaped.target.account_id,
        job_id=reaped.job_id,
        trigger=trigger_of(reaped.reason),
        mode=reaped.type,
        status=Status.CRASHED,
        reason=f"its drain died; {after}",
        started_at=now,
        completed_at=now,
    )


def error_of(end: AccountEnd) -> tuple[str, str] | None:
    """Class and message of what went wrong, if anything did."""
    return None if end.error_type is None else (end.error_type, (end.error_message or "")[:_MESSAGE_LIMIT])


def _counters(tally: Tally) -> dict[str, Any]:
    items = ("processed", "created", "updated", "deleted", "unchanged", "rejected")
    counted = {f"items_{name}": int(getattr(tally, name)) for name in items}
    return {"pages_processed": tally.pages, "requests": tally.requests, **counted}
