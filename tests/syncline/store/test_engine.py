import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from syncline.errors import ConfigurationError, DatabaseUnavailableError
from syncline.store.engine import Store


def use(url: str) -> None:
    store = Store(url)
    try:
        with store.read() as connection:
            connection.execute(text("SELECT count(*) FROM sync_sessions"))
    finally:
        store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://anna:hunter2@host/name",
        "postgresql://anna:hunter2@host:port/name",
        "://anna:hunter2@host/name",
    ],
)
def test_a_wrong_url_gets_one_clear_line(url: str) -> None:
    """It names the setting and the two forms that it takes, and shows no password."""
    with pytest.raises(ConfigurationError) as caught:
        Store(url)
    said = str(caught.value)
    assert said.startswith("SYNCLINE_DATABASE_URL must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    assert "hunter2" not in said
    assert len(said.splitlines()) == 1


def test_an_error_does_not_repeat_the_row(sqlite_store: Store) -> None:
    """It ends up in logs, in Prefect and in the session's record, where a customer's address has no business."""
    statement = text("INSERT INTO sync_sessions (id, source) VALUES ('x', :address)")
    with pytest.raises(IntegrityError) as caught, sqlite_store.write() as connection:
        connection.execute(statement, {"address": "anna@example.org"})
    assert "anna@" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://anna:hunter2@127.0.0.1:1/name", "postgresql://127.0.0.1:1/name"])
def test_a_server_that_is_not_there_gets_one_clear_line(url: str) -> None:
    """The address is shown, the password is not, wherever in the URL it stands."""
    with pytest.raises(DatabaseUnavailableError) as caught:
        use(f"{url}?connect_timeout=2&password=hunter2")
    said = str(caught.value)
    assert "127.0.0.1:1/name" in said
    assert "hunter2" not in said
    assert len(said.splitlines()) == 1


def test_a_database_that_is_not_on_the_server_gets_one_clear_line(postgresql_url: str) -> None:
    """A typing error in the name is seen as such."""
    with pytest.raises(DatabaseUnavailableError, match='database "nowhere" does not exist'):
        use(postgresql_url.replace("/postgres?", "/nowhere?"))


def test_a_folder_that_cannot_be_made_gets_one_clear_line(tmp_path: Path) -> None:
    """The database's folder may lie below what is a file."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DatabaseUnavailableError, match="is not available"):
        use(f"sqlite:///{tmp_path}/file/below/syncline.db")


def test_a_file_that_is_no_database_gets_one_clear_line(tmp_path: Path) -> None:
    """Somebody's text file is neither opened nor written over."""
    (tmp_path / "notes.db").write_text("no database at all, " * 100)
    with pytest.raises(DatabaseUnavailableError, match="not a database"):
        use(f"sqlite:///{tmp_path}/notes.db")


def test_a_database_that_stays_locked_gets_one_clear_line(sqlite_store: Store) -> None:
    """Another program that sits on the file is waited for, then named; nothing is half-written."""
    with sqlite_store.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # stays with the pooled connection
    blocker = sqlite3.connect(str(sqlite_store.url.database), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailableError, match="locked"), sqlite_store.write():
        pass
    blocker.execute("ROLLBACK")
    blocker.close()
    with sqlite_store.write() as connection:
        connection.exec_driver_sql("DELETE FROM leases")


def test_a_server_that_goes_away_is_told_and_found_again(make_postgresql: Callable[[], str]) -> None:
    """A restart of the database breaks one transaction; the next one connects anew."""
    store = Store(make_postgresql())

    def broken() -> None:
        with store.write() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailableError, match="is not available"):
        broken()
    with store.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    store.close()


def test_a_mistake_in_a_statement_is_no_absence(store: Store) -> None:
    """A programmer's error keeps its own name and trace."""

    def wrong() -> None:
        with store.read() as connection:
            connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(DBAPIError):
        wrong()


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    """All of it or none: this is what page commits rest on."""

    def broken() -> None:
        with store.write() as connection:
            connection.execute(text("INSERT INTO session_totals VALUES ('products', 'failed', 1, 1, 0)"))
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM session_totals")).scalar() == 0


def test_a_reader_sees_one_moment(sqlite_store: Store, sqlite_url: str) -> None:
    """What a transaction on SQLite has read stays true while another one writes.

    On PostgreSQL each statement sees its own moment, and what must hold stands in the statements' conditions.
    """
    count = text("SELECT count(*) FROM session_totals")
    other = Store(sqlite_url)
    with sqlite_store.read() as connection:
        before = connection.execute(count).scalar()
        with other.write() as writing:
            writing.execute(text("INSERT INTO session_totals VALUES ('products', 'failed', 1, 1, 0)"))
        assert connection.execute(count).scalar() == before
    with sqlite_store.read() as connection:
        assert connection.execute(count).scalar() == 1
    other.close()


def test_nothing_is_opened_before_its_first_use(tmp_path: Path) -> None:
    """A store can be declared anywhere; a file appears only when it is needed."""
    store = Store(f"sqlite:///{tmp_path}/new/syncline.db")
    assert not (tmp_path / "new").exists()
    store.close()
    with store.read():
        pass
    assert (tmp_path / "new" / "syncline.db").exists()
    store.close()
