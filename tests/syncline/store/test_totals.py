"""Totals: as many as there are sessions, however many rows they are spread over."""

from datetime import timedelta

from sqlalchemy import Connection, text

from syncline.model.session import Status
from syncline.store import totals
from syncline.store.engine import Store


def count(store: Store, times: int, status: Status = Status.COMPLETED) -> None:
    now = store.clock.now()
    with store.write() as connection:
        for _ in range(times):
            totals.count(connection, "products", status, begun=now, ended=now + timedelta(seconds=2))


def rows(connection: Connection) -> int:
    return connection.execute(text("SELECT count(*) FROM session_totals")).scalar_one()


def told(store: Store) -> dict[Status, tuple[int, int]]:
    with store.read() as connection:
        return {one.status: (one.sessions, one.duration_ms) for one in totals.of_source(connection, "products")}


def test_a_total_is_the_sum_of_its_rows(store: Store) -> None:
    """On PostgreSQL the sessions of a source that end at once must not wait for each other's disk."""
    count(store, 60)
    count(store, 1, Status.FAILED)
    assert told(store) == {Status.COMPLETED: (60, 120_000), Status.FAILED: (1, 2_000)}
    with store.read() as connection:
        assert rows(connection) == 2 if store.is_sqlite else rows(connection) > 4
