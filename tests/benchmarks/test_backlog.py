"""Eight processes that have more to ask than an upstream allows, as that upstream sees them."""

import pytest

from benchmarks.resilience.backlog import Quota, measure_backlog


@pytest.mark.slow
def test_an_upstream_never_sees_more_than_the_budget_in_any_window(database_url: str) -> None:
    """It refuses what goes beyond its limit in any sliding window, and nobody was refused; nor was it left idle.

    Requests and answers take up to a fifth of its period, in any order.
    """
    backlog = measure_backlog(
        "any", database_url, Quota(limit=10, period_seconds=1, ways_seconds=(0.02, 0.2), periods=4)
    )
    assert backlog.refused == 0
    assert backlog.accepted >= 30
