"""Budgets and holds that were kept before the clock was judged, and refused credentials held a source."""

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from syncline.clock import ManualClock
from syncline.model.budgets import BudgetKey, SlidingWindow
from syncline.resilience.budget_state import Denied
from syncline.store import holds, schema
from syncline.store.budgets import Budgets
from syncline.store.engine import Store

HOURLY = BudgetKey(name="feed:requests", policy=SlidingWindow(limit=2, period_seconds=3600, margin=0))


def test_what_was_spent_and_held_before_the_upgrade_still_is(store: Store, clock: ManualClock) -> None:
    """An upgrade must open no window and end no pause."""
    before = Budgets(store)
    for _ in range(2):
        before.acquire([HOURLY])
    with store.write() as connection:
        holds.create(connection, "feed", reason="stocktaking", created_by="me", now=clock.now(), ttl_seconds=None)
    found = ScriptDirectory(str(schema.MIGRATIONS)).get_revision("0013")
    assert found is not None
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        found.module.downgrade()
        found.module.upgrade()
    clock.advance(seconds=1800)
    said = Budgets(store).acquire([HOURLY])
    assert isinstance(said, Denied)
    assert said.wait_seconds == 1800
    with store.read() as connection:
        assert [hold.reason for hold in holds.active_all(connection, now=clock.now())] == ["stocktaking"]
        assert holds.of_refusals(connection, "feed", account_id=None, now=clock.now()) == []
    clock.advance(seconds=1800)
    assert not isinstance(Budgets(store).acquire([HOURLY]), Denied)
