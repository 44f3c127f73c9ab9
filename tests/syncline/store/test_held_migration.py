"""Sessions that were deferred before the database knew by what."""

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from support.records import open_session
from support.runs import session

from syncline.model.session import Status
from syncline.store import schema, sessions
from syncline.store.engine import Store


def test_what_a_hold_deferred_before_the_upgrade_still_goes_on_when_it_is_released(store: Store) -> None:
    """A pause over the upgrade must not end with a run that waits for its next tick."""
    for name, reason in (("s1", "paused: stocktaking"), ("s2", "rate limit: 429")):
        open_session(store, name)
        with store.write() as connection:
            sessions.close(connection, name, Status.DEFERRED, now=store.clock.now(), reason=reason)
    found = ScriptDirectory(str(schema.MIGRATIONS)).get_revision("0004")
    assert found is not None
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        found.module.downgrade()
        found.module.upgrade()
    assert [session(store, name).held for name in ("s1", "s2")] == [True, False]
