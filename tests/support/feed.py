"""A source whose upstream has budgets, and its sessions."""

from datetime import timedelta

from syncline.erp.tables import Product
from syncline.model.budgets import Budget, SlidingWindow, TokenBucket
from syncline.model.dataset import Dataset
from syncline.model.page import Pages
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.model.upstream import Upstream
from syncline.resilience.breaker import Outcome
from syncline.store import sessions
from syncline.store.breakers import Breakers, Permit
from syncline.store.engine import Store

__all__ = ["FEED", "quests", "record", "trip"]

FEED = Upstream(
    name="feed",
    budgets=(
        Budget(policy=SlidingWindow(limit=60, period_seconds=3_600)),
        Budget(name="search", policy=TokenBucket(capacity=10, refill_per_second=0.1), paths="/search"),
    ),
)


def quests(pages: Pages) -> Source:
    """The source `quests` of `FEED`."""
    return Source(
        name="quests",
        upstream=FEED,
        dataset=Dataset(pages=pages, table=Product),
    )


def record(store: Store, status: Status, *, after: float = 0, took: float | None = 3, **values: object) -> str:
    """Put a session of quests on record that began in `after` seconds; `took` None: it is open. Returns its id."""
    begun = store.clock.now() + timedelta(seconds=after)
    usual: dict[str, object] = {
        "id": sessions.new_id("quests", begun),
        "source": "quests",
        "trigger": Trigger.SCHEDULE,
        "mode": Mode.FULL,
        "status": status,
        "started_at": begun,
        "completed_at": None if took is None else begun + timedelta(seconds=took),
    }
    made = SyncSession.model_validate({**usual, **values})
    with store.write() as connection:
        sessions.insert_session(connection, made)
    return made.id


def trip(store: Store, source: Source) -> None:
    """Let `source` fail until its breaker opens."""
    breakers = Breakers(store)
    permit = breakers.admit(source)
    assert isinstance(permit, Permit)
    for _ in range(source.breaker.failures):
        breakers.record(permit, Outcome.FAILURE)
