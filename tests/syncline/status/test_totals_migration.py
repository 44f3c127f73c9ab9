import random
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import insert

from syncline.clock import milliseconds
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.status.metrics import Metrics, metrics
from syncline.store import schema, sessions
from syncline.store.engine import Store


def revision(name: str) -> ModuleType:
    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    found = scripts.get_revision(name)
    assert found is not None
    return found.module


def seen(store: Store, source: str = "products") -> Metrics:
    with store.read() as connection:
        return metrics(connection, source)


def some_sessions(store: Store, count: int = 500) -> list[SyncSession]:
    dice = random.Random(2)  # noqa: S311 - the same mixture in each run
    now = store.clock.now()
    return [
        SyncSession(
            id=f"s{n}",
            source=dice.choice(["products", "customers"]),
            trigger=Trigger.SCHEDULE,
            mode=Mode.FULL,
            status=status,
            started_at=now + timedelta(seconds=n),
            completed_at=None
            if status is Status.RUNNING
            else now + timedelta(seconds=n, milliseconds=dice.randrange(100_000)),
        )
        for n, status in enumerate(dice.choices(list(Status), k=count))
    ]


def naive(rows: list[SyncSession]) -> dict[str, object]:
    """The metrics as a plain count over all rows that ran gives them."""
    ran = [row for row in rows if row.status not in {Status.SKIPPED, Status.MISSED}]
    good, bad = ([row for row in ran if row.status is status] for status in (Status.COMPLETED, Status.FAILED))
    took = [milliseconds(row.completed_at) - milliseconds(row.started_at) for row in ran if row.completed_at]
    last = ran[-1]
    return {
        "totalSyncs": len(ran),
        "successfulSyncs": len(good),
        "failedSyncs": len(bad),
        "successRate": 100 * len(good) / len(ran),
        "avgDurationMs": sum(took) / len(took),
        "lastSyncAt": milliseconds(last.started_at),
        "lastSyncStatus": last.status,
    }


def test_thousands_of_sessions_give_the_numbers_of_a_plain_count(store: Store) -> None:
    """The totals are exact, whatever mixture of outcomes, sources and durations comes."""
    made = some_sessions(store, 20_000)
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        revision("0002").downgrade()
        connection.execute(insert(SyncSession), [session.model_dump() for session in made])
        revision("0002").upgrade()
    for source in ("products", "customers"):
        assert seen(store, source).model_dump() == naive([session for session in made if session.source == source])


def test_sessions_of_an_older_database_are_counted_when_it_is_upgraded(store: Store) -> None:
    """Metrics do not begin at zero with the upgrade: they are those of a database that counted from the first."""
    made = some_sessions(store)
    with store.write() as connection:
        for session in made:
            sessions.insert_session(connection, session)
    counted = seen(store)
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        revision("0002").downgrade()
        revision("0002").upgrade()
    assert counted.total_syncs > 0
    assert seen(store) == counted


def test_an_empty_database_is_upgraded_too(store: Store) -> None:
    """There is nothing to count on the first start."""
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        revision("0002").downgrade()
        revision("0002").upgrade()
        connection.execute(insert(SyncSession), some_sessions(store)[0].model_dump())
    assert seen(store).total_syncs == 0
