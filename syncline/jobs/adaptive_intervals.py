"""Adaptive freshness at work: the interval of an account by the level that sweeps correct, and how they correct it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from syncline.jobs.adaptive import Bounds, first_level, interval_seconds, level_after, rate_of
from syncline.jobs.due import Freshness, rhythm_of
from syncline.model.account import Account
from syncline.model.job import Sweep
from syncline.store import job_sweeps
from syncline.store.engine import Store

__all__ = ["AdaptiveIntervals", "adaptive_interval", "next_level"]

_KNOWN_FOR = timedelta(seconds=60)
"""So long a drain goes by the level that it read last."""


class AdaptiveIntervals:
    """Gives each account its interval, where its source's policy is adaptive."""

    def __init__(self, store: Store, policies: Mapping[str, Freshness]) -> None:
        """Read levels from `store`."""
        self._store, self._policies = store, policies
        self._levels: dict[str, tuple[datetime, float]] = {}

    def __call__(self, account: Account, changes: float, exposure_days: float) -> float | None:
        """The interval in seconds by what was counted of the account; None: its rhythm's holds."""
        policy = self._policies[account.source]
        if not policy.adaptive:
            return None
        level = self._level(account.source, policy)
        return adaptive_interval(account, changes, exposure_days, policy, level=level, now=self._store.clock.now())

    def _level(self, source: str, policy: Freshness) -> float:
        now = self._store.clock.now()
        known = self._levels.get(source)
        if known is None or now - known[0] >= _KNOWN_FOR:
            with self._store.read() as connection:
                swept = job_sweeps.last_sweep(connection, source)
            level = first_level(policy.market_seconds) if swept is None or swept.level is None else swept.level
            known = self._levels[source] = (now, level)
        return known[1]


def adaptive_interval(
    account: Account, changes: float, exposure_days: float, policy: Freshness, *, level: float, now: datetime
) -> float:
    """The interval in seconds; no longer than after what data is stale, no shorter than the operator allows.

    An interval that the account's user set is kept, and its market hours count for nothing here.
    """
    rhythm = rhythm_of(policy, account.settings)
    if account.settings.get("frequency_seconds"):
        return rhythm.interval_seconds(now)
    longest = rhythm.stale_seconds / 1.1  # an interval is spread by a tenth
    bounds = Bounds(shortest_seconds=policy.shortest_seconds, longest_seconds=longest)
    return interval_seconds(rate_of(changes, exposure_days), account.weight, level, bounds)


def next_level(before: Sweep | None, policy: Freshness, *, now: datetime, queued: int, active: int) -> float:
    """The price of a sync after a sweep: so corrected that all together are as many as fixed intervals would make.

    Args:
        before: the sweep before; None: this is the first.
        policy: the intervals that would hold.
        now: the present instant.
        queued: how many syncs fell due since the sweep before.
        active: how many accounts are in use.
    """
    if before is None or before.level is None:
        return first_level(policy.market_seconds)
    interval = policy.market_seconds if policy.market.is_open(now) else policy.off_seconds
    passed = max(1.0, (now - before.swept_at).total_seconds())
    return level_after(before.level, demand=queued, budget=active * passed / interval)
