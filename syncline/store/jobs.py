"""Jobs in the database: asked for, merged, found, dropped. Claims and ends have files of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, String, literal_column, select
from sqlmodel import Session, col

from syncline.model.job import MAX_RETRIES, Job, JobReason, JobStatus
from syncline.model.policies import Mode, Priority
from syncline.model.target import Target
from syncline.store.job_wake import ring
from syncline.store.native import as_json, execute, is_postgresql

__all__ = [
    "MERGE",
    "MERGE_AGAIN",
    "JobRequest",
    "drop",
    "enqueue",
    "find",
    "open_job",
    "retry",
    "take_back",
]

_BATCH = 500
"""Rows of one statement."""
_COLUMNS = (
    *("account_id", "user_id", "source", "calendar_ids", "type", "priority", "scheduled_us", "status", "reason"),
    *("retry_count", "max_retries", "crashes", "fence", "created_us"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """A sync of an account that somebody wants.

    Attributes:
        account_id: whose sync it is.
        user_id: the account's user.
        source: the account's source.
        scheduled_us: when it is due, in microseconds since 1970.
        priority: which lane it waits in.
        reason: why it is wanted.
        type: how much it reads.
        calendar_ids: what of the account; None: all of it.
        max_retries: how often it is tried again.
    """

    account_id: str
    user_id: str
    source: str
    scheduled_us: int
    priority: Priority = Priority.NORMAL
    reason: JobReason = JobReason.SCHEDULE
    type: Mode = Mode.INCREMENTAL
    calendar_ids: tuple[str, ...] | None = None
    max_retries: int = MAX_RETRIES


def enqueue(connection: Connection, wanted: Sequence[JobRequest], *, now_us: int) -> int:
    """Make a job for each of `wanted`; returns how many accounts had none before.

    An account has one open job. One that waits is brought forward and becomes more urgent, never less; it then reads
    what either of both asked for. One that is under way is done again when it ends.
    """
    distinct = _merged(wanted)
    made = 0
    if distinct:
        ring(connection)
    for start in range(0, len(distinct), _BATCH):
        made += _enqueue(connection, distinct[start : start + _BATCH], now_us)
    return made


def _enqueue(connection: Connection, batch: Sequence[JobRequest], now_us: int) -> int:
    row = f"({', '.join(as_json(connection) if name == 'calendar_ids' else '?' for name in _COLUMNS)})"
    statement = f"{_INSERT} VALUES {', '.join([row] * len(batch))} {MERGE}"
    parameters = [value for one in batch for value in _values(one, now_us)]
    if is_postgresql(connection):
        return sum(new for (new,) in execute(connection, f"{statement} RETURNING xmax = 0", parameters))
    accounts = [one.account_id for one in batch]  # SQLite has no xmax; its transaction that writes is alone
    marks = ", ".join("?" * len(accounts))
    known = f"SELECT count(*) FROM sync_jobs WHERE status <> 'failed' AND account_id IN ({marks})"
    before = execute(connection, known, accounts)[0][0]
    execute(connection, statement, parameters)
    return len(batch) - int(before)


def find(connection: Connection, job_id: int) -> Job | None:
    """The job with this id, while it is open or a dead letter."""
    return Session(connection).get(Job, job_id)


def open_job(connection: Connection, account_id: str) -> Job | None:
    """The job of this account that waits or is under way."""
    wanted = select(Job).where(col(Job.account_id) == account_id, col(Job.status) != _literal(JobStatus.FAILED))
    return Session(connection).scalar(wanted)


def take_back(connection: Connection, target: Target) -> int | None:
    """Delete the account's job that waits, as the account is paused or removed; returns its id.

    One that is under way is left to its drain, which finds out at the next page.
    """
    open_one = "account_id = ? AND status <> 'failed'"  # as the index has it, which SQLite would not take else
    statement = f"DELETE FROM sync_jobs WHERE {open_one} AND status = 'queued' RETURNING id"
    gone = execute(connection, statement, [target.account_id])
    return int(gone[0][0]) if gone else None


def drop(connection: Connection, job_id: int) -> bool:
    """Delete a dead letter; returns whether there was one with this id."""
    return bool(execute(connection, "DELETE FROM sync_jobs WHERE id = ? AND status = 'failed' RETURNING id", [job_id]))


def retry(connection: Connection, job_id: int, *, now_us: int) -> bool:
    """Queue a dead letter again, at once and high; returns whether there was one.

    Where its account has an open job by now, it becomes a part of that one.
    """
    row = execute(connection, f"DELETE FROM sync_jobs WHERE id = ? AND status = 'failed' RETURNING {_KEPT}", [job_id])
    if not row:
        return False
    account_id, user_id, source, calendar_ids, mode, max_retries = row[0]
    parts = json.loads(calendar_ids) if isinstance(calendar_ids, str) else calendar_ids
    again = JobRequest(
        account_id=account_id,
        user_id=user_id,
        source=source,
        scheduled_us=now_us,
        priority=Priority.HIGH,
        reason=JobReason.RETRY,
        type=Mode(mode),
        calendar_ids=None if parts is None else tuple(parts),
        max_retries=max_retries,
    )
    enqueue(connection, [again], now_us=now_us)
    return True


def _literal(status: JobStatus) -> ColumnElement[str]:
    """Written into the statement: an index of a part of the rows is taken for no parameter."""
    return literal_column(f"'{status}'", String)


def _merged(wanted: Sequence[JobRequest]) -> list[JobRequest]:
    """One request for each account: a statement must not meet a row twice. In order, so that two never deadlock."""
    found: dict[str, JobRequest] = {}
    for one in wanted:
        known = found.get(one.account_id)
        found[one.account_id] = one if known is None else _both(known, one)
    return [found[account] for account in sorted(found)]


def _both(one: JobRequest, other: JobRequest) -> JobRequest:
    ranks = list(Priority)
    first, second = sorted((one, other), key=lambda each: ranks.index(each.priority))
    return JobRequest(
        account_id=one.account_id,
        user_id=one.user_id,
        source=one.source,
        scheduled_us=min(one.scheduled_us, other.scheduled_us),
        priority=first.priority,
        reason=first.reason,
        type=Mode.FULL if Mode.FULL in {first.type, second.type} else Mode.INCREMENTAL,
        calendar_ids=first.calendar_ids if first.calendar_ids == second.calendar_ids else None,
        max_retries=max(one.max_retries, other.max_retries),
    )


def _values(one: JobRequest, now_us: int) -> tuple[object, ...]:
    parts = None if one.calendar_ids is None else json.dumps(one.calendar_ids)
    identity = one.account_id, one.user_id, one.source, parts
    what = str(one.type.value), str(one.priority.value), one.scheduled_us, "queued", str(one.reason.value)
    return (*identity, *what, 0, one.max_retries, 0, 0, now_us)


_COUNTED = (JobStatus.PROCESSING, JobStatus.FAILED)
_KEPT = "account_id, user_id, source, calendar_ids, type, max_retries"
_INSERT = f"INSERT INTO sync_jobs ({', '.join(_COLUMNS)})"


def _rank(column: str) -> str:
    return f"CASE {column} WHEN 'high' THEN 0 WHEN 'normal' THEN 1 WHEN 'low' THEN 2 ELSE 3 END"


_OLD, _NEW = "sync_jobs", "excluded"
_BETTER = f"({_rank(f'{_NEW}.priority')}) < ({_rank(f'{_OLD}.priority')})"
_WAITS, _WORKS = f"{_OLD}.status = 'queued'", f"{_OLD}.status = 'processing'"
_MORE = f"CASE WHEN {{0}} = 'full' THEN {{0}} ELSE {_NEW}.type END"
_SAME = f"CASE WHEN CAST({{0}} AS TEXT) = CAST({_NEW}.calendar_ids AS TEXT) THEN {{0}} END"
MERGE = f"""ON CONFLICT (account_id) WHERE status <> 'failed' DO UPDATE SET
    priority = CASE WHEN {_WAITS} AND {_BETTER} THEN {_NEW}.priority ELSE {_OLD}.priority END,
    reason = CASE WHEN {_WAITS} AND {_BETTER} THEN {_NEW}.reason ELSE {_OLD}.reason END,
    scheduled_us = CASE WHEN {_WAITS} AND {_NEW}.scheduled_us < {_OLD}.scheduled_us
        THEN {_NEW}.scheduled_us ELSE {_OLD}.scheduled_us END,
    type = CASE WHEN {_WAITS} THEN {_MORE.format(f"{_OLD}.type")} ELSE {_OLD}.type END,
    calendar_ids = CASE WHEN {_WAITS} THEN {_SAME.format(f"{_OLD}.calendar_ids")} ELSE {_OLD}.calendar_ids END,
    again = CASE WHEN {_WORKS} AND ({_rank(f"{_NEW}.priority")}) < ({_rank(f"{_OLD}.again")})
        THEN {_NEW}.priority ELSE {_OLD}.again END,
    again_type = CASE WHEN {_WORKS} THEN {_MORE.format(f"{_OLD}.again_type")} ELSE {_OLD}.again_type END,
    again_calendar_ids = CASE WHEN {_WAITS} THEN {_OLD}.again_calendar_ids WHEN {_OLD}.again IS NULL
        THEN {_NEW}.calendar_ids ELSE {_SAME.format(f"{_OLD}.again_calendar_ids")} END"""
"""What becomes of an account's open job when another one is asked for: it only ever grows, and comes sooner."""
MERGE_AGAIN = """priority = CASE WHEN again = 'high' OR priority = 'high' THEN 'high'
        WHEN again = 'normal' OR priority = 'normal' THEN 'normal' ELSE 'low' END,
    type = CASE WHEN again_type = 'full' THEN 'full' ELSE type END,
    calendar_ids = CASE WHEN again IS NULL OR CAST(again_calendar_ids AS TEXT) = CAST(calendar_ids AS TEXT)
        THEN calendar_ids END,
    again = NULL, again_type = NULL, again_calendar_ids = NULL"""
"""What was asked for while the job was under way becomes a part of it, as it waits again."""
