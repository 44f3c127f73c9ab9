from datetime import datetime, timedelta
from typing import Any

import pytest

from syncline.clock import ManualClock
from syncline.erp.tables import Product
from syncline.model.budgets import Budget, SlidingWindow, TokenBucket
from syncline.model.dataset import Dataset
from syncline.model.policies import BreakerPolicy
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.resilience.breaker import BreakerState, Outcome
from syncline.status.protection import BudgetUse, Protection, breaker_words, budget_words, protections
from syncline.store.breakers import Breakers, BreakerStatus, Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

START = datetime.fromisoformat("2026-01-22T10:00:00+00:00")
WALL = SlidingWindow(limit=15, period_seconds=900)
UPSTREAM = Upstream(
    name="feed",
    budgets=(
        Budget(policy=SlidingWindow(limit=60, period_seconds=3_600)),
        Budget(name="posts", policy=TokenBucket(capacity=10, refill_per_second=0.1)),
        Budget(name="users", policy=TokenBucket(capacity=15, refill_per_second=0.01, wall=WALL)),
    ),
)


@pytest.fixture
def sources(sources: list[Source]) -> list[Source]:
    """Two sources of one upstream with budgets, and one of an upstream without."""
    pages = sources[0].required_dataset.pages
    made = [
        Source(
            name=name,
            upstream=UPSTREAM,
            dataset=Dataset(pages=pages, table=Product),
        )
        for name in ("quests", "points")
    ]
    return [*made, sources[0]]


def test_sources_of_one_upstream_share_its_budgets_but_no_breaker(store: Store, sources: list[Source]) -> None:
    """What one spends the other sees; what one suffers it does not."""
    for _ in range(18):
        Budgets(store).acquire(UPSTREAM.budget_keys[:1])
    permit = Breakers(store).admit(sources[0])
    assert isinstance(permit, Permit)
    for _ in range(5):
        Breakers(store).record(permit, Outcome.FAILURE)
    found = protections(store, sources)
    assert found["quests"].budgets == found["points"].budgets
    assert [(use.name, use.tokens, use.capacity, use.window_seconds) for use in found["points"].budgets] == [
        ("feed:requests", 42, 60, 3_600),
        ("feed:posts", 10, 10, 100),
        ("feed:users", 15, 15, 900),
    ]
    assert found["points"].budgets[0].fraction == pytest.approx(0.3)
    assert (found["quests"].is_closed, found["points"].is_closed) == (False, True)
    assert found["products"].budgets == ()


def test_a_service_shows_the_budgets_that_it_spends_from(store: Store) -> None:
    """An operator who asks why it waits need not guess which budget is its own."""
    named = Source(name="watch", upstream=UPSTREAM, spends={"users": 0})
    found = protections(store, [named, Source(name="other", upstream=UPSTREAM)])
    assert [use.name for use in found["watch"].budgets] == ["feed:users"]
    assert [use.name for use in found["other"].budgets] == ["feed:requests", "feed:posts", "feed:users"]


def test_a_block_is_told_until_it_ends(store: Store, sources: list[Source], clock: ManualClock) -> None:
    """Of one budget, or of the whole upstream."""
    until = clock.now() + timedelta(seconds=90)
    Budgets(store).block(UPSTREAM.budget_keys[:1], until=until)
    Budgets(store).block([UPSTREAM.block_key], until=until)
    found = protections(store, sources)["quests"]
    assert [use.blocked_until for use in found.budgets] == [until, None, None]
    assert found.blocked_until == until
    clock.advance(seconds=91)
    found = protections(store, sources)["quests"]
    assert (found.blocked_until, found.budgets[0].blocked_until) == (None, None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"state": BreakerState.CLOSED}, "closed"),
        ({"state": BreakerState.CLOSED, "failures": 1}, "closed, 1 failure in a row"),
        (
            {"state": BreakerState.OPEN, "failures": 5, "retry_at": START + timedelta(minutes=3)},
            "open until 10:03 UTC after 5 failures",
        ),
        ({"state": BreakerState.HALF_OPEN, "successes": 1}, "half-open, 1 of 3 probes went well"),
        (
            {"state": BreakerState.HALF_OPEN, "retry_at": START},
            "half-open, 0 of 3 probes went well, the others are out until 10:00 UTC",
        ),
        ({"state": BreakerState.FORCED_OPEN}, "held open until it is reset"),
    ],
)
def test_a_breaker_is_told_in_words(status: dict[str, Any], words: str) -> None:
    """For people, who ask until when and why."""
    breaker = BreakerStatus(**status)
    assert breaker_words(Protection(breaker=breaker, policy=BreakerPolicy(), budgets=(), blocked_until=None)) == words


@pytest.mark.parametrize(
    ("tokens", "capacity", "seconds", "words"),
    [
        (18, 60, 3_600, "used 42 of 60 this hour"),
        (60, 60, 60, "used 0 of 60 this minute"),
        (8.5, 10, 900, "used 1.5 of 10 in 15 min"),
        (0, 12_000, 86_400, "used 12,000 of 12,000 in a day"),
        (1, 2, 0.5, "used 1 of 2 in 0.5 s"),
        (1, 2, 5_400, "used 1 of 2 in 90 min"),
    ],
)
def test_a_budget_is_told_in_words(tokens: float, capacity: int, seconds: float, words: str) -> None:
    """Of what is spent, because that is what one watches."""
    use = BudgetUse(
        name="feed:x", tokens=tokens, capacity=capacity, fraction=0, window_seconds=seconds, blocked_until=None
    )
    assert budget_words(use) == words


def test_a_blocked_budget_says_until_when() -> None:
    """Nothing of it can be spent until then, however much is left."""
    use = BudgetUse(name="feed:x", tokens=18, capacity=60, fraction=0.7, window_seconds=3_600, blocked_until=START)
    assert budget_words(use) == "used 42 of 60 this hour, blocked by the upstream until 10:00 UTC"
