"""Eight processes that have more to ask than an upstream allows, as that upstream sees them."""

import pytest

from benchmarks.resilience.backlog import measure_backlog

PERIOD_SECONDS = 1.0
MARGIN = 0.5
"""How much later one request may arrive after it was paid for than another: half a second, on a busy machine."""


@pytest.mark.slow
def test_an_upstream_never_sees_more_than_the_budget_in_any_window(database_url: str) -> None:
    """It refuses what goes beyond its limit in any sliding window, and nobody was refused; nor was it left idle."""
    backlog = measure_backlog("any", database_url, limit=20, period_seconds=PERIOD_SECONDS, margin=MARGIN)
    assert backlog.refused == 0
    assert backlog.accepted >= 40  # at 0 and 1.5 s
