"""How the queue stands: depth, age, throughput, drains; and how the planner of accounts stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from syncline.clock import microseconds
from syncline.jobs.due import Freshness
from syncline.model.job import Sweep
from syncline.model.policies import Priority
from syncline.store import drains, job_counts, job_sweeps

__all__ = [
    "LaneStats",
    "QueueStats",
    "SchedulerStats",
    "queue_stats",
    "scheduler_stats",
]

_SHOWN_USERS = 5
_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class LaneStats:
    """One priority's jobs.

    Attributes:
        depth: how many are due and wait; at most `job_counts.MOST_COUNTED` are counted.
        oldest_seconds: for how long the first of them has been due; None: none is.
        per_minute: how many ended in the last minute.
        deepest_users: the users with the most jobs that wait, and how many those are.
        depth_is_at_least: whether there may be more than were counted.
    """

    depth: int
    oldest_seconds: float | None
    per_minute: float
    deepest_users: Sequence[tuple[str, int]]
    depth_is_at_least: bool = False


@dataclass(frozen=True, kw_only=True)
class QueueStats:
    """The queue.

    Attributes:
        lanes: by priority.
        processing: how many jobs are under way.
        failed: how many dead letters there are.
        drains: how many drains live.
        capacity: how many jobs these have under way at most.
        under_way: how many they say that they have under way.
    """

    lanes: Mapping[Priority, LaneStats]
    processing: int
    failed: int
    drains: int
    capacity: int
    under_way: int

    @property
    def oldest_seconds(self) -> float:
        """For how long the first of all jobs that are due has been so; 0: none is."""
        return max((lane.oldest_seconds or 0 for lane in self.lanes.values()), default=0)


@dataclass(frozen=True, kw_only=True)
class SchedulerStats:
    """How the planner of a source's accounts stands.

    Attributes:
        enabled: whether accounts are synced by themselves.
        running: whether they are: enabled, set up, and somebody drains.
        total_users: how many users have accounts.
        active_users: how many accounts somebody used within a day.
        is_market_hours: whether the market is open.
        swept_at: when was last looked who is due.
    """

    enabled: bool
    running: bool
    total_users: int
    active_users: int
    is_market_hours: bool
    swept_at: datetime | None


def queue_stats(connection: Connection, *, now: datetime) -> QueueStats:
    """The queue as it stands at `now`; what is deep is counted up to a bound, so that this stays quick."""
    now_us = microseconds(now)
    live = drains.live(connection, now_us=now_us)
    lanes = {priority: _lane(connection, priority, live, now_us) for priority in Priority}
    processing, failed = job_counts.by_status(connection)
    return QueueStats(
        lanes=lanes,
        processing=processing,
        failed=failed,
        drains=len(live),
        capacity=sum(drain.capacity for drain in live),
        under_way=sum(drain.under_way for drain in live),
    )


def scheduler_stats(
    connection: Connection, source: str, policy: Freshness, *, now: datetime, enabled: bool
) -> SchedulerStats:
    """How the planner of the source's accounts stands at `now`."""
    swept: Sweep | None = job_sweeps.last_sweep(connection, source)
    is_drained = bool(drains.live(connection, now_us=microseconds(now)))
    total, active = job_counts.users(connection, source, now=now, active_seconds=policy.active_seconds)
    if swept is not None and total == job_counts.MOST_COUNTED:  # so many are counted by sweeps alone
        total, active = swept.total, swept.active
    return SchedulerStats(
        enabled=enabled,
        running=enabled and is_drained,
        total_users=total,
        active_users=active,
        is_market_hours=policy.market.is_open(now),
        swept_at=None if swept is None else swept.swept_at,
    )


def _lane(connection: Connection, priority: Priority, live: Sequence[drains.DrainRow], now_us: int) -> LaneStats:
    depth, first = job_counts.depth(connection, priority, now_us=now_us)
    return LaneStats(
        depth=depth,
        oldest_seconds=None if first is None else (now_us - first) / _US,
        per_minute=float(sum(getattr(drain, f"ended_{priority}") for drain in live)),
        deepest_users=job_counts.deepest_users(connection, priority, now_us=now_us, limit=_SHOWN_USERS),
        depth_is_at_least=depth >= job_counts.MOST_COUNTED,
    )
