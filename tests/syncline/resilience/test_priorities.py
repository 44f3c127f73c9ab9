from collections import Counter

import pytest

from syncline.model.budgets import BudgetKey, Policy, SlidingWindow, TokenBucket
from syncline.model.policies import Priority
from syncline.resilience import budget
from syncline.resilience.budget import Request
from syncline.resilience.budget_state import Moment, Spent

HIGH, NORMAL, LOW = Priority.HIGH, Priority.NORMAL, Priority.LOW
SECOND = 1_000_000
WINDOW = SlidingWindow(limit=20, period_seconds=20, margin=0)
BUCKET = TokenBucket(capacity=2, refill_per_second=1)


def asked(
    key: BudgetKey, spent: Spent, priority: Priority, now: int, *, cost: int = 1
) -> tuple[tuple[int, str] | None, Spent]:
    request = Request(keys=[key], cost=cost, priority=priority)
    denied, (after,) = budget.acquire(request, [spent], Moment(now=now), [None])
    return denied, after


def spent_by(policy: Policy, busy: dict[Priority, int], *, seconds: int, cost: int = 1) -> Counter[Priority]:
    """What each priority gets when so many of it ask without rest; each waits as long as it is told."""
    key, spent, got = BudgetKey(name="a:b", policy=policy), Spent(), Counter[Priority]()
    askers = [(priority, number) for priority, count in busy.items() for number in range(count)]
    next_at = dict.fromkeys(askers, 1000 * SECOND)
    while min(next_at.values()) < (1000 + seconds) * SECOND:
        asker = min(next_at, key=lambda one: (next_at[one], one[1], one[0]))
        now, priority = next_at[asker], asker[0]
        denied, spent = asked(key, spent, priority, now, cost=cost)
        if denied is None:
            got[priority] += 1
        next_at[asker] = now + 1000 if denied is None else max(denied[0], now + 1000)
    return got


@pytest.mark.parametrize("policy", [WINDOW, BUCKET])
def test_a_higher_priority_goes_first_and_the_lowest_keeps_a_tenth(policy: Policy) -> None:
    """A backlog of interactive work must not starve the nightly sync for good."""
    got = spent_by(policy, {HIGH: 3, LOW: 3}, seconds=600)
    share = got[LOW] / got.total()
    assert 0.08 <= share <= 0.2
    assert got.total() >= 0.9 * 600


@pytest.mark.parametrize("policy", [WINDOW, BUCKET])
def test_the_tenth_goes_to_the_lowest_that_has_work(policy: Policy) -> None:
    """With nothing low to do, the normal ones are the lowest; with low ones, these are, and normal ones wait."""
    two = spent_by(policy, {HIGH: 3, NORMAL: 3}, seconds=600)
    assert 0.08 <= two[NORMAL] / two.total() <= 0.2
    three = spent_by(policy, {HIGH: 3, NORMAL: 3, LOW: 3}, seconds=600)
    assert 0.08 <= three[LOW] / three.total() <= 0.2
    assert three[HIGH] > 5 * three[NORMAL]


@pytest.mark.parametrize("priority", Priority)
def test_whoever_is_alone_gets_all(priority: Priority) -> None:
    """A share that is not used is not reserved."""
    got = spent_by(BUCKET, {priority: 2}, seconds=300)
    assert got[priority] >= 300


def test_requests_that_cost_more_keep_the_same_shares() -> None:
    """Shares are counted in what is spent, so one expensive request weighs as much as it takes."""
    got = spent_by(SlidingWindow(limit=20, period_seconds=20, margin=0), {HIGH: 2, LOW: 2}, seconds=600, cost=4)
    assert 0.08 <= got[LOW] / got.total() <= 0.2


def test_one_who_never_comes_back_holds_nobody_up_for_long() -> None:
    """A process that died while it waited is expected for a second, then forgotten."""
    key, now = BudgetKey(name="a:b", policy=BUCKET), 1000 * SECOND
    spent = Spent(tat=now + 2 * SECOND)
    denied, spent = asked(key, spent, HIGH, now)
    assert denied == (now + SECOND, "a:b")
    denied, spent = asked(key, spent, LOW, now + SECOND)
    assert denied == (now + SECOND + SECOND // 10, "a:b")
    assert asked(key, spent, LOW, now + 2 * SECOND)[0] is None
