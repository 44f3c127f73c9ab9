from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.errors import ConfigurationError
from syncline.model.budgets import Budget, SlidingWindow, TokenBucket
from syncline.resilience import ring
from syncline.resilience.ring import Ring

STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=60)
"""How many microseconds pass, and what is asked for then."""


def asked(window: SlidingWindow, steps: list[tuple[int, int]], start: Ring = ring.EMPTY) -> list[tuple[int, int]]:
    """The admissions, each an instant and a cost."""
    now, kept, admitted = 1_000_000, ring.regrouped(start, window), list[tuple[int, int]]()
    for passed, cost in steps:
        now += passed
        if cost <= window.capacity and ring.free_at(kept, window, cost) <= now:
            kept = ring.added(kept, window, cost, now)
            admitted.append((now, cost))
    return admitted


def most_in_a_window(admitted: list[tuple[int, int]], period_us: int) -> int:
    return max((sum(cost for at, cost in admitted if end - period_us < at <= end) for end, _ in admitted), default=0)


@given(st.integers(1, 7), STEPS)
def test_the_ring_admits_what_the_ideal_window_admits(limit: int, steps: list[tuple[int, int]]) -> None:
    """An ideal window remembers everything and counts; one request more would be a 429, one fewer a waste."""
    window = SlidingWindow(limit=limit, period_seconds=50e-6, margin=0)
    now, ideal = 1_000_000, list[tuple[int, int]]()
    for passed, cost in steps:
        now += passed
        if sum(spent for at, spent in ideal if at > now - 50) + cost <= limit:
            ideal.append((now, cost))
    assert asked(window, steps) == ideal


@settings(max_examples=30)
@given(st.integers(1001, 5000), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 900)), max_size=40))
def test_a_large_window_shares_stamps_and_never_admits_more(limit: int, steps: list[tuple[int, int]]) -> None:
    """A thousand stamps serve any limit; what that costs is a thousandth of it at most."""
    window = SlidingWindow(limit=limit, period_seconds=50e-6, margin=0)
    assert most_in_a_window(asked(window, steps), 50) <= limit
    assert limit - window.capacity <= window.grain - 1
    assert window.slots <= 1000


@given(st.integers(1, 6), st.integers(1, 6), STEPS, STEPS)
def test_a_changed_limit_does_not_forget_what_was_spent(
    before: int, after: int, first: list[tuple[int, int]], then: list[tuple[int, int]]
) -> None:
    """While one process still has the old limit and another the new one, the larger of them is never exceeded."""
    windows = [SlidingWindow(limit=limit, period_seconds=50e-6, margin=0) for limit in (before, after)]
    now, kept, admitted = 1_000_000, ring.EMPTY, list[tuple[int, int]]()
    for index, (passed, cost) in enumerate([*first, *then]):
        window = windows[index % 2]
        now += passed
        if cost <= window.capacity and ring.free_at(kept, window, cost) <= now:
            kept = ring.added(kept, window, cost, now)
            admitted.append((now, cost))
    assert most_in_a_window(admitted, 50) <= max(before, after)


@given(st.integers(2, 9), st.lists(st.integers(0, 9), max_size=30), st.integers(1, 3))
def test_another_grain_counts_no_admission_less(limit: int, gaps: list[int], grain: int) -> None:
    """A limit that crosses a thousand changes how stamps are kept, and must not open the window."""
    small = SlidingWindow(limit=limit, period_seconds=50e-6, margin=0)
    admitted = asked(small, [(gap, 1) for gap in gaps])
    kept = ring.EMPTY
    for at, cost in admitted:
        kept = ring.added(kept, small, cost, at)
    large = SlidingWindow(limit=1000 * grain, period_seconds=50e-6, margin=0)
    regrouped = ring.regrouped(kept, large)
    now = admitted[-1][0] if admitted else 0
    assert ring.used(regrouped, large, now) >= ring.used(kept, small, now)
    back = ring.regrouped(regrouped, small)
    assert ring.used(back, small, now) >= ring.used(kept, small, now)


def test_the_margin_lengthens_the_period() -> None:
    """The upstream's clock may run slower than ours."""
    assert SlidingWindow(limit=60, period_seconds=60).period_us == 60_060_000


def test_a_bucket_that_keeps_its_wall_needs_no_ring() -> None:
    """B + r * W <= L is enough; "10 per 15 minutes" as a bucket of 10 is not, and would admit about 20."""
    wall = SlidingWindow(limit=10, period_seconds=900)
    assert TokenBucket(capacity=4, refill_per_second=5.9 / 909, wall=wall).window is None
    assert TokenBucket(capacity=10, refill_per_second=10 / 900, wall=wall).window is wall


@pytest.mark.parametrize(
    "declare",
    [
        lambda: SlidingWindow(limit=0, period_seconds=60),
        lambda: SlidingWindow(limit=1, period_seconds=0),
        lambda: SlidingWindow(limit=1, period_seconds=float("nan")),
        lambda: TokenBucket(capacity=0, refill_per_second=1),
        lambda: TokenBucket(capacity=1, refill_per_second=0),
        lambda: TokenBucket(capacity=2, refill_per_second=1, wall=SlidingWindow(limit=1, period_seconds=1)),
        lambda: Budget(policy=SlidingWindow(limit=1, period_seconds=1), cost=2),
        lambda: Budget(policy=SlidingWindow(limit=1, period_seconds=1), paths="("),
        lambda: Budget(policy=SlidingWindow(limit=1, period_seconds=1), name="a:b"),
    ],
)
def test_a_budget_that_could_not_be_kept_is_refused(declare: object) -> None:
    """A mistake shows when the source is loaded, with what is wrong."""
    assert callable(declare)
    with pytest.raises(ConfigurationError):
        declare()


def test_stamps_stay_in_order() -> None:
    """What counts is how old the oldest is; they are only ever added at the end."""
    kept = ring.EMPTY
    window = SlidingWindow(limit=3, period_seconds=1)
    for now in (5, 9, 9, 20):
        kept = ring.added(kept, window, 1, now)
    stamps = [int.from_bytes(kept.stamps[at : at + 8]) for at in range(0, len(kept.stamps), 8)]
    assert stamps == [9, 9, 20]
    assert all(one <= other for one, other in pairwise(stamps))
