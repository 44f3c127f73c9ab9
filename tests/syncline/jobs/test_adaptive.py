"""Adaptive freshness, against the closed form that it implements."""

from datetime import UTC, datetime, timedelta

import pytest

from syncline.jobs.adaptive import Bounds, decayed, interval_seconds, level_after, rate_of

NOW = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
DAY = 86_400
BOUNDS = Bounds(shortest_seconds=60, longest_seconds=DAY)


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        (0, (8, 4)),
        (14, (4, 4 / 2 + 14)),  # half is kept after fourteen days, and the fourteen days are exposure
        (28, (2, 4 / 4 + 28)),
        (-1, (8, 4)),  # a clock that was set back
    ],
)
def test_what_was_counted_is_worth_half_after_a_fortnight(days_ago: float, expected: tuple[float, float]) -> None:
    """A wallet that was busy a year ago is not busy."""
    since = NOW - timedelta(days=days_ago)
    assert decayed(8, 4, since=since, now=NOW) == pytest.approx(expected)


def test_the_first_count_has_no_exposure() -> None:
    """What changed before the first sync was not seen."""
    assert decayed(0, 0, since=None, now=NOW) == (0, 0)


def test_the_rate_of_an_account_converges_to_its_own() -> None:
    """Counted daily, an account with 3 changes a day is known to have about 3, and a still one about none."""
    for own, low, high in ((3.0, 2.8, 3.05), (0.0, 0.0, 0.1)):
        changes, days = 0.0, 0.0
        for _ in range(40):
            changes, days = decayed(changes, days, since=NOW - timedelta(days=1), now=NOW)
            changes += own
        assert low <= rate_of(changes, days) <= high


@pytest.mark.parametrize(
    ("rate", "weight", "level", "seconds"),
    [
        (1, 1, 0.01, DAY / 9),  # sqrt(1 / 0.01) - 1 = 9 a day
        (1, 4, 0.01, DAY / 19),  # sqrt(4 / 0.01) - 1 = 19
        (4, 1, 0.04, DAY / 6),  # sqrt(4 / 0.04) - 4 = 6
        (0, 1, 0.01, DAY),  # what never changes is read at the longest interval
        (100, 1, 0.01, DAY),  # sqrt(10,000) - 100 = 0: it changes too fast to be kept up with
        (500, 1, 0.01, DAY),  # below 0
        (1, 1, 1e-9, 60),  # syncs are free: as often as is allowed
        (1, 1, 0, 60),
        (1, 0, 0.01, DAY),  # nobody cares
        (1, -1, 0.01, DAY),
    ],
)
def test_the_interval_is_that_of_the_closed_form(rate: float, weight: float, level: float, seconds: float) -> None:
    """Syncs a day are clamp(sqrt(w * rate / level) - rate, 1/longest, 1/shortest)."""
    assert interval_seconds(rate, weight, level, BOUNDS) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("demand", "budget", "factor"),
    [(100, 100, 1), (110, 100, 1.21), (50, 100, 0.25), (1, 100, 0.25), (1000, 100, 4), (5, 0, 1), (0, 5, 1)],
)
def test_the_level_follows_demand_by_at_most_four(demand: float, budget: float, factor: float) -> None:
    """Syncs fall with the square root of the level, so twice the demand needs four times the level."""
    assert level_after(0.5, demand=demand, budget=budget) == pytest.approx(0.5 * factor)


def test_the_level_finds_the_budget() -> None:
    """No pass over all accounts is needed: corrected once a sweep, demand meets the budget within ten of them."""
    rates, level, budget, demand = [0.1, 0.5, 1, 3, 10], 1.0, 60.0, 0.0
    for _ in range(40):
        demand = sum(DAY / interval_seconds(rate, 1, level, BOUNDS) for rate in rates)
        level = level_after(level, demand=demand, budget=budget)
    assert demand == pytest.approx(budget, rel=0.01)
