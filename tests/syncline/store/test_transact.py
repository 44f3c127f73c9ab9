"""Transactions that others come in between of, on both databases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import errors
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from syncline.errors import DatabaseUnavailableError
from syncline.store.engine import Store

ROW = text("INSERT INTO session_totals VALUES (:source, 'failed', 0, 0, 0)")
COUNT_UP = text("UPDATE session_totals SET sessions = sessions + 1 WHERE source = :source")


@pytest.fixture
def two_rows(store: Store) -> Store:
    """Two rows, `a` and `b`, with a 0 each."""
    with store.write() as connection:
        for source in ("a", "b"):
            connection.execute(ROW, {"source": source})
    return store


def counted(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.execute(text("SELECT sessions FROM session_totals ORDER BY source")).scalars())


def crossing(mine: str, other: str, met: threading.Barrier, tries: list[str]) -> Callable[[Connection], None]:
    """Changes one row, waits until the other transaction has changed its own, then wants that one too."""

    def work(connection: Connection) -> None:
        tries.append(mine)
        connection.execute(COUNT_UP, {"source": mine})
        if tries.count(mine) == 1 and connection.dialect.name == "postgresql":  # SQLite lets one in at a time
            met.wait(timeout=60)
        connection.execute(COUNT_UP, {"source": other})

    return work


def test_a_deadlock_ends_no_transaction(two_rows: Store) -> None:
    """PostgreSQL ends one of two that wait for each other; a run must not fail for it, and nothing counts twice."""
    met, tries = threading.Barrier(2), list[str]()
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(two_rows.transact, crossing(mine, other, met, tries))
            for mine, other in (("a", "b"), ("b", "a"))
        ]
        for one in done:
            one.result(timeout=60)
    assert counted(two_rows) == [2, 2]
    assert len(tries) == (2 if two_rows.is_sqlite else 3)


def test_what_others_come_in_between_of_again_and_again_is_told_in_one_line(two_rows: Store) -> None:
    """It neither goes on for ever, nor leaves a part of its work."""
    tries: list[int] = []

    def work(connection: Connection) -> None:
        connection.execute(COUNT_UP, {"source": "a"})
        tries.append(1)
        raise DBAPIError("UPDATE …", {}, errors.SerializationFailure("Zugriff konnte nicht serialisiert werden"))

    with pytest.raises(DatabaseUnavailableError, match="run fewer at once"):
        two_rows.transact(work)
    assert len(tries) == 10
    assert counted(two_rows) == [0, 0]


def test_a_mistake_is_made_once(two_rows: Store) -> None:
    """What the work itself raises is nobody's business but its caller's."""
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(COUNT_UP, {"source": "a"})
        raise KeyError

    with pytest.raises(KeyError):
        two_rows.transact(work)
    assert tries == [1]
    assert counted(two_rows) == [0, 0]


def test_what_need_not_outlive_a_power_loss_waits_for_no_disk(two_rows: Store) -> None:
    """A heartbeat is not worth the milliseconds that a page's commit waits; the next transaction waits again."""

    def waits(connection: Connection) -> str | None:
        return None if two_rows.is_sqlite else connection.exec_driver_sql("SHOW synchronous_commit").scalar()

    assert two_rows.transact(waits, durable=False) == (None if two_rows.is_sqlite else "off")
    assert two_rows.transact(waits) == (None if two_rows.is_sqlite else "on")
