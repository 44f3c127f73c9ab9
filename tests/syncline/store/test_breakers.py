import json
from datetime import timedelta

import pytest
from support.sources import make_source

from syncline.clock import ManualClock
from syncline.errors import (
    BudgetSpentError,
    ConfigurationError,
    CursorExpiredError,
    DatabaseUnavailableError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    UnavailableError,
)
from syncline.model.policies import BreakerPolicy
from syncline.resilience.breaker import BreakerState, Outcome, outcome_of
from syncline.store import audit
from syncline.store.breakers import Breakers, Permit, Refused
from syncline.store.engine import Store

SOURCE = make_source(name="airdrops")
OTHER = make_source(name="quests")


@pytest.fixture
def breakers(store: Store) -> Breakers:
    """The breakers of a database of each kind in turn."""
    return Breakers(store)


def run(breakers: Breakers, outcome: Outcome, *, times: int = 1) -> None:
    """Runs that are let through and end so."""
    for _ in range(times):
        permit = breakers.admit(SOURCE)
        assert isinstance(permit, Permit)
        breakers.record(permit, outcome)


def test_it_begins_closed(breakers: Breakers) -> None:
    """A new source may run at once, and costs no row."""
    assert breakers.state(SOURCE).state is BreakerState.CLOSED
    assert isinstance(breakers.admit(SOURCE), Permit)


def test_it_opens_after_five_failures_in_a_row(breakers: Breakers, clock: ManualClock) -> None:
    """Four may be bad luck; after the fifth the upstream is left alone for five minutes."""
    run(breakers, Outcome.FAILURE, times=4)
    assert breakers.state(SOURCE).state is BreakerState.CLOSED
    run(breakers, Outcome.FAILURE)
    said = breakers.admit(SOURCE)
    until = clock.now() + timedelta(minutes=5)
    assert said == Refused(source="airdrops", state=BreakerState.OPEN, retry_at=until)
    assert breakers.state(SOURCE).opened_at == clock.now()


def test_a_success_forgives_what_came_before(breakers: Breakers) -> None:
    """Only failures in a row count: an upstream that fails now and then is not down."""
    run(breakers, Outcome.FAILURE, times=4)
    run(breakers, Outcome.SUCCESS)
    run(breakers, Outcome.FAILURE, times=4)
    assert breakers.state(SOURCE).state is BreakerState.CLOSED


def test_failures_are_forgotten_after_an_hour_without_one(breakers: Breakers, clock: ManualClock) -> None:
    """Failures of last night say nothing about now."""
    run(breakers, Outcome.FAILURE, times=4)
    clock.advance(seconds=3600)
    run(breakers, Outcome.FAILURE)
    assert breakers.state(SOURCE).failures == 1


def test_it_turns_half_open_by_the_clock_and_closes_after_three_successes(
    breakers: Breakers, clock: ManualClock
) -> None:
    """Nobody has to come by and turn it; three runs that go well prove that the upstream is up."""
    run(breakers, Outcome.FAILURE, times=5)
    clock.advance(seconds=300)
    assert breakers.state(SOURCE).state is BreakerState.HALF_OPEN
    run(breakers, Outcome.SUCCESS, times=2)
    assert breakers.state(SOURCE).state is BreakerState.HALF_OPEN
    run(breakers, Outcome.SUCCESS)
    assert breakers.state(SOURCE).state is BreakerState.CLOSED
    assert breakers.state(SOURCE).failures == 0


def test_one_failed_probe_opens_it_again_for_the_whole_time(breakers: Breakers, clock: ManualClock) -> None:
    """An upstream that falters while it gets up is left alone once more."""
    run(breakers, Outcome.FAILURE, times=5)
    clock.advance(seconds=300)
    run(breakers, Outcome.SUCCESS, times=2)
    run(breakers, Outcome.FAILURE)
    said = breakers.admit(SOURCE)
    assert isinstance(said, Refused)
    assert said.retry_at == clock.now() + timedelta(minutes=5)


def test_three_probes_at_once_and_no_more(breakers: Breakers, clock: ManualClock) -> None:
    """The fourth is told when the probes that are out are given up."""
    run(breakers, Outcome.FAILURE, times=5)
    clock.advance(seconds=300)
    said = [breakers.admit(SOURCE) for _ in range(4)]
    assert [isinstance(one, Permit) for one in said] == [True, True, True, False]
    assert isinstance(said[3], Refused)
    assert said[3].retry_at == clock.now() + timedelta(seconds=SOURCE.timeout_seconds + 60)


def test_sources_have_breakers_of_their_own(breakers: Breakers) -> None:
    """One upstream that is down must not stop the other six feeds."""
    run(breakers, Outcome.FAILURE, times=5)
    assert isinstance(breakers.admit(OTHER), Permit)
    states = breakers.states({"airdrops": SOURCE.breaker, "quests": OTHER.breaker})
    assert [states[name].state for name in ("airdrops", "quests")] == [BreakerState.OPEN, BreakerState.CLOSED]


