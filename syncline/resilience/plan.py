"""The plan of the budgets: how many requests the schedules will send, against how many the upstreams admit.

A plan fits where what is asked for on average is at most what is admitted. More would be deferred without end: each run
would find less of the budget than the one before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from syncline.model.budgets import Policy, SlidingWindow

__all__ = ["Allowance", "BudgetLoad", "Demand", "allowance", "loads"]

_HOUR_SECONDS = 3_600.0
_ROUND_UP_TO_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """So many requests in such a period."""

    requests: float
    period_seconds: float


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What one source asks of one budget.

    Attributes:
        source: the source.
        budget: `UPSTREAM:BUDGET`.
        interval_seconds: the time between two of its runs, on average.
        requests_per_run: what a run spends of the budget.
        by: how its schedule is told, such as `by 7 * * * *`; empty: by its interval.
    """

    source: str
    budget: str
    interval_seconds: float
    requests_per_run: float
    by: str = ""

    def requests_in(self, period_seconds: float) -> float:
        """How many requests it sends in such a period, on average."""
        return self.requests_per_run * period_seconds / self.interval_seconds


@dataclass(frozen=True, kw_only=True)
class BudgetLoad:
    """A budget and all that is asked of it.

    Attributes:
        budget: `UPSTREAM:BUDGET`.
        allowance: what it admits.
        demands: what is asked of it, by source.
    """

    budget: str
    allowance: Allowance
    demands: tuple[Demand, ...]

    @property
    def requests(self) -> float:
        """How many requests are asked for in the allowance's period."""
        return sum(demand.requests_in(self.allowance.period_seconds) for demand in self.demands)

    @property
    def usage(self) -> float:
        """The part of the budget that is asked for; above 1 it cannot fit."""
        return self.requests / self.allowance.requests

    @property
    def fits(self) -> bool:
        """Whether the budget admits what is asked of it."""
        return self.usage <= 1

    def fitting_seconds(self, demand: Demand) -> int:
        """The interval of `demand` with which all would fit, if all were stretched alike; whole tens of seconds."""
        stretched = demand.interval_seconds * max(1.0, self.usage)
        return math.ceil(round(stretched, 6) / _ROUND_UP_TO_SECONDS) * _ROUND_UP_TO_SECONDS


def allowance(policy: Policy) -> Allowance:
    """What `policy` admits in the long run: a window's limit, or what flows into a bucket in its period, or an hour."""
    if isinstance(policy, SlidingWindow):
        return Allowance(requests=policy.limit, period_seconds=policy.period_seconds)
    period = _HOUR_SECONDS if policy.wall is None else policy.wall.period_seconds
    flowing = policy.refill_per_second * period
    admitted = flowing if policy.wall is None else min(flowing, policy.wall.limit)
    return Allowance(requests=admitted, period_seconds=period)


def loads(demands: Iterable[Demand], policies: dict[str, Policy]) -> list[BudgetLoad]:
    """The budgets of `policies` with what is asked of each, by name; a budget of which nothing is asked is left out."""
    asked: dict[str, list[Demand]] = {}
    for demand in demands:
        asked.setdefault(demand.budget, []).append(demand)
    return [
        BudgetLoad(budget=name, allowance=allowance(policies[name]), demands=tuple(asked[name]))
        for name in sorted(asked)
    ]
