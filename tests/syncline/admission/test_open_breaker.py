"""Admission asks the breaker: a source whose upstream is down is left alone until its time."""

from dataclasses import replace

from support.runs import begin, products_source
from support.upstream import ListPages

from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.clock import ManualClock
from syncline.model.policies import BreakerPolicy
from syncline.model.session import Status, Trigger
from syncline.model.source import Source
from syncline.passes.closing import close
from syncline.resilience.breaker import BreakerState, Outcome
from syncline.store.breakers import Breakers, Permit
from syncline.store.engine import Store


def source() -> Source:
    policy = BreakerPolicy(failures=2, reset_after_seconds=300, half_open_probes=1)
    return replace(products_source(ListPages()), breaker=policy)


def fail(store: Store, times: int = 2) -> None:
    for _ in range(times):
        permit = Breakers(store).admit(source())
        assert isinstance(permit, Permit)
        Breakers(store).record(permit, Outcome.FAILURE)


def test_a_run_of_a_source_whose_breaker_is_open_is_skipped_with_its_time(store: Store, clock: ManualClock) -> None:
    """Opened at 10:00:00, it lets a probe through at 10:05:00."""
    fail(store)
    refused = admit(store, source(), DueRun(trigger=Trigger.SCHEDULE))
    assert refused.status is Status.SKIPPED
    assert refused.reason == "breaker: open until 10:05:00 UTC: it failed too often in a row"
    clock.advance(seconds=301)
    assert begin(store, source()).granted


def test_a_breaker_that_is_held_open_says_how_to_close_it(store: Store) -> None:
    """Only an operator ends it."""
    Breakers(store).force_open("products", "ann")
    refused = admit(store, source(), DueRun(trigger=Trigger.MANUAL))
    assert refused.reason == "breaker: held open until `syncline breaker reset products`"
    Breakers(store).reset("products", "ann")
    assert begin(store, source()).granted


def test_asking_for_admission_takes_no_probe(store: Store, clock: ManualClock) -> None:
    """A run that is refused for another reason must not keep the only probe."""
    fail(store)
    clock.advance(seconds=301)
    running = begin(store, source())
    overlapping = admit(store, source(), DueRun(trigger=Trigger.MANUAL))
    assert (overlapping.reason or "").startswith("overlap")
    close(store, running.session_id, Status.COMPLETED)
    assert isinstance(Breakers(store).admit(source()), Permit)
    assert Breakers(store).state(source()).state is BreakerState.HALF_OPEN
