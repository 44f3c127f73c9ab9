"""While a rate limit or a spent budget lasts, one session waits for its end; ticks of the schedule do not join it."""

from datetime import datetime, timedelta

import pytest
from support.runs import begin, products_source, session
from support.upstream import ListPages

from syncline.admission.admit import admit
from syncline.admission.due_run import Admission, DueRun
from syncline.clock import ManualClock
from syncline.model.session import Status, Trigger
from syncline.model.target import Target
from syncline.passes.closing import close
from syncline.store import sessions
from syncline.store.engine import Store

SOURCE = products_source(ListPages())
REASON = "the budget erp:all is spent until 2026-01-22 10:30:00 UTC"


def defer(store: Store, retry_at: datetime | None, *, held: bool = False, account_id: str = "") -> str:
    """Begin a run, and put it off; returns its session."""
    session_id = begin(store, SOURCE, account_id=account_id).session_id
    close(store, session_id, Status.DEFERRED, reason=REASON, retry_at=retry_at, held=held)
    return session_id


def tick(store: Store, *, trigger: Trigger = Trigger.SCHEDULE, goes_on_for: str | None = None) -> Admission:
    return admit(store, SOURCE, DueRun(trigger=trigger, goes_on_for=goes_on_for))


def test_a_tick_before_the_time_is_skipped_and_names_it(store: Store, clock: ManualClock) -> None:
    """Put off at 10:00 until 10:30: the ticks of 10:05 and 10:10 wait for nothing of their own."""
    until = clock.now() + timedelta(minutes=30)
    first = defer(store, until)
    for _ in range(2):
        clock.advance(seconds=300)
        refused = tick(store)
        assert (refused.status, refused.retry_at) == (Status.SKIPPED, until)
        assert refused.reason == f"deferred until 10:30:00 UTC with session {first}: {REASON}"
        assert session(store, refused.session_id).reason == refused.reason
    with store.read() as connection:
        newest = sessions.latest_started(connection, Target("products"))
    assert newest is not None
    assert newest.id == first


def test_the_day_is_named_where_it_is_another_one(store: Store, clock: ManualClock) -> None:
    """A daily quota ends tomorrow; `00:00:00` alone would have passed long ago."""
    defer(store, clock.now() + timedelta(hours=14))
    assert (tick(store).reason or "").startswith("deferred until 2026-01-23 00:00:00 UTC with session ")


def test_the_run_that_goes_on_is_let_through_at_its_time_and_a_tick_too(store: Store, clock: ManualClock) -> None:
    """Whichever comes first at 10:30 does the work."""
    first = defer(store, clock.now() + timedelta(minutes=30))
    clock.advance(seconds=1_800)
    early = tick(store)
    assert early.granted
    close(store, early.session_id, Status.COMPLETED)
    assert tick(store, trigger=Trigger.RETRY, goes_on_for=first).granted


@pytest.mark.parametrize("trigger", [Trigger.SCHEDULE, Trigger.RETRY])
def test_a_tick_at_the_time_of_a_run_that_goes_on_does_not_leave_two_waiting(
    store: Store, clock: ManualClock, trigger: Trigger
) -> None:
    """The tick of 10:30 was deferred in its turn; the run that went on for the first session waits no second time."""
    first = defer(store, clock.now() + timedelta(minutes=30))
    clock.advance(seconds=1_800)
    second = defer(store, clock.now() + timedelta(minutes=30))
    assert tick(store, trigger=trigger, goes_on_for=first).status is Status.SKIPPED
    assert tick(store, trigger=Trigger.RETRY, goes_on_for=second).granted


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.API, Trigger.WEBHOOK, Trigger.EVENT, Trigger.RETRY])
def test_who_asks_for_a_run_gets_one(store: Store, clock: ManualClock, trigger: Trigger) -> None:
    """An operator may know that the limit was lifted; only the schedule needs no answer."""
    defer(store, clock.now() + timedelta(minutes=30))
    assert tick(store, trigger=trigger).granted


@pytest.mark.parametrize("ttl", [timedelta(minutes=10), None])
def test_what_a_hold_deferred_goes_on_with_the_next_tick_once_the_hold_is_released(
    store: Store, clock: ManualClock, ttl: timedelta | None
) -> None:
    """Where Prefect was away when the hold was released, this tick is what is left to start it."""
    defer(store, None if ttl is None else clock.now() + ttl, held=True)
    assert tick(store).granted


def test_accounts_wait_each_for_itself(store: Store, clock: ManualClock) -> None:
    """One account's quota says nothing of the others."""
    defer(store, clock.now() + timedelta(minutes=30), account_id="anna")
    assert tick(store).granted
