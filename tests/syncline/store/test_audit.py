import json
from datetime import timedelta

from syncline.clock import ManualClock
from syncline.store import audit
from syncline.store.engine import Store


def test_the_newest_entries_come_first(store: Store, clock: ManualClock) -> None:
    """Who looks into the log wants to know what happened last."""
    with store.write() as connection:
        for number in range(5):
            audit.record(connection, actor="anna", action="hold.create", target=f"t{number}", now=clock.now())
    with store.read() as connection:
        assert [entry.target for entry in audit.latest(connection, limit=3)] == ["t4", "t3", "t2"]


def test_an_entry_says_who_did_what_to_what_when(store: Store, clock: ManualClock) -> None:
    """Details are JSON in a fixed order; what JSON does not know is written as text."""
    detail = {"until": clock.now(), "every": timedelta(minutes=15), "a": 1}
    with store.write() as connection:
        audit.record(
            connection, actor="cli:anna", action="schedule.start", target="products", now=clock.now(), detail=detail
        )
        audit.record(connection, actor="api", action="schedule.stop", target="products", now=clock.now())
    with store.read() as connection:
        stop, start = audit.latest(connection)
    assert (start.actor, start.action, start.target, start.at) == (
        "cli:anna",
        "schedule.start",
        "products",
        clock.now(),
    )
    assert json.loads(start.detail or "") == {"a": 1, "every": "0:15:00", "until": "2026-01-22 10:00:00+00:00"}
    assert stop.detail is None
