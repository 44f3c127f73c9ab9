"""Adaptive freshness: accounts that change more are synced more often, within a budget of requests.

After Azar, Horvitz, Lubetzky, Peres, Shahaf: Tractable near-optimal policies for crawling (PNAS 2018), with evenly
spaced syncs in place of random ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["HALF_LIFE_DAYS", "Bounds", "decayed", "first_level", "interval_seconds", "level_after", "rate_of"]

HALF_LIFE_DAYS = 14.0
_DAY = timedelta(days=1)
_PRIOR_CHANGES, _PRIOR_DAYS = 0.5, 1.0
"""What is believed of an account of which nothing was counted yet: a change in two days."""
_MOST_STEP = 4.0
"""A level is corrected by no more than this factor at once: one odd hour says little."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Between which intervals adaptive freshness stays, in seconds."""

    shortest_seconds: float
    longest_seconds: float


def decayed(changes: float, days: float, *, since: datetime | None, now: datetime) -> tuple[float, float]:
    """What was counted before, worth less by its age, and the days since the last count added to the exposure."""
    if since is None:
        return changes, days
    passed = max(timedelta(), now - since) / _DAY
    kept = 0.5 ** (passed / HALF_LIFE_DAYS)
    return changes * kept, days * kept + passed


def rate_of(changes: float, days: float) -> float:
    """Changes a day, as far as was counted; with little counted, near to what is believed of any account."""
    return (changes + _PRIOR_CHANGES) / (days + _PRIOR_DAYS)


def interval_seconds(rate: float, weight: float, level: float, bounds: Bounds) -> float:
    """How long to wait between two syncs of an account that changes `rate` times a day.

    The rate of syncs is sqrt(weight * rate / level) - rate a day: where `level` is the price of a sync, all that is
    read more often than this gains less than it costs. What changes much faster than it can be read is read seldom.
    """
    fastest, slowest = 86_400 / bounds.shortest_seconds, 86_400 / bounds.longest_seconds
    wanted = math.sqrt(max(0.0, weight * rate) / level) - rate if level > 0 else fastest
    return 86_400 / min(max(wanted, slowest), fastest)


def level_after(level: float, *, demand: float, budget: float) -> float:
    """The price of a sync for the next sweep: higher where more was asked for than the budget gives.

    Args:
        level: the price until now.
        demand: syncs that fell due since the last sweep.
        budget: syncs that the budget gave since then.
    """
    if budget <= 0 or demand <= 0:
        return level
    return level * min(max((demand / budget) ** 2, 1 / _MOST_STEP), _MOST_STEP)


def first_level(interval_seconds_: float, *, rate: float = _PRIOR_CHANGES / _PRIOR_DAYS) -> float:
    """The price of a sync at which an account of which nothing was counted yet is synced at this interval."""
    syncs = 86_400 / interval_seconds_
    return rate / (syncs + rate) ** 2
