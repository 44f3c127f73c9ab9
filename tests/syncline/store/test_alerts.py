"""Alerts begin, fire once and end once, with one observer or several, however often they look."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.clock import ManualClock
from syncline.model.alerts import TERMS, Alert, Condition, Delivery, Rule
from syncline.store import alerts
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, tzinfo=UTC)
OPEN = Condition(rule=Rule.BREAKER_OPEN, subject="products", said="the breaker of products is open")
USED = Condition(rule=Rule.RATE_LIMIT, subject="erp:requests", said="the budget is nearly spent")
STALLED = Condition(rule=Rule.STALLED, subject="products", said="products does not run")


def fired(store: Store) -> list[tuple[str, bool]]:
    with store.read() as connection:
        return [(one.rule, one.cleared_at is None) for one in alerts.latest(connection, limit=50)]


def test_an_alert_fires_when_its_condition_has_held_for_as_long_as_its_kind_asks(
    store: Store, clock: ManualClock
) -> None:
    """A breaker that opens and closes again within ten minutes wakes nobody."""
    alerts.observe(store, [OPEN])
    clock.advance(seconds=599)
    alerts.observe(store, [OPEN])
    assert fired(store) == []
    clock.advance(seconds=1)
    alerts.observe(store, [OPEN])
    assert fired(store) == [("breaker_open", True)]


def test_a_condition_that_goes_before_it_fires_begins_anew(store: Store, clock: ManualClock) -> None:
    """Two short spells are not one long one."""
    alerts.observe(store, [OPEN])
    clock.advance(seconds=60 * 9)
    alerts.observe(store, [])
    alerts.observe(store, [OPEN])
    clock.advance(seconds=60 * 9)
    alerts.observe(store, [OPEN])
    assert fired(store) == []


def test_an_alert_fires_once_and_ends_once(store: Store, clock: ManualClock) -> None:
    """A second message about the same would be read as a second fault."""
    for _ in range(3):
        alerts.observe(store, [STALLED])
        clock.advance(seconds=60 * 1)
    assert fired(store) == [("stalled", True)]
    for _ in range(3):
        alerts.observe(store, [])
    assert fired(store) == [("stalled", False)]
    alerts.observe(store, [STALLED])
    assert fired(store) == [("stalled", True), ("stalled", False)]


def test_a_budget_around_its_border_is_one_alert(store: Store, clock: ManualClock) -> None:
    """A budget is spent and given back all the time: only five quiet minutes end the alert."""
    for conditions in ([USED], [], [USED], [], [USED]):
        alerts.observe(store, conditions)
        clock.advance(seconds=60 * 4)
    assert fired(store) == [("rate_limit", True)]
    alerts.observe(store, [])
    clock.advance(seconds=60 * 5)
    alerts.observe(store, [])
    assert fired(store) == [("rate_limit", False)]


def test_the_message_of_an_end_is_due_anew(store: Store, clock: ManualClock) -> None:
    """That it is over must arrive as well, also where the first message was given up."""
    alerts.observe(store, [STALLED])
    with store.read() as connection:
        [alert] = alerts.due(connection, clock.now())
    assert alerts.settle(store, alert, Delivery.GIVEN_UP, attempts=12, next_try=None)
    with store.read() as connection:
        assert alerts.due(connection, clock.now()) == []
    alerts.observe(store, [])
    with store.read() as connection:
        [over] = alerts.due(connection, clock.now())
    assert (over.delivery, over.attempts) == (Delivery.PENDING, 0)


def test_what_one_observer_settled_another_cannot_settle_again(store: Store, clock: ManualClock) -> None:
    """Two web apps look at the same alert; the slower one learns that it was late."""
    alerts.observe(store, [STALLED])
    with store.read() as connection:
        [alert] = alerts.due(connection, clock.now())
    assert alerts.settle(store, alert, Delivery.SENT, attempts=1, next_try=clock.now())
    assert not alerts.settle(store, alert, Delivery.NO_RECEIVER, attempts=1, next_try=None)


def test_a_message_that_was_sent_before_the_end_says_nothing_of_the_end(store: Store, clock: ManualClock) -> None:
    """Else the news that it is over would count as delivered, though nobody sent it."""
    alerts.observe(store, [STALLED])
    with store.read() as connection:
        [alert] = alerts.due(connection, clock.now())
    alerts.observe(store, [])
    assert not alerts.settle(store, alert, Delivery.DELIVERED, attempts=0, next_try=None)


def test_an_alert_of_a_newer_version_is_left_alone(sqlite_store: Store, clock: ManualClock) -> None:
    """After a downgrade the older program knows fewer kinds."""
    with sqlite_store.write() as connection:
        strange = Alert(id="alert-x", rule="of_tomorrow", subject="products", said="?", since=clock.now())
        connection.execute(Alert.__table__.insert(), strange.model_dump())  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    alerts.observe(sqlite_store, [STALLED])
    with sqlite_store.read() as connection:
        assert {one.rule for one in alerts.open_alerts(connection)} == {"of_tomorrow", "stalled"}


LOOKS = st.lists(st.tuples(st.booleans(), st.integers(1, 900)), max_size=30)


@pytest.mark.parametrize("rule", list(Rule))
@given(looks=LOOKS)
def test_each_firing_is_preceded_by_enough_of_its_condition_and_followed_by_one_end(
    rule: Rule, looks: list[tuple[bool, int]]
) -> None:
    """The terms hold for any history of conditions: checked against a walk through it, second by second."""
    clock, condition = ManualClock(START), Condition(rule=rule, subject="products", said="it is so")
    open_alert: Alert | None = None
    held_since = gone_since = None
    for holds, seconds in looks:
        now = clock.now()
        held_since = (held_since or now) if holds else None
        gone_since = None if holds else (gone_since or now)
        if holds and open_alert is None:
            open_alert = Alert(id="a", rule=rule, subject="products", said="it is so", since=now)
        changes = alerts.decide([open_alert] if open_alert else [], [condition] if holds else [], now)
        if changes.fire:
            assert held_since is not None
            assert (now - held_since).total_seconds() >= TERMS[rule].after_seconds
            open_alert = changes.fire[0]
            open_alert.fired_at = now
        if changes.clear:
            assert gone_since is not None
            assert changes.clear[0].fired_at is not None
            assert (now - gone_since).total_seconds() >= TERMS[rule].quiet_seconds
            open_alert = None
        if changes.forget:
            assert changes.forget[0].fired_at is None
            open_alert = None
        for alert in changes.quiet:
            alert.quiet_since = now
        for alert in changes.back:
            alert.quiet_since = None
        clock.advance(seconds=seconds)
