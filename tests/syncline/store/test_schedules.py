from syncline.clock import ManualClock
from syncline.store import schedules
from syncline.store.engine import Store


def override(store: Store, source: str, seconds: int) -> None:
    with store.write() as connection:
        schedules.override(connection, source, interval_seconds=seconds, changed_by="anna", now=store.clock.now())


def overrides(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return schedules.overrides(connection)


def test_the_last_interval_that_was_set_counts(store: Store) -> None:
    """An operator may change their mind; other sources keep theirs."""
    override(store, "products", 900)
    override(store, "products", 60)
    override(store, "customers", 300)
    assert overrides(store) == {"products": 60, "customers": 300}


def test_a_dropped_interval_gives_way_to_the_file(store: Store, clock: ManualClock) -> None:
    """Without an override prefect.yaml speaks again; dropping what is not there is no error."""
    override(store, "products", 900)
    with store.write() as connection:
        schedules.drop(connection, "products")
        schedules.drop(connection, "products")
    assert overrides(store) == {}
