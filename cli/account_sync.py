"""`syncline sync SOURCE --account ID`: a sync of one account, queued before others and followed to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cli import console, outcomes
from cli.errors import FAILED
from cli.instance import Instance, is_there, opened, unchecked
from cli.manual_run import summary
from cli.records import as_object
from syncline.clock import from_microseconds
from syncline.errors import SynclineError
from syncline.jobs import registration
from syncline.jobs.registration import SyncRequest
from syncline.model.account import Account
from syncline.model.job import Job, JobStatus
from syncline.model.policies import Mode
from syncline.model.session import SyncSession
from syncline.status.history import history
from syncline.store import accounts, jobs
from syncline.words import until

__all__ = ["Followed", "follow", "is_queued", "sync_account"]

_LOOK_SECONDS = 0.2
_PATIENCE = timedelta(seconds=30)
"""If no drain takes the job within this, it is left in the queue."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What came of a job, as far as it was waited for.

    Attributes:
        sentence: what to tell.
        exit_code: 0 done, 1 failed, 75 not now.
        session: the session that it left; None: it changed nothing, or has not ended.
    """

    sentence: str
    exit_code: int
    session: SyncSession | None = None


def is_queued(account_id: str) -> bool:
    """Whether the account is one whose syncs are jobs; what stands in the way is told by the sync itself."""
    try:
        with unchecked() as instance:
            if not is_there(instance.store):
                return False
            with instance.store.read() as connection:
                return accounts.find(connection, account_id) is not None
    except SynclineError:
        return False


def sync_account(account_id: str, *, mode: Mode, as_json: bool) -> int:
    """Queue the sync, follow it, and say what came of it; returns the exit code."""
    with opened() as instance:
        before = _account(instance, account_id)
        job_id = registration.request_sync(instance.store, account_id, SyncRequest(type=mode))
        if not as_json:
            console.warn(f"job {job_id} is queued, high")
        done = follow(instance, job_id, before, wait=time.sleep)
    if as_json:
        console.write_json(_as_json(account_id, job_id, done))
    elif done.session is not None:
        console.line(summary(done.session))
    else:
        console.line(done.sentence)
    return done.exit_code


def follow(
    instance: Instance, job_id: int, before: Account, *, wait: Callable[[float], None], patience: timedelta = _PATIENCE
) -> Followed:
    """Look at the job until it has ended, waits for a later instant, or was taken by no drain within `patience`."""
    asked_at, began = instance.now(), False
    while True:
        with instance.store.read() as connection:
            job = jobs.find(connection, job_id)
        now = instance.now()
        if job is None:
            return _ended(instance, job_id, before)
        if job.status is JobStatus.FAILED:
            return Followed(sentence=f"job {job_id} was given up: {_error(job)}", exit_code=FAILED)
        began = began or job.status is JobStatus.PROCESSING
        if job.status is JobStatus.QUEUED and (began or now - asked_at > patience):
            return _waiting(job, now, began=began)
        wait(_LOOK_SECONDS)


def _waiting(job: Job, now: datetime, *, began: bool) -> Followed:
    due = until(from_microseconds(job.scheduled_us), now)
    why = f"it goes on {due}" if began else "no drain has taken it yet; it stays queued"
    error = f" ({_error(job)})" if job.error_type or job.error_message else ""
    explain = f"`syncline explain {job.source} --account {job.account_id}` says more"
    return Followed(sentence=f"job {job.id}: {why}{error}; {explain}", exit_code=outcomes.NOT_NOW)


def _ended(instance: Instance, job_id: int, before: Account) -> Followed:
    with instance.store.read() as connection:
        after = accounts.find(connection, before.id)
        newest = history(connection, before.source, account_id=before.id, limit=5)
    session = next((one for one in newest if one.job_id == job_id), None)
    if session is not None:
        return Followed(sentence=session.status.value, exit_code=outcomes.exit_code(session.status), session=session)
    if after is not None and after.last_success_at not in {None, before.last_success_at}:
        return Followed(sentence=f"{before.id} is up to date; nothing has changed", exit_code=0)
    return Followed(
        sentence=f"job {job_id} was taken back: the account was paused or removed", exit_code=outcomes.NOT_NOW
    )


def _account(instance: Instance, account_id: str) -> Account:
    with instance.store.read() as connection:
        found = accounts.find(connection, account_id)
    if found is None:
        raise SynclineError(f"there is no account {account_id} any more")
    return found


def _error(job: Job) -> str:
    return ": ".join(part for part in (job.error_type, job.error_message) if part) or "it does not say why"


def _as_json(account_id: str, job_id: int, done: Followed) -> Mapping[str, object]:
    if done.session is not None:
        return as_object(done.session)
    return {"account_id": account_id, "job_id": job_id, "told": done.sentence, "exit_code": done.exit_code}
