"""A simulated day of many accounts: real tables, a real drain, a clock that is moved; the upstream alone is made up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from syncline.clock import ManualClock, microseconds
from syncline.jobs.drain import Drain, Drained
from syncline.jobs.due import Freshness
from syncline.jobs.sweep import sweep
from syncline.jobs.verdict import AccountEnd
from syncline.jobs.work import Ended, Work
from syncline.model.account import Account
from syncline.model.budgets import BudgetKey, SlidingWindow
from syncline.model.session import Status, Tally
from syncline.resilience.budget_state import Denied
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.store.job_wake import bell_of

__all__ = ["STEP", "Day", "DayPlan", "simulate"]

STEP = timedelta(minutes=5)
"""The clock moves by so much; what falls due meanwhile is done at the end of it."""
_SOURCE = "portfolios"
_AT_ONCE = 5_000
_MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class DayPlan:
    """What is simulated.

    Attributes:
        accounts: how many there are.
        active_share: the part of them whose users were active within a day.
        policy: how fresh they are kept.
        hours: how long it lasts.
        down_from, down_for: when nothing runs, in hours after the start, and for how long.
        requests_a_minute: what the upstream admits; each claim takes one request.
        start: the first instant.
    """

    accounts: int
    policy: Freshness
    active_share: float = 0.27
    hours: float = 24
    down_from: float = 10
    down_for: float = 6
    requests_a_minute: int
    start: datetime = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(kw_only=True)
class Day:
    """What came of it.

    Attributes:
        synced: when each account was synced, in seconds after the start, by its number.
        requests: how many requests were admitted in each minute of the day.
        deferred: how many jobs had to wait for the budget.
        outcomes: how many jobs had which outcome.
        grown_mb: how much more memory this process held at most than before the first job.
    """

    synced: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    requests: Counter[int] = field(default_factory=Counter[int])
    deferred: int = 0
    outcomes: Counter[Status] = field(default_factory=Counter[Status])
    grown_mb: float = 0


@dataclass(kw_only=True)
class _Upstream:
    """Answers at once, and counts what it is asked."""

    plan: DayPlan
    clock: ManualClock
    budgets: Budgets
    day: Day
    key: BudgetKey = field(init=False)

    def __post_init__(self) -> None:
        policy = SlidingWindow(limit=self.plan.requests_a_minute, period_seconds=60, margin=0)
        self.key = BudgetKey(name="node:requests", policy=policy)

    async def sync(self, works: Sequence[Work]) -> AsyncIterator[Ended]:
        now = self.clock.now()
        passed, now_us = (now - self.plan.start).total_seconds(), microseconds(now)
        asked = self.budgets.acquire([self.key])
        if isinstance(asked, Denied):
            self.day.deferred += len(works)
            for work in works:
                end = AccountEnd(
                    job=work.job,
                    status=Status.DEFERRED,
                    began_us=now_us,
                    ended_us=now_us,
                    retry_at_us=microseconds(asked.retry_at),
                )
                yield Ended(account=work.account, end=end)
            return
        self.day.requests[int(passed // 60)] += 1
        for work in works:
            self.day.synced.setdefault(int(work.account.external_id), []).append(passed)
            tally = Tally(processed=1, unchanged=1)
            end = AccountEnd(job=work.job, status=Status.COMPLETED, began_us=now_us, ended_us=now_us, tally=tally)
            yield Ended(account=work.account, end=end)


def simulate(store: Store, clock: ManualClock, plan: DayPlan) -> Day:
    """Let the day pass on `store`, whose clock is `clock`, which stands at the plan's start."""
    _make_accounts(store, plan)
    day = Day()
    return asyncio.run(_pass(store, clock, plan, day))


async def _pass(store: Store, clock: ManualClock, plan: DayPlan, day: Day) -> Day:
    upstream = _Upstream(plan=plan, clock=clock, budgets=Budgets(store), day=day)
    before = _held_mb()
    for number in range(round(plan.hours * 60 * 60 / STEP.total_seconds())):
        hour = number * STEP.total_seconds() / 3600
        if not plan.down_from <= hour < plan.down_from + plan.down_for:
            if _is_tick(clock.now(), plan.policy):
                await asyncio.to_thread(sweep, store, _SOURCE, plan.policy)
            done = await _drained(store, upstream, plan.policy)
            day.outcomes.update(done.outcomes)
            day.grown_mb = max(day.grown_mb, _held_mb() - before)
        clock.advance(seconds=STEP.total_seconds())
    return day


def _is_tick(now: datetime, policy: Freshness) -> bool:
    """Whether the cron of this time of day has a tick now."""
    every = policy.market_seconds if policy.market.is_open(now) else policy.off_seconds
    return (now.hour * 3600 + now.minute * 60) % every == 0


async def _drained(store: Store, upstream: _Upstream, policy: Freshness) -> Drained:
    async with bell_of(store) as bell:
        drain = Drain(store, {_SOURCE: upstream}, {_SOURCE: policy}, owner=f"d{random.random()}", bell=bell)  # noqa: S311
        return await drain.run_dry()


def _make_accounts(store: Store, plan: DayPlan) -> None:
    """Active ones are due within the first interval; the others were used three days ago, and are not planned."""
    draw, active = random.Random(7), round(plan.accounts * plan.active_share)  # noqa: S311 - the same each time
    for begin in range(0, plan.accounts, _AT_ONCE):
        rows = [
            _row(number, number < active, plan, draw) for number in range(begin, min(begin + _AT_ONCE, plan.accounts))
        ]
        with store.write() as connection:
            connection.execute(insert(Account), rows)


def _row(number: int, is_active: bool, plan: DayPlan, draw: random.Random) -> Mapping[str, object]:  # noqa: FBT001 - a fact
    first_us = microseconds(plan.start) + round(draw.random() * plan.policy.off_seconds * 1_000_000)
    used = plan.start + timedelta(hours=plan.hours) if is_active else plan.start - timedelta(days=3)
    account = Account(
        id=f"acc_{number:024x}",
        user_id=f"user-{number}",
        source=_SOURCE,
        external_id=str(number),
        last_active_at=used,
        last_success_at=plan.start - timedelta(seconds=plan.policy.off_seconds),
        next_due_us=first_us if is_active else None,
        created_at=plan.start - timedelta(days=30),
    )
    return account.model_dump()


def _held_mb() -> float:
    """What this process holds in memory now (proc(5), `statm`: pages)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / _MB
