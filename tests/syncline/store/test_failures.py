"""Databases that are away, full, damaged or busy: one line that names them and the way out."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import errors
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from syncline.errors import DatabaseUnavailableError
from syncline.store import failures
from syncline.store.engine import Store

INSERT = text("INSERT INTO audit_log (at, actor, action, target, detail) VALUES ('2026-01-22', 'a', 'b', 'c', :detail)")


def one_line(store: Store, work: Callable[[Store], object]) -> str:
    """What `work` is told."""
    with pytest.raises(DatabaseUnavailableError) as caught:
        work(store)
    store.close()
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said


def write(store: Store, times: int = 1) -> None:
    with store.write() as connection:
        for _ in range(times):
            connection.execute(INSERT, {"detail": "x" * 10_000})


def entries(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(text("SELECT count(*) FROM audit_log")).scalar_one()


def damage(path: Path) -> None:
    """Write over everything but the header, as a broken disk does."""
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xa5" * (len(content) - 100))


def test_a_full_sqlite_database_leaves_nothing_half_written(sqlite_store: Store) -> None:
    """The file cannot grow any more: the transaction is gone as a whole, and what was there stays."""
    write(sqlite_store)
    with sqlite_store.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")  # stays with the pooled connection
    with pytest.raises(DatabaseUnavailableError) as caught:
        write(sqlite_store, times=100)
    assert str(sqlite_store.url.database) in str(caught.value)
    assert "make room" in str(caught.value)
    assert entries(sqlite_store) == 1
    write(sqlite_store)


def test_a_damaged_sqlite_file_is_named_with_the_way_out(sqlite_store: Store) -> None:
    """Reading and writing, through the pool and beside it."""
    path = Path(str(sqlite_store.url.database))
    sqlite_store.close()
    damage(path)
    url = f"sqlite:///{path}"
    works: list[Callable[[Store], object]] = [
        entries,
        write,
        lambda store: store.transact(lambda connection: connection.execute(INSERT, {"detail": ""})),
        lambda store: store.direct.call(lambda wire: wire.rows("SELECT * FROM budgets")),
    ]
    for work in works:
        said = one_line(Store(url), work)
        assert path.name in said
        assert "backup" in said


def test_a_sqlite_file_that_may_not_be_written_says_who_may(sqlite_store: Store) -> None:
    """A copy that belongs to another user is read all the same."""
    with sqlite_store.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only = on")  # stays with the pooled connection
    assert "who may read and write" in one_line(sqlite_store, write)


def test_a_folder_that_cannot_be_opened_names_both_settings_that_lead_there(tmp_path: Path) -> None:
    """Anyone who set SYNCLINE_HOME alone has no SYNCLINE_DATABASE_URL to check."""
    file = tmp_path / "file"
    file.touch()
    assert "SYNCLINE_HOME and SYNCLINE_DATABASE_URL" in one_line(Store(f"sqlite:///{file}/syncline.db"), write)


def test_a_refused_password_is_no_matter_of_the_server_alone() -> None:
    """While it connects, libpq tells no code, so the way out names all that may be wrong."""
    assert "the password in SYNCLINE_DATABASE_URL" in str(failures.advice(errors.OperationalError("connection failed")))


def test_a_server_without_a_connection_to_spare_says_so(make_postgresql: Callable[[], str]) -> None:
    """The address is right: the way out is not only to look it over."""
    url = make_postgresql()
    role = f"limited_{url.rsplit('_', 1)[1][:20].replace('?', '')}".lower().partition("/")[0]
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE ROLE "{role}" LOGIN CONNECTION LIMIT 0'))
    limited = Store(str(admin.url.set(username=role)))
    said = one_line(limited, entries)
    assert "a connection to spare" in said
    assert role in said
    with admin.connect() as connection:
        connection.execute(text(f'DROP ROLE "{role}"'))
    admin.dispose()


@pytest.mark.parametrize(
    ("sqlstate", "way_out"),
    [
        ("08006", "see whether the server runs"),
        ("25006", "primary server"),
        ("28P01", "the password"),
        ("3D000", "SYNCLINE_DATABASE_URL"),
        ("53100", "its disk is full"),
        ("53300", "max_connections"),
        ("53400", "too little of something"),
        ("55P03", "SYNCLINE_DATABASE_LOCK_SECONDS"),
        ("57014", "SYNCLINE_DATABASE_STATEMENT_SECONDS"),
        ("57P01", "see whether the server runs"),
        ("57P03", "try again in a moment"),
        ("58030", "its disk is well"),
        ("XX001", "restore a backup"),
    ],
)
def test_what_a_server_says_is_understood_in_any_language(sqlstate: str, way_out: str) -> None:
    """By its code: servers in Germany and Japan say the rest in their own words."""
    told = failures.advice(errors.lookup(sqlstate)("ein Satz ohne ein englisches Wort"))
    assert told is not None
    assert way_out in told


@pytest.mark.parametrize("sqlstate", ["23505", "42601", "42P01", "22021"])
def test_a_mistake_in_a_statement_has_no_way_out(sqlstate: str) -> None:
    """Also where the words "locked" or "connection" stand in it."""
    assert failures.advice(errors.lookup(sqlstate)("the connection is locked")) is None
    assert failures.advice(sqlite3.IntegrityError("database is locked")) is None


def test_only_what_others_came_in_between_of_is_worth_another_try() -> None:
    """A lock that was not had within half a minute is not had sooner by asking at once."""
    passing = ["40001", "40P01", "55P03", "57014", "57P01", "23505"]
    assert [failures.is_passing(errors.lookup(one)()) for one in passing] == [True, True, False, False, False, False]


def test_a_mistake_over_the_direct_connection_keeps_its_name(store: Store) -> None:
    """A programmer's error is no absence of the database."""
    with pytest.raises(failures.driver_errors()):
        store.direct.call(lambda wire: wire.rows("SELECT nothing FROM nowhere"))


def test_an_error_that_no_driver_raised_is_left_alone(sqlite_store: Store, tmp_path: Path) -> None:
    """A copy of the file is as good as the file: nothing else is read into it."""
    sqlite_store.close()
    copy = tmp_path / "copy.db"
    shutil.copy(str(sqlite_store.url.database), copy)

    def fails(store: Store) -> None:
        with store.read():
            raise DBAPIError("SELECT", {}, ValueError("locked"))

    store = Store(f"sqlite:///{copy}")
    with pytest.raises(DBAPIError):
        fails(store)
    store.close()
