"""Lists of jobs, page by page, the oldest first; a user's are found by their accounts, however many jobs there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from syncline.model.job import Job, JobStatus
from syncline.store.native import execute, is_postgresql

__all__ = ["JobPage", "WantedJobs", "page"]


@dataclass(frozen=True, kw_only=True)
class WantedJobs:
    """Which jobs are wanted; what is None is not looked at.

    Attributes:
        status: those with one status.
        source: those of one source.
        user_id: those of one user.
        account_id: those of one account.
    """

    status: JobStatus | None = None
    source: str | None = None
    user_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """Jobs in the order of their ids.

    Attributes:
        jobs: at most as many as were asked for.
        next_after: the id after which the next page begins; None: this is the last one.
    """

    jobs: Sequence[Job]
    next_after: int | None


def page(connection: Connection, wanted: WantedJobs, *, limit: int, after: int = 0) -> JobPage:
    """The first `limit` jobs that are wanted, of those whose id comes after `after`."""
    ids = sorted(_ids(connection, wanted, after, limit + 1))[: limit + 1]
    these = select(Job).where(col(Job.id).in_(ids[:limit])).order_by(col(Job.id))
    found = Session(connection).scalars(these).all()
    return JobPage(jobs=found, next_after=ids[limit - 1] if len(ids) > limit else None)


def _ids(connection: Connection, wanted: WantedJobs, after: int, limit: int) -> Iterator[int]:
    """The ids of one page; of several statements each gives a page of its own."""
    owned = wanted.user_id is not None or wanted.account_id is not None
    for status in _statuses(wanted.status, owned=owned):
        table, conditions, values = _of_accounts(connection, wanted) if owned else ("sync_jobs", [], [])
        # partial indexes are used only where their condition stands in the statement itself
        conditions += [status] if status else []
        if wanted.source is not None:
            conditions, values = [*conditions, "sync_jobs.source = ?"], [*values, wanted.source]
        key = "sync_jobs.id" if not status else "+sync_jobs.id"  # the sign keeps the planner from a scan of all jobs
        conditions += [f"{key} > ?"]
        statement = f"SELECT sync_jobs.id FROM {table} WHERE {' AND '.join(conditions)} ORDER BY {key} LIMIT ?"
        yield from (int(row[0]) for row in execute(connection, statement, [*values, after, limit]))


def _of_accounts(connection: Connection, wanted: WantedJobs) -> tuple[str, list[str], list[object]]:
    """Jobs by way of their accounts: the accounts first, then the job of each."""
    join = "JOIN" if is_postgresql(connection) else "CROSS JOIN"
    table = f"accounts {join} sync_jobs ON sync_jobs.account_id = accounts.id"
    named = {"accounts.user_id": wanted.user_id, "accounts.id": wanted.account_id}
    there = {name: value for name, value in named.items() if value is not None}
    return table, [f"{name} = ?" for name in there], list(there.values())


def _statuses(status: JobStatus | None, *, owned: bool) -> Sequence[str]:
    """The conditions on the status, one for each statement."""
    is_open, is_failed = "sync_jobs.status <> 'failed'", "sync_jobs.status = 'failed'"
    match status:
        case JobStatus.FAILED:
            return [is_failed]
        case JobStatus.PROCESSING:
            return ["sync_jobs.status = 'processing'" + (f" AND {is_open}" if owned else "")]
        case JobStatus.QUEUED:
            return ["sync_jobs.status = 'queued'" + f" AND {is_open}"] if owned else ["sync_jobs.status = 'queued'"]
        case None:
            return [is_open, is_failed] if owned else [""]
