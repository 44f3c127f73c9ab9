"""The plan of the budgets, with the figures of the seed that it is built from (15 minutes are 900 s)."""

from syncline.model.budgets import Policy, SlidingWindow, TokenBucket
from syncline.resilience.plan import Demand, allowance, loads

MENTIONS = TokenBucket(capacity=10, refill_per_second=10 / 900, wall=SlidingWindow(limit=10, period_seconds=900))
LOOKUP = TokenBucket(capacity=15, refill_per_second=15 / 900, wall=SlidingWindow(limit=15, period_seconds=900))
POLICIES: dict[str, Policy] = {"x:mentions": MENTIONS, "x:tweetLookup": LOOKUP}


def demand(source: str, every: float, *, budget: str = "x:tweetLookup", requests: float = 1) -> Demand:
    return Demand(source=source, budget=budget, interval_seconds=every, requests_per_run=requests)


def test_the_intervals_before_the_fix_are_refused_with_those_that_would_do() -> None:
    """60 s and 90 s ask for 15 + 10 = 25 of 15 lookups; stretched by 25/15 they are 100 s and 150 s."""
    (load,) = loads([demand("validate_entries", 60), demand("fast_delete_sweep", 90)], POLICIES)
    assert (load.requests, load.fits) == (25, False)
    assert [load.fitting_seconds(one) for one in load.demands] == [100, 150]


def test_the_intervals_after_the_fix_fit() -> None:
    """180 s each ask for 5 + 5 = 10 of 15 lookups, 120 s for 7.5 of 10 mentions."""
    asked = [
        demand("twitter_poller", 120, budget="x:mentions"),
        demand("validate_entries", 180),
        demand("fast_delete_sweep", 180),
    ]
    mentions, lookup = loads(asked, POLICIES)
    assert (mentions.requests, mentions.fits) == (7.5, True)
    assert (lookup.requests, lookup.fits) == (10, True)


def test_a_plan_that_fits_is_not_stretched() -> None:
    """A suggestion is made only where one is needed."""
    (load,) = loads([demand("validate_entries", 180)], POLICIES)
    assert load.fitting_seconds(load.demands[0]) == 180


def test_the_stretched_intervals_fit_indeed() -> None:
    """Following the advice must end the refusal, whatever the figures were."""
    before = [demand("a", 7, requests=3), demand("b", 31, requests=2), demand("c", 1000, requests=40)]
    (load,) = loads(before, POLICIES)
    after = [demand(one.source, load.fitting_seconds(one), requests=one.requests_per_run) for one in load.demands]
    assert not load.fits
    assert loads(after, POLICIES)[0].fits


def test_a_bucket_without_a_wall_admits_what_flows_into_it() -> None:
    """Its first fill is spent once; a plan is for ever."""
    hourly = allowance(TokenBucket(capacity=100, refill_per_second=0.5))
    assert (hourly.requests, hourly.period_seconds) == (1800, 3600)


def test_a_bucket_that_fills_slower_than_its_wall_admits_is_what_counts() -> None:
    """Of the two the stricter one decides."""
    wall = SlidingWindow(limit=15, period_seconds=900)
    assert allowance(TokenBucket(capacity=5, refill_per_second=0.01, wall=wall)).requests == 9
