import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from syncline.store.direct import retry_while_locked

INSERT = "INSERT INTO seen VALUES (1)"


@pytest.fixture
def holder(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """A connection that holds the writer's lock."""
    with closing(sqlite3.connect(tmp_path / "busy.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE seen (number INTEGER)")
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.fixture
def writer(tmp_path: Path, holder: sqlite3.Connection) -> Generator[sqlite3.Connection]:
    """A connection that does not wait by itself."""
    with closing(sqlite3.connect(tmp_path / "busy.db", isolation_level=None, timeout=0)) as connection:
        yield connection


def test_a_small_write_waits_until_the_lock_is_free(holder: sqlite3.Connection, writer: sqlite3.Connection) -> None:
    """A page that is being stored must not fail the request that is paid for meanwhile."""
    asked: list[int] = []

    def execute() -> sqlite3.Cursor:
        asked.append(1)
        if len(asked) == 3:
            holder.execute("COMMIT")
        return writer.execute(INSERT)

    assert retry_while_locked(execute, patience_seconds=30).rowcount == 1
    assert len(asked) == 3


def test_patience_ends(holder: sqlite3.Connection, writer: sqlite3.Connection) -> None:
    """A database that stays locked is said to be, instead of being waited for without end."""
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        retry_while_locked(lambda: writer.execute(INSERT), patience_seconds=0)


def test_what_waiting_does_not_mend_fails_at_once(writer: sqlite3.Connection) -> None:
    """A table that is not there is not there a moment later."""
    asked: list[int] = []

    def execute() -> sqlite3.Cursor:
        asked.append(1)
        return writer.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        retry_while_locked(execute, patience_seconds=30)
    assert len(asked) == 1
