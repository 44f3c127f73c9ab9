"""Dead letters: jobs that were given up are queued again or dropped by a person, with an entry in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from syncline.clock import microseconds
from syncline.errors import JobStateError, UnknownJobError
from syncline.jobs.job_json import JobState, state_of
from syncline.model.account import Account, AccountState
from syncline.model.job import Job, JobStatus
from syncline.store import account_rows, audit, job_pages, job_sessions, jobs
from syncline.store.engine import Store
from syncline.store.job_pages import WantedJobs

__all__ = ["Handled", "drop", "drop_all", "retry", "retry_all"]

_AT_ONCE = 500
"""So many dead letters are changed by one transaction."""


@dataclass(frozen=True, kw_only=True)
class Handled:
    """What came of all dead letters.

    Attributes:
        done: how many were retried or dropped.
        left: how many stay, as their account is paused or needs attention.
    """

    done: int = 0
    left: int = 0


def retry(store: Store, job_id: int, *, actor: str) -> int:
    """Queue a dead letter again, high and at once; returns the job that it is now.

    Where its account has an open job, it becomes a part of that one.

    Raises:
        UnknownJobError: there is no such job.
        JobStateError: it is no dead letter, or its account cannot be synced as it stands.
    """
    return store.transact(partial(_retry, store=store, job_id=job_id, actor=actor))


def drop(store: Store, job_id: int, *, actor: str) -> None:
    """Delete a dead letter; its account is synced again when it is due.

    Raises:
        UnknownJobError: there is no such job.
        JobStateError: it is no dead letter.
    """
    store.transact(partial(_drop, store=store, job_id=job_id, actor=actor))


def retry_all(store: Store, *, source: str | None, actor: str) -> Handled:
    """Queue all dead letters again, of one source or of all; those of accounts that are not active stay."""
    return _each(store, source, actor, "job.retry", _retry_one)


def drop_all(store: Store, *, source: str | None, actor: str) -> Handled:
    """Delete all dead letters, of one source or of all."""
    return _each(store, source, actor, "job.drop", _drop_one)


def _retry(connection: Connection, *, store: Store, job_id: int, actor: str) -> int:
    job = _dead(connection, job_id, "retried")
    account = account_rows.read_many(connection, [job.account_id]).get(job.account_id)
    why = _refusal(account)
    if why is not None:
        raise JobStateError(f"job {job_id} cannot be retried: its account {job.account_id} {why}")
    now = store.now(connection)
    jobs.retry(connection, job_id, now_us=microseconds(now))
    detail = {"job_id": job_id, "account_id": job.account_id}
    audit.record(connection, actor=actor, action="job.retry", target=f"job/{job_id}", now=now, detail=detail)
    queued = jobs.open_job(connection, job.account_id)
    assert queued is not None
    assert queued.id is not None
    return queued.id


def _drop(connection: Connection, *, store: Store, job_id: int, actor: str) -> None:
    job = _dead(connection, job_id, "dropped")
    jobs.drop(connection, job_id)
    detail = {"job_id": job_id, "account_id": job.account_id, "error": job.error_type}
    now = store.now(connection)
    audit.record(connection, actor=actor, action="job.drop", target=f"job/{job_id}", now=now, detail=detail)


def _dead(connection: Connection, job_id: int, what: str) -> Job:
    """The dead letter with this id.

    Raises:
        UnknownJobError: there is no such job.
        JobStateError: it is something else.
    """
    job = jobs.find(connection, job_id)
    if job is not None and job.status is JobStatus.FAILED:
        return job
    left = None if job is not None else job_sessions.newest(connection, job_id)
    if job is None and left is None:
        raise UnknownJobError(job_id)
    state = job.status.value if job is not None else (JobState.FAILED if left is None else state_of(left)).value
    gone = " and gone" if job is None else ""
    raise JobStateError(f"job {job_id} is {state}{gone}: only a dead letter can be {what}")


def _refusal(account: Account | None) -> str | None:
    """Why a job of this account would end at once; None: it would not."""
    if account is None or account.state is AccountState.REMOVED:
        return "was removed; drop the job"
    if account.state is AccountState.ATTENTION:
        return f"needs attention ({account.state_reason}); mend that and resume it first"
    return None if account.state is AccountState.ACTIVE else "is paused; resume it first"


_One = Callable[[Connection, Job, int], bool]


def _each(store: Store, source: str | None, actor: str, action: str, one: _One) -> Handled:
    """Slice by slice, each a transaction with one entry in the audit log."""
    done = left = after = 0
    wanted = WantedJobs(status=JobStatus.FAILED, source=source)
    while True:

        def change(connection: Connection, after: int = after) -> tuple[int, int, int | None]:
            found = job_pages.page(connection, wanted, limit=_AT_ONCE, after=after)
            now = store.now(connection)
            changed = sum(one(connection, job, microseconds(now)) for job in found.jobs)
            if changed:
                detail = {"jobs": changed}
                audit.record(connection, actor=actor, action=action, target=source or "*", now=now, detail=detail)
            return changed, len(found.jobs) - changed, found.next_after

        changed, stayed, following = store.transact(change)
        done, left = done + changed, left + stayed
        if following is None:
            return Handled(done=done, left=left)
        after = following


def _retry_one(connection: Connection, job: Job, now_us: int) -> bool:
    account = account_rows.read_many(connection, [job.account_id]).get(job.account_id)
    return _refusal(account) is None and job.id is not None and jobs.retry(connection, job.id, now_us=now_us)


def _drop_one(connection: Connection, job: Job, now_us: int) -> bool:
    del now_us
    return job.id is not None and jobs.drop(connection, job.id)
