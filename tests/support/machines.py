"""Databases for state machines: a new SQLite file, or one PostgreSQL database that is emptied for each example."""

from pathlib import Path

from sqlalchemy import inspect, text

from syncline.clock import ManualClock
from syncline.store import schema
from syncline.store.engine import Store

__all__ = ["machine_store"]


def machine_store(url: str | None, folder: Path, clock: ManualClock) -> Store:
    """A migrated, empty store: in `folder`, unless there is the `url` of a migrated PostgreSQL database."""
    store = Store(url or f"sqlite:///{folder / 'machine.db'}", clock=clock)
    if url is None:
        schema.upgrade(store)
        return store
    with store.write() as connection:
        names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # snapshots refuse it else
        connection.execute(text(f"TRUNCATE {', '.join(names)}"))
    return store
