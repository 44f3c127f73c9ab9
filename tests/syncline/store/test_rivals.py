"""Real processes against one budget and one breaker."""

import pytest
from support.rivals import KEY, SOURCE, SPEND_SECONDS, WINDOW, Admission, fail_once, gather, probe, spend
from support.sources import make_source

from syncline.resilience.breaker import BreakerState, Outcome
from syncline.store.breakers import Breakers, Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

PROCESSES = 8


def surely_in_one_window(admissions: list[Admission]) -> int:
    """The most admissions that, whatever the scheduler did to their processes, lie in one window."""
    starts = [asked for asked, _ in admissions]
    return max(
        sum(asked >= start and told < start + WINDOW.period_seconds for asked, told in admissions) for start in starts
    )


@pytest.mark.slow
def test_eight_processes_never_exceed_one_budget(database_url: str) -> None:
    """The budget belongs to the upstream: it counts what all processes send, and does not ask which."""
    admissions = gather(spend, database_url, PROCESSES)
    assert surely_in_one_window(admissions) <= WINDOW.limit
    windows = SPEND_SECONDS / WINDOW.period_seconds
    assert len(admissions) >= WINDOW.limit * windows / 2, "much of the budget was wasted"
    store = Store(database_url)
    assert Budgets(store).state(KEY).capacity == WINDOW.limit
    store.close()


@pytest.mark.slow
def test_eight_processes_share_three_probes(database_url: str) -> None:
    """An upstream that is getting up again must not be trampled down by everybody at once."""
    store = Store(database_url)
    breakers = Breakers(store)
    for _ in range(SOURCE.breaker.failures):
        permit = breakers.admit(SOURCE)
        assert isinstance(permit, Permit)
        breakers.record(permit, Outcome.FAILURE)
    assert len(gather(probe, database_url, PROCESSES)) == SOURCE.breaker.half_open_probes
    store.close()


@pytest.mark.slow
def test_twelve_processes_of_one_call_each_trip_the_breaker(database_url: str) -> None:
    """Each run is a process of its own: a breaker that counts in memory never opens. This one lets five through."""
    hits = gather(fail_once, database_url, 12, together=False)
    assert len(hits) == 5
    store = Store(database_url)
    status = Breakers(store).state(make_source(name="down"))
    assert (status.state, status.failures) == (BreakerState.OPEN, 5)
    store.close()
