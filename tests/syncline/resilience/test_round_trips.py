"""Upstreams that count a request when it arrives, an instant that the client does not see: simulated, in no time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.model.budgets import BudgetKey, Policy, SlidingWindow, TokenBucket
from syncline.resilience import budget
from syncline.resilience.budget import Request
from syncline.resilience.budget_state import Moment, Paid, Spent

SECOND = 1_000_000
BEGIN = 1000 * SECOND
WAY = 5 * SECOND


@dataclass(kw_only=True)
class Wall:
    """The upstream: an exact sliding window over arrivals."""

    limit: int
    period: int
    window: deque[int] = field(default_factory=deque[int])
    accepted: list[int] = field(default_factory=list[int])
    refused: int = 0

    def arrives(self, now: int) -> None:
        while self.window and self.window[0] <= now - self.period:
            self.window.popleft()
        if len(self.window) == self.limit:
            self.refused += 1
        else:
            self.window.append(now)
            self.accepted.append(now)

    def used(self, until: int) -> float:
        """How full the window was on average, from a period after the first arrival on."""
        begins, ends = self.accepted[0] + self.period, until
        inside = sum(max(0, min(ends, at + self.period) - max(begins, at)) for at in self.accepted)
        return inside / (self.limit * (ends - begins))


@dataclass(kw_only=True)
class Barrel:
    """The upstream: a bucket that is refilled at a steady rate, and full at first."""

    policy: TokenBucket
    full_at: int = 0
    refused: int = 0
    accepted: list[int] = field(default_factory=list[int])

    def arrives(self, now: int) -> None:
        full_at = max(self.full_at, now) + self.policy.token_us
        if full_at - now > self.policy.capacity * self.policy.token_us:
            self.refused += 1
        else:
            self.full_at = full_at
            self.accepted.append(now)


@dataclass(kw_only=True)
class Crowd:
    """Clients that have more to ask than is allowed, each one request at a time; some die on the way."""

    upstream: Wall | Barrel
    policy: Policy
    ways: Iterator[int]
    dies: Iterator[bool]
    spent: Spent = field(default_factory=Spent)
    events: list[tuple[int, int, int, Paid | None]] = field(default_factory=list[tuple[int, int, int, Paid | None]])

    def work(self, clients: int, lasts: int) -> None:
        """Let them ask for so long: an event is when, which client, and what happens (ask, arrive, answer)."""
        self.events = [(BEGIN, client, 0, None) for client in range(clients)]
        while self.events and self.events[0][0] < BEGIN + lasts:
            now, client, what, paid = heappop(self.events)
            if what == 0:
                self.ask(now, client)
            elif what == 1:
                self.upstream.arrives(now)
                if next(self.dies):
                    heappush(self.events, (now + WAY, client, 0, None))
                else:
                    heappush(self.events, (now + next(self.ways), client, 2, paid))
            else:
                assert paid is not None
                self.spent = budget.settle(self.spent, self.key, paid, Moment(now=now), None)
                heappush(self.events, (now, client, 0, None))

    @property
    def key(self) -> BudgetKey:
        return BudgetKey(name="a:b", policy=self.policy)

    def ask(self, now: int, client: int) -> None:
        request = Request(keys=[self.key], under_way=WAY)
        denied, (after,) = budget.acquire(request, [self.spent], Moment(now=now), [None])
        if denied is None:
            paid = budget.receipt(request, self.key, self.spent, after)
            heappush(self.events, (now + next(self.ways), client, 1, paid))
        else:
            heappush(self.events, (max(denied[0], now + 1000), client, 0, None))
        self.spent = after


def ways(shortest: int, longest: int, seed: int) -> Iterator[int]:
    dice = Random(seed)  # noqa: S311 - a test's dice
    while True:
        yield dice.randint(shortest, longest)


def deaths(part: float, seed: int) -> Iterator[bool]:
    dice = Random(seed)  # noqa: S311 - a test's dice
    while True:
        yield dice.random() < part


@pytest.mark.parametrize(("limit", "seconds", "used"), [(10, 1, 0.8), (50, 5, 0.95), (100, 60, 0.95), (100, 900, 0.95)])
@pytest.mark.parametrize("seed", range(5))
def test_ways_of_20_to_200_ms_earn_no_429_and_waste_little(limit: int, seconds: int, used: float, seed: int) -> None:
    """Whatever the network does to the order of arrivals, eight clients use what they paid for and no more."""
    wall = Wall(limit=limit, period=seconds * SECOND)
    policy = SlidingWindow(limit=limit, period_seconds=seconds)
    crowd = Crowd(upstream=wall, policy=policy, ways=ways(20_000, 200_000, seed), dies=deaths(0, seed))
    crowd.work(8, lasts=12 * seconds * SECOND)
    assert wall.refused == 0
    assert wall.used(BEGIN + 12 * seconds * SECOND) >= used


@settings(max_examples=60)
@given(
    limit=st.integers(1, 40),
    seconds=st.sampled_from([0.2, 1, 5, 60]),
    longest=st.sampled_from([1, 1000, 200_000, 1_500_000]),
    part=st.sampled_from([0, 0.1, 0.5]),
    seed=st.integers(0, 1000),
)
def test_no_way_and_no_death_on_it_earns_a_429(
    limit: int, seconds: float, longest: int, part: float, seed: int
) -> None:
    """A client that dies before its answer has been counted by the upstream all the same."""
    wall = Wall(limit=limit, period=round(seconds * SECOND))
    policy = SlidingWindow(limit=limit, period_seconds=seconds, margin=0)
    crowd = Crowd(upstream=wall, policy=policy, ways=ways(0, longest, seed), dies=deaths(part, seed))
    crowd.work(6, lasts=round(4 * seconds * SECOND) + 12 * SECOND)
    assert wall.refused == 0


@pytest.mark.parametrize("seed", range(5))
def test_whoever_dies_on_the_way_takes_nothing_along_for_good(seed: int) -> None:
    """A slot of a request without an answer is free again a period after it can have arrived, five seconds."""
    wall = Wall(limit=10, period=SECOND)
    policy = SlidingWindow(limit=10, period_seconds=1, margin=0)
    crowd = Crowd(upstream=wall, policy=policy, ways=ways(20_000, 200_000, seed), dies=deaths(1, seed))
    crowd.work(8, lasts=60 * SECOND)
    assert len(wall.accepted) >= 10 * (60 // 6 - 1)
    assert wall.refused == 0


@settings(max_examples=60)
@given(
    capacity=st.integers(1, 20),
    rate=st.sampled_from([0.25, 10 / 900]),
    longest=st.sampled_from([1, 1000, 200_000, 1_500_000]),
    seed=st.integers(0, 1000),
)
def test_a_bucket_does_not_run_ahead_of_the_upstreams(capacity: int, rate: float, longest: int, seed: int) -> None:
    """Ours begins to refill when a request leaves, theirs when it arrives: the difference is no token of ours.

    So it is where a token takes longer to come back than a request takes there and back.
    """
    policy = TokenBucket(capacity=capacity, refill_per_second=rate)
    barrel = Barrel(policy=policy)
    crowd = Crowd(upstream=barrel, policy=policy, ways=ways(0, longest, seed), dies=deaths(0, seed))
    crowd.work(6, lasts=round(20 * capacity / rate * SECOND))
    assert barrel.refused == 0
    assert len(barrel.accepted) >= capacity
