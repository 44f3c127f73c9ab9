"""A simulated day with 10,000 accounts: what is promised of accounts holds over a day, a shortage and a downtime."""

from itertools import pairwise

import pytest

from benchmarks.day import STEP, Day, DayPlan, simulate
from syncline.clock import ManualClock
from syncline.jobs.due import Freshness
from syncline.model.session import Status
from syncline.store import schema
from syncline.store.engine import Store

PLAN = DayPlan(
    accounts=10_000,
    policy=Freshness(market_seconds=3_600, off_seconds=7_200, stale_seconds=14_400),
    requests_a_minute=20,
)
ACTIVE = 2_700
HOUR = 3_600


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """It passes once for all of these tests."""
    clock = ManualClock(PLAN.start)
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('day') / 'day.db'}", clock=clock)
    schema.upgrade(store)
    found = simulate(store, clock, PLAN)
    store.close()
    return found


def test_only_those_whose_users_are_there_are_synced(day: Day) -> None:
    """Requests for portfolios that nobody looks at are wasted."""
    assert set(day.synced) == set(range(ACTIVE))


def test_each_is_synced_when_it_is_due(day: Day) -> None:
    """No pause is longer than the interval, its spread, a step of the clock, and what the budget makes it wait."""
    down = (PLAN.down_from * HOUR, (PLAN.down_from + PLAN.down_for) * HOUR)
    slack = 3 * STEP.total_seconds()
    for times in day.synced.values():
        for one, other in pairwise(times):
            if not (one < down[1] and other >= down[0]):
                assert other - one <= 1.1 * PLAN.policy.off_seconds + slack
                assert other - one >= 0.9 * PLAN.policy.market_seconds - STEP.total_seconds()


def test_a_downtime_is_made_up_for_by_one_sync_each(day: Day) -> None:
    """Six missed hours are not six syncs: each account has one as soon as the budget admits it, then goes on."""
    back = (PLAN.down_from + PLAN.down_for) * HOUR
    within = [sum(back <= at < back + 0.8 * HOUR for at in times) for times in day.synced.values()]
    assert set(within) == {1}


def test_the_budget_is_never_exceeded_though_it_is_short(day: Day) -> None:
    """After the downtime more is due than the upstream admits in a minute."""
    assert max(day.requests.values()) <= PLAN.requests_a_minute
    assert day.deferred > 0
    assert set(day.outcomes) == {Status.COMPLETED, Status.DEFERRED}


def test_memory_stays_flat(day: Day) -> None:
    """At most 50 MB more than a drain that has nothing to do."""
    assert day.grown_mb <= 50
