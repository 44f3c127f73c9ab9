"""A sweep: everybody who falls due until the next one is queued, the stale ones high."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from syncline.jobs.adaptive_intervals import next_level
from syncline.jobs.due import Freshness
from syncline.store import accounts, job_counts, job_sweeps
from syncline.store.engine import Store
from syncline.store.job_sweeps import Due

__all__ = ["SweepCount", "sweep"]

_log = logging.getLogger("syncline.jobs")


@dataclass(frozen=True, kw_only=True)
class SweepCount:
    """What a sweep did.

    Attributes:
        queued: how many jobs it made, or made more urgent.
        stale: how many of them because what is stored is too old.
        unused: how many accounts it took out of the plan, as nobody uses them.
        is_market_hours: whether the market was open.
    """

    queued: int
    stale: int
    unused: int
    is_market_hours: bool


def sweep(store: Store, source: str, policy: Freshness, *, ahead_seconds: float | None = None) -> SweepCount:
    """Queue each account of `source` that falls due before the next sweep, each for the instant at which it is due.

    Looking ahead, an account that falls due just after a sweep does not wait a whole interval for the next one.

    Args:
        store: the database.
        source: whose accounts.
        policy: how fresh they are kept.
        ahead_seconds: how far it looks ahead; unset: as long as the interval of this time of day lasts.
    """
    now = store.clock.now()
    store.transact(lambda connection: accounts.settle(connection, now=now, source=source))
    is_open = policy.market.is_open(now)
    ahead = (policy.market_seconds if is_open else policy.off_seconds) if ahead_seconds is None else ahead_seconds
    due = Due(
        source=source,
        now=now,
        until=now + timedelta(seconds=ahead),
        stale_seconds=policy.stale_seconds,
        active_seconds=policy.active_seconds,
    )
    queued, stale = _queue_all(store, due)
    with store.write() as connection:
        before = job_sweeps.last_sweep(connection, source)
        unused = job_sweeps.set_aside_unused(connection, due)
        users = job_counts.users(connection, source, now=now, active_seconds=policy.active_seconds, most=None)
        level = next_level(before, policy, now=now, queued=queued, active=users[1]) if policy.adaptive else None
        job_sweeps.note(connection, source, now=now, queued=queued, users=users, level=level)
    count = SweepCount(queued=queued, stale=stale, unused=unused, is_market_hours=is_open)
    _tell(source, count, policy)
    return count


def _queue_all(store: Store, due: Due) -> tuple[int, int]:
    """Slice by slice, each a transaction of its own: others write in between."""
    after: tuple[int, str] | None = None
    queued = stale = 0
    while True:
        begin = after
        swept = store.transact(lambda connection, begin=begin: job_sweeps.queue_due(connection, due, after=begin))
        queued, stale, after = queued + swept.queued, stale + swept.stale, swept.after
        if after is None:
            return queued, stale


def _tell(source: str, count: SweepCount, policy: Freshness) -> None:
    """The lines of the seed, as structured logs."""
    facts = {"source": source, "isMarketHours": count.is_market_hours, "userCount": count.queued}
    _log.info("Running periodic sync check (isMarketHours: %s)", str(count.is_market_hours).lower(), extra=facts)
    if count.stale:
        threshold_ms = round(policy.stale_seconds * 1000)
        more = facts | {"count": count.stale, "threshold": threshold_ms}
        _log.info("Found users with stale data (count: %d, threshold: %d)", count.stale, threshold_ms, extra=more)
    if count.queued:
        _log.info("Periodic sync scheduled successfully (userCount: %d)", count.queued, extra=facts)
