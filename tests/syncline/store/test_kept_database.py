"""A database of an earlier Syncline, kept as SQL in `data/`, is brought to the schema of today with all of its rows."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, MetaData, inspect, make_url, select
from sqlmodel import SQLModel
from support.migrations import copied

from syncline.store import schema
from syncline.store.engine import Store

_DATA = Path(__file__).parent / "data"
_OLD_TABLES = 23


@pytest.fixture
def kept_url(empty_url: str) -> str:
    """The URL of a database of revision 0015 with rows in each table."""
    script = (_DATA / f"0015_{make_url(empty_url).get_backend_name()}.sql").read_text(encoding="utf-8")
    if empty_url.startswith("sqlite"):
        connection = sqlite3.connect(str(make_url(empty_url).database))
        connection.executescript(script)
        connection.close()
    else:
        with psycopg.connect(
            make_url(empty_url).set(drivername="postgresql").render_as_string(hide_password=False)
        ) as to:
            to.execute("SET timezone = 'UTC'")
            to.execute(script.encode())
            to.execute("RESET ALL")
    return empty_url


def rows(connection: Connection) -> dict[str, list[Mapping[str, object]]]:
    """All rows of all tables but that of versions, in an order that upgrades leave."""
    found = MetaData()
    found.reflect(connection, resolve_fks=False)
    return {
        table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=str)
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def test_it_gets_the_schema_of_a_new_database(kept_url: str, tmp_path: Path) -> None:
    """What autogenerate finds between classes and tables would be a fault that only users of old databases meet."""
    store = Store(kept_url)
    schema.upgrade(store)
    schema.require_current(store)
    assert schema.revise(store, "nothing", folder=copied(tmp_path)) is None
    with store.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}
    store.close()


def test_its_rows_stay(kept_url: str) -> None:
    """A run that waits, a lease that is held, a pass that can be resumed: all of it goes on after the upgrade."""
    store = Store(kept_url)
    with store.read() as connection:
        before = rows(connection)
    assert len(before) == _OLD_TABLES
    assert all(before.values()), "the kept database has a table without rows"
    schema.upgrade(store)
    with store.read() as connection:
        after = rows(connection)
    assert {name: after[name] for name in before} == before
    store.close()
