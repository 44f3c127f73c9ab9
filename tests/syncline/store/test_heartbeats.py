from datetime import timedelta

from syncline.clock import ManualClock
from syncline.model.records import Heartbeat
from syncline.store import heartbeats
from syncline.store.engine import Store


def heart(store: Store, source: str = "products") -> Heartbeat:
    with store.read() as connection:
        return next(one for one in heartbeats.every(connection) if one.source == source)


def begin(store: Store, source: str = "products") -> None:
    with store.write() as connection:
        heartbeats.began(connection, source, now=store.clock.now())


def test_a_page_is_a_sign_of_life(store: Store, clock: ManualClock) -> None:
    """A run is seen to move by its beats, and by the page that it has come to."""
    begin(store)
    began = clock.now()
    clock.advance(seconds=5)
    with store.write() as connection:
        heartbeats.beat(connection, "products", page=3, now=clock.now())
    found = heart(store)
    assert (found.last_run, found.last_beat, found.page) == (began, clock.now(), 3)


def test_what_a_run_waits_for_is_told_until_it_goes_on(store: Store, clock: ManualClock) -> None:
    """A run that stands still says why; its next page takes that back."""
    begin(store)
    until = clock.now() + timedelta(seconds=20)
    with store.write() as connection:
        heartbeats.waiting(connection, "products", reason="rate limit", until=until, now=clock.now())
    waiting = heart(store)
    assert (waiting.waiting_for, waiting.waiting_until) == ("rate limit", until)
    with store.write() as connection:
        heartbeats.beat(connection, "products", page=1, now=clock.now())
    going = heart(store)
    assert (going.waiting_for, going.waiting_until) == (None, None)


def test_a_new_run_begins_at_page_zero(store: Store, clock: ManualClock) -> None:
    """The last run's page is not taken for this one's."""
    begin(store)
    with store.write() as connection:
        heartbeats.beat(connection, "products", page=9, now=clock.now())
        heartbeats.ended(connection, "products", failed=False, duration_ms=1_500, now=clock.now())
    begin(store)
    found = heart(store)
    assert (found.page, found.last_duration_ms) == (0, 1_500)


def test_hearts_are_listed_by_name_and_beat_alone(store: Store, clock: ManualClock) -> None:
    """One source's beat is not another's."""
    begin(store, "products")
    begin(store, "customers")
    with store.write() as connection:
        heartbeats.beat(connection, "customers", page=2, now=clock.now())
        assert [(one.source, one.page) for one in heartbeats.every(connection)] == [("customers", 2), ("products", 0)]
