"""Statements are compiled once in a process, whatever number of stores it opens."""

from datetime import UTC, datetime

from sqlalchemy.sql.compiler import SQLCompiler
from support.calls import counting_calls

from syncline.store import schedules
from syncline.store.engine import Store

AT = datetime(2026, 1, 22, 10, tzinfo=UTC)


def use(url: str, every: int) -> dict[str, int]:
    """Write to a store that is opened for it, and read; the overrides that it has then."""
    store = Store(url)
    with store.write() as connection:
        schedules.override(connection, "products", interval_seconds=every, changed_by="ann", now=AT)
        found = schedules.overrides(connection)
    store.close()
    return found


def test_what_one_store_has_compiled_another_executes(database_url: str) -> None:
    """To compile a statement takes many times what it takes to execute it; an upsert is compiled once as well."""
    assert use(database_url, 60) == {"products": 60}
    with counting_calls(SQLCompiler.__init__) as compilations:
        assert use(database_url, 90) == {"products": 90}
        assert compilations() == 0
