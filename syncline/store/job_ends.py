"""Ends of jobs: each changes a row only while its claim is the newest; what comes late changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from syncline.model.account import AccountState
from syncline.store.job_claims import Claimed
from syncline.store.job_wake import ring
from syncline.store.jobs import MERGE_AGAIN
from syncline.store.native import execute, is_postgresql, many, pairs

__all__ = ["DeadLetter", "Waits", "bury", "exhume", "finish", "give_back", "held", "put_back"]

_MESSAGE_LIMIT = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Waits:
    """A job that is queued again.

    Attributes:
        job: the job, as it was claimed.
        at_us: when it is due again, in microseconds since 1970.
        retry_count: how often it has failed.
        error: class and message of what went wrong, if anything did.
        session_id: the session that it left.
    """

    job: Claimed
    at_us: int
    retry_count: int
    error: tuple[str, str] | None = None
    session_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A job that is given up.

    Attributes:
        job: as of `Waits`, as are those that are not named here.
        is_hopeless: whether it is given up also where it was asked for again meanwhile.
    """

    job: Claimed
    retry_count: int
    error: tuple[str, str] | None = None
    session_id: str | None = None
    is_hopeless: bool = False


def held(connection: Connection, jobs: Sequence[Claimed]) -> Mapping[int, AccountState]:
    """The ids of the jobs that are still their claim's, and the states of their accounts.

    Both stay so until the transaction ends: what is written for an account that is being removed would never go.
    """
    if not jobs:
        return {}
    marks = ", ".join("?" * len(jobs))
    lock = " FOR UPDATE OF j FOR NO KEY UPDATE OF a" if is_postgresql(connection) else ""
    statement = f"{_HELD} WHERE j.id IN ({marks}) AND j.status = 'processing' ORDER BY j.id{lock}"
    found = execute(connection, statement, [job.id for job in jobs])
    mine = frozenset(_keys(jobs))  # with pairs in the join, SQLite would read all jobs
    return {job_id: AccountState(state) for job_id, fence, state in found if (job_id, fence) in mine}


def finish(connection: Connection, jobs: Sequence[Claimed], *, now_us: int) -> frozenset[int]:
    """Delete jobs that are done; those that were asked for again meanwhile are queued anew.

    Returns:
        The ids of those that were still their claim's.
    """
    if not jobs:
        return frozenset()
    listed, parameters = pairs(_keys(jobs))
    mine = f"WHERE (id, fence) IN {listed} AND status = 'processing'"
    done = execute(connection, f"DELETE FROM sync_jobs {mine} AND again IS NULL RETURNING id", parameters)
    if len(done) < len(jobs):
        again = execute(connection, f"{_AGAIN} {mine} RETURNING id", [now_us, *parameters])
        done += again
        if again:
            ring(connection)
    return frozenset(int(job_id) for (job_id,) in done)


def put_back(connection: Connection, rows: Sequence[Waits]) -> int:
    """Queue jobs again for their instants; what was asked for meanwhile becomes a part of them.

    Returns:
        How many were still their claim's.
    """
    if not rows:
        return 0
    ring(connection)  # a drain that sleeps may sleep for longer
    return many(
        connection,
        _WAIT,
        [(row.at_us, row.retry_count, *_error(row.error), row.session_id, row.job.id, row.job.fence) for row in rows],
    )


def give_back(connection: Connection, jobs: Sequence[Claimed], *, now_us: int) -> int:
    """Queue jobs again that were claimed, but not worked on: their drain ends. Returns as of `put_back`."""
    return put_back(
        connection, [Waits(job=job, at_us=min(job.scheduled_us, now_us), retry_count=job.retry_count) for job in jobs]
    )


def bury(connection: Connection, rows: Sequence[DeadLetter], *, now_us: int) -> None:
    """Keep jobs as dead letters, in place of older ones of the same accounts.

    One that was asked for again meanwhile is queued anew instead: who asked must get an answer of their own. One that
    is hopeless is not.
    """
    if not rows:
        return
    exhume(connection, [row.job.account_id for row in rows])
    many(connection, _BURY, [_burial(row) for row in rows if row.is_hopeless])
    others = [row for row in rows if not row.is_hopeless]
    if many(connection, f"{_BURY} AND again IS NULL", [_burial(row) for row in others]) < len(others):
        many(connection, f"{_AGAIN} {_OF_MINE}", [(now_us, row.job.id, row.job.fence) for row in others])
        ring(connection)


def _burial(row: DeadLetter) -> tuple[object, ...]:
    return (row.retry_count, *_error(row.error), row.session_id, row.job.id, row.job.fence)


def exhume(connection: Connection, account_ids: Sequence[str]) -> None:
    """Delete the dead letters of these accounts: a newer end says more."""
    if account_ids:
        marks = ", ".join("?" * len(account_ids))
        execute(connection, f"DELETE FROM sync_jobs WHERE account_id IN ({marks}) AND status = 'failed'", account_ids)


def _keys(jobs: Sequence[Claimed]) -> list[tuple[int, int]]:
    return [(job.id, job.fence) for job in jobs]


def _error(error: tuple[str, str] | None) -> tuple[str | None, str | None]:
    return (None, None) if error is None else (error[0], error[1][:_MESSAGE_LIMIT])


_FREE = "owner = NULL, lease_us = NULL, crashes = 0"
_NO_MORE = "again = NULL, again_type = NULL, again_calendar_ids = NULL"
_HELD = "SELECT j.id, j.fence, a.state FROM sync_jobs AS j JOIN accounts AS a ON a.id = j.account_id"
_AGAIN = f"""UPDATE sync_jobs SET status = 'queued', scheduled_us = ?, priority = again, reason = 'event',
    type = COALESCE(again_type, 'incremental'), calendar_ids = again_calendar_ids, retry_count = 0,
    error_type = NULL, error_message = NULL, {_FREE}, {_NO_MORE}"""
_OF_MINE = "WHERE id = ? AND fence = ? AND status = 'processing'"
_WAIT = f"""UPDATE sync_jobs SET status = 'queued', scheduled_us = ?, retry_count = ?, error_type = ?,
    error_message = ?, session_id = COALESCE(?, session_id), {_FREE}, {MERGE_AGAIN} {_OF_MINE}"""
_BURY = f"""UPDATE sync_jobs SET status = 'failed', retry_count = ?, error_type = ?, error_message = ?,
    session_id = COALESCE(?, session_id), {_FREE}, {_NO_MORE} {_OF_MINE}"""
