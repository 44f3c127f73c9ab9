"""Sessions that ended before the database numbered them."""

from datetime import timedelta

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from support.records import open_session

from syncline import results
from syncline.clock import ManualClock
from syncline.model.session import Status
from syncline.store import schema
from syncline.store.engine import Store


def test_the_history_is_numbered_by_the_upgrade_in_the_order_of_its_ends(store: Store, clock: ManualClock) -> None:
    """A million sessions that nobody has read need not be numbered by whoever follows first."""
    for name, minutes in (("second", 2), ("first", 1), ("third", 3)):
        open_session(store, name, status=Status.COMPLETED, started_at=clock.now() + timedelta(minutes=minutes))
    running = open_session(store, "running")
    found = ScriptDirectory(str(schema.MIGRATIONS)).get_revision("0007")
    assert found is not None
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        found.module.downgrade()
        found.module.upgrade()
        rows = connection.exec_driver_sql("SELECT id, result_no FROM sync_sessions ORDER BY result_no").all()
    assert {tuple(row) for row in rows} == {("first", 1), ("second", 2), ("third", 3), (running, None)}
    assert [result.session.id for result in results.follow(store, since=1)] == ["second", "third"]
