"""Claims: a drain takes due jobs, keeps them by a lease, and those of dead drains are queued again."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from syncline.model.job import MAX_CRASHES, JobReason
from syncline.model.policies import Mode, Priority
from syncline.model.target import Target
from syncline.store.jobs import MERGE_AGAIN
from syncline.store.native import execute, is_postgresql, pairs

__all__ = ["Claimed", "Lane", "Reaped", "claim", "due_lanes", "has_expired", "reap", "renew"]

_MOST_REAPED = 500
_ROUNDS = 4
"""So often a claim looks past users who have their share already."""
_COLUMNS = (
    "id, account_id, user_id, source, calendar_ids, type, priority, scheduled_us, reason, retry_count, max_retries,"
    " fence, owner, created_us, session_id"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A job as the drain took it that has it now.

    Attributes:
        id: the job's.
        account_id: whose sync it is.
        user_id: the account's user.
        source: the account's source.
        calendar_ids: what of the account; None: all of it.
        type: how much is read.
        priority: the lane that it came from.
        scheduled_us: when it was due, in microseconds since 1970.
        reason: why it is due.
        retry_count: how often it failed before.
        max_retries: how often it may fail.
        fence: says that it is this claim's; a later one's is higher.
        owner: the drain.
        created_us: when it was first asked for.
        session_id: the last session that it left, if any.
    """

    id: int
    account_id: str
    user_id: str
    source: str
    calendar_ids: tuple[str, ...] | None
    type: Mode
    priority: Priority
    scheduled_us: int
    reason: JobReason
    retry_count: int
    max_retries: int
    fence: int
    owner: str
    created_us: int
    session_id: str | None

    @property
    def target(self) -> Target:
        """What it brings up to date."""
        return Target(self.source, self.account_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """Where jobs of one source and priority wait.

    Attributes:
        source: the source's name.
        priority: the priority.
        due_us: when the first of them is due; it may lie ahead. Nothing waits before it, as far as is known.
    """

    source: str
    priority: Priority
    due_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaped:
    """A job whose drain died.

    Attributes:
        job_id: the job's.
        target: what it was to bring up to date.
        reason: why it was due.
        type: how much it was to read.
        is_dead: whether it is given up: too many of its drains died.
    """

    job_id: int
    target: Target
    reason: JobReason
    type: Mode
    is_dead: bool


def due_lanes(
    connection: Connection, sources: Sequence[str], *, floors: Mapping[tuple[str, Priority], int] | None = None
) -> list[Lane]:
    """The lanes of `sources` in which jobs wait, due or not yet; the high ones first, of each the earliest first.

    Args:
        connection: reads.
        sources: those that may be claimed from; a blocked one is left out, so that it stands before no other.
        floors: instants of lanes before which nothing waits, as far as is known: an index of PostgreSQL is then not
            read from its beginning, where what is gone still stands while somebody holds an old snapshot.
    """
    lanes = [(source, priority) for priority in Priority for source in sources]
    if not lanes:
        return []
    known = floors or {}
    parts = " UNION ALL ".join([_FIRST_DUE] * len(lanes))
    values = [value for lane in lanes for value in (*map(str, lane), known.get(lane, 0))]
    found = zip(lanes, execute(connection, parts, values), strict=True)
    waiting = [
        Lane(source=source, priority=priority, due_us=due) for (source, priority), (due,) in found if due is not None
    ]
    ranks = list(Priority)
    return sorted(waiting, key=lambda lane: (ranks.index(lane.priority), lane.due_us))


def claim(
    connection: Connection,
    lane: Lane,
    count: int,
    *,
    owner: str,
    now_us: int,
    lease_us: int,
    per_user: int,
    served: MutableMapping[str, int] | None = None,
) -> list[Claimed]:
    """Take up to `count` due jobs of a lane, the earliest first, and no more than `per_user` of one user.

    Other drains that claim at the same moment get other jobs.

    Args:
        connection: a transaction that writes; short, for others wait for it on SQLite.
        lane: where to take from.
        count: how many at most.
        owner: says who has them.
        now_us: the present instant.
        lease_us: until when they are the owner's, unless it renews.
        per_user: so many of one user at most; who has more must not keep the others waiting.
        served: how many each user was given before, of other lanes; what is taken is added.
    """
    given: MutableMapping[str, int] = {} if served is None else served
    taken: list[Claimed] = []
    full: list[str] = []
    for _ in range(_ROUNDS):
        head = _head(connection, lane, count - len(taken), now_us=now_us, full=full)
        ids, refused = _within_share(head, per_user, given)
        if ids:
            taken += _take(connection, ids, owner=owner, lease_us=lease_us)
        if len(taken) >= count or not refused:
            break
        full += refused
    return taken


def renew(connection: Connection, jobs: Sequence[Claimed], *, lease_us: int) -> frozenset[int]:
    """Keep these jobs until `lease_us`; returns the ids of those that are still their claim's."""
    if not jobs:
        return frozenset()
    listed, parameters = pairs([(job.id, job.fence) for job in jobs])
    statement = (
        f"UPDATE sync_jobs SET lease_us = ? WHERE (id, fence) IN {listed} AND status = 'processing' RETURNING id"
    )
    return frozenset(int(job_id) for (job_id,) in execute(connection, statement, [lease_us, *parameters]))


def has_expired(connection: Connection, *, now_us: int) -> bool:
    """Whether there is a job whose lease has expired."""
    statement = "SELECT 1 FROM sync_jobs WHERE status = 'processing' AND lease_us <= ? LIMIT 1"
    return bool(execute(connection, statement, [now_us]))


def reap(connection: Connection, *, now_us: int) -> list[Reaped]:
    """Queue jobs again whose lease has expired, 500 at most; their drain is dead, or its end will come too late.

    What was asked for meanwhile becomes a part of them. One whose drains died ten times in a row becomes a dead letter,
    in place of an older one of its account: it may be what kills them.
    """
    lock = " FOR UPDATE SKIP LOCKED" if is_postgresql(connection) else ""
    expired = f"SELECT id FROM sync_jobs WHERE status = 'processing' AND lease_us <= ? LIMIT {_MOST_REAPED}{lock}"
    rows = execute(connection, f"{_REAP} WHERE id IN ({expired}) RETURNING {_REAPED}", [now_us, now_us])
    reaped = [
        Reaped(
            job_id=job_id,
            target=Target(source, account_id),
            reason=JobReason(reason),
            type=Mode(mode),
            is_dead=status == "failed",
        )
        for job_id, source, account_id, reason, mode, status in rows
    ]
    _replace_older(connection, [one for one in reaped if one.is_dead])
    return reaped


def _replace_older(connection: Connection, dead: Sequence[Reaped]) -> None:
    """An account has one dead letter, the newest."""
    if dead:
        accounts, ids = ", ".join("?" * len(dead)), ", ".join("?" * len(dead))
        statement = (
            f"DELETE FROM sync_jobs WHERE account_id IN ({accounts}) AND status = 'failed' AND id NOT IN ({ids})"
        )
        execute(connection, statement, [*(one.target.account_id for one in dead), *(one.job_id for one in dead)])


def _head(connection: Connection, lane: Lane, count: int, *, now_us: int, full: Sequence[str]) -> list[tuple[int, str]]:
    """The ids and users of the earliest due jobs that are not of these users."""
    others = f"AND user_id NOT IN ({', '.join('?' * len(full))})" if full else ""
    lock = " FOR UPDATE SKIP LOCKED" if is_postgresql(connection) else ""
    statement = f"{_HEAD} {others} ORDER BY scheduled_us LIMIT ?{lock}"
    found = execute(connection, statement, [lane.source, str(lane.priority), lane.due_us, now_us, *full, count])
    return [(int(job_id), str(user)) for job_id, user in found]


def _within_share(
    head: Sequence[tuple[int, str]], per_user: int, given: MutableMapping[str, int]
) -> tuple[list[int], list[str]]:
    """The ids of those within their users' shares, which are counted, and the users who have more."""
    ids: list[int] = []
    refused: dict[str, None] = {}
    for job_id, user in head:
        if given.get(user, 0) < per_user:
            given[user] = given.get(user, 0) + 1
            ids.append(job_id)
        else:
            refused[user] = None
    return ids, list(refused)


def _take(connection: Connection, ids: Sequence[int], *, owner: str, lease_us: int) -> list[Claimed]:
    marks = ", ".join("?" * len(ids))
    statement = f"{_TAKE} WHERE id IN ({marks}) AND status = 'queued' RETURNING {_COLUMNS}"
    rows = execute(connection, statement, [owner, lease_us, *ids])
    return sorted((_claimed(row) for row in rows), key=lambda job: (job.scheduled_us, job.id))


def _claimed(row: tuple[Any, ...]) -> Claimed:
    job_id, account_id, user_id, source, parts, mode, priority, scheduled_us, reason, *counts = row
    retry_count, max_retries, fence, owner, created_us, session_id = counts
    parts = json.loads(parts) if isinstance(parts, str) else parts
    return Claimed(
        id=job_id,
        account_id=account_id,
        user_id=user_id,
        source=source,
        calendar_ids=None if parts is None else tuple(parts),
        type=Mode(mode),
        priority=Priority(priority),
        scheduled_us=scheduled_us,
        reason=JobReason(reason),
        retry_count=retry_count,
        max_retries=max_retries,
        fence=fence,
        owner=owner,
        created_us=created_us,
        session_id=session_id,
    )


_FIRST_DUE = (
    "SELECT (SELECT min(scheduled_us) FROM sync_jobs"
    " WHERE status = 'queued' AND source = ? AND priority = ? AND scheduled_us >= ?)"
)
_HEAD = (
    "SELECT id, user_id FROM sync_jobs WHERE status = 'queued' AND source = ? AND priority = ?"
    " AND scheduled_us >= ? AND scheduled_us <= ?"
)
_TAKE = "UPDATE sync_jobs SET status = 'processing', owner = ?, fence = fence + 1, lease_us = ?"
_REAPED = "id, source, account_id, reason, type, status"
_REAP = f"""UPDATE sync_jobs SET
    status = CASE WHEN crashes + 1 >= {MAX_CRASHES} THEN 'failed' ELSE 'queued' END,
    error_type = CASE WHEN crashes + 1 >= {MAX_CRASHES} THEN 'Crashed' ELSE error_type END,
    error_message = CASE WHEN crashes + 1 >= {MAX_CRASHES}
        THEN 'its drains died {MAX_CRASHES} times in a row while it was under way' ELSE error_message END,
    crashes = crashes + 1, scheduled_us = ?, owner = NULL, lease_us = NULL, {MERGE_AGAIN}"""
