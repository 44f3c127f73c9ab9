"""What an upsert writes that its caller does not name."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlmodel import col

from syncline.model.tables import QueuedRun
from syncline.store.engine import Store
from syncline.store.upserts import upsert

AT = datetime(2026, 1, 22, 10, tzinfo=UTC)
PROCESS = {"host": "here", "boot_id": "b", "pid": 1, "process_started": 0}


def test_a_new_row_has_the_defaults_of_its_class_and_an_old_one_keeps_what_it_has(store: Store) -> None:
    """A column without a value would be refused, or be overwritten by one that nobody gave."""
    with store.write() as connection:
        upsert(connection, QueuedRun, {"session_id": "s"}, {"source": "a", "tick": AT, "expires_at": AT, **PROCESS})
        found = connection.execute(select(col(QueuedRun.account_id))).scalar_one()
        upsert(
            connection,
            QueuedRun,
            {"session_id": "s"},
            {"account_id": "acc_1", "source": "a", "tick": AT, "expires_at": AT, **PROCESS},
        )
        upsert(connection, QueuedRun, {"session_id": "s"}, {"source": "b", "tick": AT, "expires_at": AT, **PROCESS})
        left = connection.execute(select(col(QueuedRun.account_id), col(QueuedRun.source))).one()
    assert (found, tuple(left)) == ("", ("acc_1", "b"))
