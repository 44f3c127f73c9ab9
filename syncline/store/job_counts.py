"""Counts of jobs and accounts, each bounded: a queue of a million is told in the time of one of some thousands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncline.model.policies import Priority
from syncline.store.native import execute, instant

__all__ = ["MOST_COUNTED", "ahead", "by_status", "deepest_users", "depth", "first_due", "sources", "users"]

MOST_COUNTED = 20_000
"""More are not counted: the number then says "so many, or more"."""
_WAITING = "status = 'queued' AND source = ? AND priority = ? AND scheduled_us <= ?"


def depth(connection: Connection, priority: Priority, *, now_us: int) -> tuple[int, int | None]:
    """How many jobs of this priority are due and wait, over all sources; and when the first of them was due."""
    total, firsts = 0, list[int]()
    for source in sources(connection):
        among = [source, str(priority), now_us]
        counted = f"SELECT count(*) FROM (SELECT 1 FROM sync_jobs WHERE {_WAITING} LIMIT {MOST_COUNTED}) AS found"
        total += int(execute(connection, counted, among)[0][0])
        first = execute(connection, f"SELECT min(scheduled_us) FROM sync_jobs WHERE {_WAITING}", among)[0][0]
        firsts += [] if first is None else [int(first)]
    return total, min(firsts, default=None)


def sources(connection: Connection) -> list[str]:
    """The sources of which jobs wait: found by leaps over the index, one for each."""
    found: list[str] = []
    after = ""
    while True:
        statement = "SELECT min(source) FROM sync_jobs WHERE status = 'queued' AND source > ?"
        nearest = execute(connection, statement, [after])[0][0]
        if nearest is None:
            return found
        found.append(str(nearest))
        after = str(nearest)


def deepest_users(connection: Connection, priority: Priority, *, now_us: int, limit: int) -> Sequence[tuple[str, int]]:
    """The users with the most jobs of this priority that wait, and how many; of the first 20,000 of each source."""
    counted: dict[str, int] = {}
    for source in sources(connection):
        statement = (
            "SELECT user_id, count(*) FROM (SELECT user_id FROM sync_jobs WHERE"
            f" {_WAITING} ORDER BY scheduled_us LIMIT {MOST_COUNTED}) AS found"
            " GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT ?"
        )
        for user, number in execute(connection, statement, [source, str(priority), now_us, limit]):
            counted[user] = counted.get(user, 0) + int(number)
    return sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))[:limit]


def by_status(connection: Connection) -> tuple[int, int]:
    """How many jobs are under way, and how many are dead letters."""
    counts = [
        execute(
            connection,
            f"SELECT count(*) FROM (SELECT 1 FROM sync_jobs WHERE status = '{status}' LIMIT {MOST_COUNTED}) AS found",
        )
        for status in ("processing", "failed")
    ]
    return int(counts[0][0][0]), int(counts[1][0][0])


def first_due(connection: Connection, *, now_us: int, priorities: Collection[Priority] = tuple(Priority)) -> int | None:
    """When the first job was due that waits, of any source and of these priorities; None: none is due."""
    waiting = f"SELECT min(scheduled_us) FROM sync_jobs WHERE {_WAITING}"
    firsts = [
        execute(connection, waiting, [source, str(priority), now_us])[0][0]
        for source in sources(connection)
        for priority in priorities
    ]
    return min((int(first) for first in firsts if first is not None), default=None)


def ahead(connection: Connection, source: str, priority: Priority, scheduled_us: int) -> int:
    """How many jobs of the same source and priority are due before this instant; 20,000 at most are counted."""
    statement = (
        "SELECT count(*) FROM (SELECT 1 FROM sync_jobs WHERE status = 'queued' AND source = ? AND priority = ?"
        f" AND scheduled_us < ? LIMIT {MOST_COUNTED}) AS found"
    )
    return int(execute(connection, statement, [source, str(priority), scheduled_us])[0][0])


def users(
    connection: Connection, source: str, *, now: datetime, active_seconds: float, most: int | None = MOST_COUNTED
) -> tuple[int, int]:
    """How many accounts a source has, and how many of them somebody used lately; `most` are looked at.

    Of more accounts than that, the second number is that of those that were looked at.
    """
    bound = "" if most is None else f"LIMIT {most:d}"
    looked_at = (
        "SELECT CASE WHEN COALESCE(last_active_at, created_at) >= ? THEN 1 ELSE 0 END AS used FROM accounts"
        f" WHERE source = ? AND state IN ('active', 'paused', 'attention') {bound}"
    )
    since = instant(connection, now - timedelta(seconds=active_seconds))
    counted = execute(connection, f"SELECT count(*), sum(used) FROM ({looked_at}) AS found", [since, source])
    return int(counted[0][0]), int(counted[0][1] or 0)
