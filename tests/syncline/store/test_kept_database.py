"""A database of an earlier Syncline, kept as SQL in `data/`, is brought to the schema of today with all of its rows."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, inspect, make_url, select
from sqlmodel import SQLModel
from support.migrations import copied

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import checkpoints, leases, queue, schema
from syncline.store.engine import Store

_DATA = Path(__file__).parent / "data"
_TABLES = {"0013": 21, "0015": 23}
"""How many tables a database of each revision has: the oldest that is upgraded, and the one before targets."""


@pytest.fixture(params=_TABLES)
def revision(request: pytest.FixtureRequest) -> str:
    """Each revision of which a database is kept."""
    return str(request.param)


@pytest.fixture
def kept_url(empty_url: str, revision: str) -> str:
    """The URL of a database of that revision with rows in each table."""
    script = (_DATA / f"{revision}_{make_url(empty_url).get_backend_name()}.sql").read_text(encoding="utf-8")
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


def rows(connection: Connection) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables but that of versions."""
    found = MetaData()
    found.reflect(connection, resolve_fks=False)
    return {
        table.name: in_order([{**row} for row in connection.execute(select(table)).mappings()])
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


def in_order(found: list[dict[str, object]]) -> list[dict[str, object]]:
    """In an order that upgrades leave: new columns stand behind, or before, the others."""
    return sorted(found, key=lambda row: sorted((name, str(value)) for name, value in row.items()))


def test_it_gets_the_schema_of_a_new_database(kept_url: str, tmp_path: Path) -> None:
    """What autogenerate finds between classes and tables would be a fault that only users of old databases meet."""
    store = Store(kept_url)
    schema.upgrade(store)
    schema.require_current(store)
    assert schema.revise(store, "nothing", folder=copied(tmp_path)) is None
    with store.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}
    store.close()


def as_today(before: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    """The rows as they are told today: what a row is about, and when a lease was given back."""
    for row in before["sync_sessions"]:
        row.setdefault("scheduled_until", None)
        row.setdefault("ticks", 1)
        row["job_id"] = None
    for row in (*before["sync_sessions"], *before["holds"]):
        row["account_id"] = row["account_id"] or ""
    for row in before["leases"]:
        row["released_at"] = row["expires_at"] if str(row["pid"]).startswith("-") else None
        row["pid"] = int(str(row["pid"]).removeprefix("-"))
        row.update(target(row.pop("name")))
    for row in before["queued_runs"]:
        row.update(target(row.pop("lease")))
    for row in before["heartbeats"]:
        row["account_id"] = ""
    for row in (*before["checkpoints"], *before["pass_keys"], *before["rejects"]):
        row["part"] = ""
    return {table: in_order(found) for table, found in before.items()}


def target(name: object) -> dict[str, object]:
    """What a lease's name was about."""
    source, _, account = str(name).removeprefix("source:").partition(":")
    return {"source": source, "account_id": account}


def test_its_rows_stay(kept_url: str, revision: str) -> None:
    """A run that waits, a lease that is held, a pass that can be resumed: all of it goes on after the upgrade."""
    store = Store(kept_url)
    with store.read() as connection:
        before = rows(connection)
    assert len(before) == _TABLES[revision]
    assert all(before.values()), "the kept database has a table without rows"
    schema.upgrade(store)
    with store.read() as connection:
        after = rows(connection)
    expected = as_today(before)
    assert {name: after[name] for name in expected} == expected
    store.close()


def test_it_can_go_back(kept_url: str, revision: str) -> None:
    """Who goes back to the Syncline before has the rows as they were."""
    store = Store(kept_url)
    with store.read() as connection:
        before = rows(connection)
    schema.upgrade(store)
    with store.write() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        command.downgrade(config, revision)
    with store.read() as connection:
        after = rows(connection)
    assert {name: after[name] for name in before} == before
    store.close()


def test_a_run_of_before_goes_on(kept_url: str) -> None:
    """Its lease holds others off until it expires, its place in the queue is kept, its pass is resumed."""
    store = Store(kept_url, clock=ManualClock(datetime(2026, 1, 2, 3, 20, 55, tzinfo=UTC)))
    schema.upgrade(store)
    products, account = Target("products"), Target("wallets", "acc_1")
    with store.read() as connection:
        now = store.clock.now()
        running = leases.holder(connection, products)
        assert not leases.has_run_out(running, "products-sync-3", now=now)
        assert leases.asked_by(connection, products, "products-sync-3") == "products-sync-4"
        assert [row.session_id for row in queue.waiting(connection, products, now=now)] == ["products-sync-4"]
        assert [row.session_id for row in queue.waiting(connection, account, now=now)] == ["wallets-sync-3"]
        assert leases.has_run_out(leases.holder(connection, Target("wallets", "acc:2")), "wallets-sync-2", now=now)
        resumed = checkpoints.read(connection, products)
        assert resumed is not None
        assert resumed.pass_state is not None
    with store.write() as connection:
        assert leases.renew(connection, products, "products-sync-3", now=now)
        assert leases.acquire(connection, products, "new", process=leases.Process.current(), now=now) is None
        assert (
            leases.acquire(connection, Target("wallets", "acc:2"), "new", process=leases.Process.current(), now=now)
            == 4
        )
    store.close()
