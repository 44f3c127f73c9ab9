import random
from datetime import timedelta

from syncline.clock import milliseconds
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.status.metrics import Metrics, metrics
from syncline.store import sessions
from syncline.store.engine import Store


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
    made = some_sessions(store, 5_000)
    with store.write() as connection:
        for session in made:
            sessions.insert_session(connection, session)
    for source in ("products", "customers"):
        assert seen(store, source).model_dump() == naive([session for session in made if session.source == source])
