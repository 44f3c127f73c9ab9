"""What the listing feeds share: policies, and the making of an upstream for each: none spends another's budget."""

from syncline import Backoff, BreakerPolicy, Budget, Deletes, SlidingWindow, Upstream

__all__ = ["BREAKER", "DELETES", "RETRY", "feed_upstream"]

RETRY = Backoff(attempts=5, initial=1, maximum=60, factor=2, jitter=0.1)
BREAKER = BreakerPolicy(
    failures=5,
    reset_after_seconds=300,
    half_open_probes=3,
    forget_after_seconds=2 * 86_400,  # the rarest feed runs once a day
)
DELETES = Deletes(max_fraction=0.5)
"""Feeds replace much of their lists at once."""


def feed_upstream(name: str, *, requests_an_hour: int) -> Upstream:
    """The API of one feed, with a budget of its own."""
    policy = SlidingWindow(limit=requests_an_hour, period_seconds=3600)
    return Upstream(name=name, budgets=(Budget(policy=policy),))