def test_changes_of_state_are_told_once(breakers: Breakers, clock: ManualClock) -> None:
    """An event and an alert are made of each; two alerts for one outage are one too many."""
    permits = [breakers.admit(SOURCE) for _ in range(7)]
    changes = [breakers.record(permit, Outcome.FAILURE) for permit in permits if isinstance(permit, Permit)]
    told = [change for change in changes if change is not None]
    assert [(one.before, one.after, one.failures, one.at) for one in told] == [
        (BreakerState.CLOSED, BreakerState.OPEN, 5, clock.now())
    ]


def test_an_operator_may_reset_it_on_record(breakers: Breakers, store: Store) -> None:
    """Somebody who knows that the upstream is back need not wait; the log says who it was."""
    run(breakers, Outcome.FAILURE, times=5)
    change = breakers.reset("airdrops", "cli:anna")
    assert change is not None
    assert change.after is BreakerState.CLOSED
    assert isinstance(breakers.admit(SOURCE), Permit)
    with store.read() as connection:
        (entry,) = audit.latest(connection)
    assert (entry.actor, entry.action, entry.target) == ("cli:anna", "breaker.reset", "airdrops")
    assert json.loads(entry.detail or "") == {"before": "open", "failures": 5}


def test_forced_open_outlasts_time_and_results(breakers: Breakers, store: Store, clock: ManualClock) -> None:
    """Who shuts a source for a reason does not want a run that was under way to open it."""
    under_way = breakers.admit(SOURCE)
    breakers.force_open("airdrops", "cli:anna")
    assert isinstance(under_way, Permit)
    assert breakers.record(under_way, Outcome.SUCCESS) is None
    clock.advance(seconds=86_400)
    assert breakers.admit(SOURCE) == Refused(source="airdrops", state=BreakerState.FORCED_OPEN, retry_at=None)
    with store.read() as connection:
        assert [entry.action for entry in audit.latest(connection)] == ["breaker.open"]
    breakers.reset("airdrops", "cli:anna")
    assert isinstance(breakers.admit(SOURCE), Permit)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.SUCCESS),
        (UnavailableError("timeout", upstream="x"), Outcome.FAILURE),
        (UnavailableError("500", upstream="x", status=500), Outcome.FAILURE),
        (RejectedError("404", upstream="x", status=404), Outcome.ANSWERED),
        (CursorExpiredError("410", upstream="x", status=410), Outcome.ANSWERED),
        (RateLimitedError("429", upstream="x", status=429), Outcome.UNKNOWN),
        (RefusedError("401", upstream="x", status=401), Outcome.UNKNOWN),
        (DatabaseUnavailableError("locked"), Outcome.UNKNOWN),
        (ConfigurationError("ours"), Outcome.UNKNOWN),
        (KeyError("ours"), Outcome.UNKNOWN),
        (KeyboardInterrupt(), Outcome.UNKNOWN),
    ],
)
def test_only_the_upstreams_own_failures_count(error: BaseException | None, outcome: Outcome) -> None:
    """The design's table of bad weather: a 429 is the budget's business, a 401 is held, our own mistakes are ours."""
    assert outcome_of(error) is outcome


def test_a_spent_budget_is_no_failure(clock: ManualClock) -> None:
    """Then the upstream was not even asked."""
    assert outcome_of(BudgetSpentError("x:mentions", retry_at=clock.now())) is Outcome.UNKNOWN


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.UNKNOWN])
def test_what_is_no_failure_neither_opens_nor_forgives(breakers: Breakers, outcome: Outcome) -> None:
    """A 404 between two outages is no sign of health."""
    run(breakers, Outcome.FAILURE, times=4)
    run(breakers, outcome, times=9)
    assert breakers.state(SOURCE).failures == 4


def test_a_cancelled_probe_makes_room_for_another(breakers: Breakers, clock: ManualClock) -> None:
    """An operator who stops a run has said nothing about the upstream."""
    run(breakers, Outcome.FAILURE, times=5)
    clock.advance(seconds=300)
    run(breakers, Outcome.UNKNOWN, times=9)
    run(breakers, Outcome.ANSWERED, times=3)
    assert breakers.state(SOURCE).state is BreakerState.CLOSED


def test_a_breaker_that_would_never_open_or_close_is_refused() -> None:
    """A mistake in a declaration shows when it is made."""
    for wrong in ({"failures": 0}, {"half_open_probes": 0}, {"reset_after_seconds": -1}):
        with pytest.raises(ConfigurationError):
            BreakerPolicy(**wrong)
