"""Why a job waits, in sentences: due at, behind how many, deferred until, breaker, hold, nobody drains."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from syncline.clock import from_microseconds, microseconds
from syncline.model.account import AccountState
from syncline.model.job import Job, JobStatus
from syncline.model.source import Source
from syncline.model.target import Target
from syncline.resilience.breaker import BreakerState
from syncline.store import account_rows, drains, holds, job_counts, sessions
from syncline.store.breakers import Breakers
from syncline.store.engine import Store
from syncline.words import iso_instant

__all__ = ["why_waiting"]


def why_waiting(store: Store, connection: Connection, job: Job, source: Source | None) -> Iterator[str]:
    """Sentences on why the job is where it is, what decides first; `source` is its own, None where it is gone."""
    now = store.now(connection)
    if job.status is JobStatus.FAILED:
        said = job.error_message or job.error_type or "it does not say why"
        yield f"It is a dead letter: {said.rstrip('.')}. `syncline jobs retry {job.id}` queues it again."
        return
    if job.status is JobStatus.PROCESSING:
        until = iso_instant(from_microseconds(job.lease_us or 0))
        yield f"It is under way at the drain {job.owner}, whose lease lasts until {until}."
        if job.again is not None:
            yield f"It was asked for again meanwhile, and is queued anew ({job.again.value}) when it ends."
        return
    yield from _waits(connection, job, now)
    yield from _stopped(store, connection, job, source, now)
    if not drains.live(connection, now_us=microseconds(now)):
        yield "Nobody drains: no drain gives signs of life. Start `syncline up`, or a worker that runs drain_jobs."


def _waits(connection: Connection, job: Job, now: datetime) -> Iterator[str]:
    due = from_microseconds(job.scheduled_us)
    if due > now:
        left = sessions.find(connection, job.session_id) if job.session_id else None
        why = f": {left.reason.rstrip('.')}" if left is not None and left.reason and left.retry_at is not None else ""
        tries = f", after {job.retry_count} of {job.max_retries} retries" if job.retry_count else ""
        yield f"It is due at {iso_instant(due)}{tries}{why}."
        return
    before = job_counts.ahead(connection, job.source, job.priority, job.scheduled_us)
    many = f"{before} jobs or more" if before >= job_counts.MOST_COUNTED else f"{before} job{'s' * (before != 1)}"
    yield f"It has been due since {iso_instant(due)}, behind {many} of the lane {job.priority.value} of {job.source}."


def _stopped(store: Store, connection: Connection, job: Job, source: Source | None, now: datetime) -> Iterator[str]:
    account = account_rows.read_many(connection, [job.account_id]).get(job.account_id)
    if account is None or account.state is AccountState.REMOVED:
        yield "Its account is gone: it ends at its next claim."
    elif account.state is not AccountState.ACTIVE:
        yield f"Its account is {account.state.value}: it ends at its next claim, skipped."
    hold = holds.active(connection, Target(job.source), now=now)
    if hold is not None:
        end = "until it is released" if hold.expires_at is None else f"until {iso_instant(hold.expires_at)}"
        yield f"A hold of {hold.created_by} stops {job.source} {end}: {hold.reason.rstrip('.')}."
    if source is not None:
        status = Breakers(store).state(source)
        if status.state in {BreakerState.OPEN, BreakerState.FORCED_OPEN}:
            end = "until it is reset" if status.retry_at is None else f"until {iso_instant(status.retry_at)}"
            yield f"The breaker of {job.source} is open {end}."
