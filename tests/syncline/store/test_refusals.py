"""Which rows of a batch the database refuses."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import errors
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from syncline.clock import ManualClock
from syncline.errors import RowsRefusedError
from syncline.store.engine import Store
from syncline.store.item_rows import ItemRow
from syncline.store.refusals import refused_rows


def test_a_search_that_a_deadlock_ends_begins_anew(store: Store, clock: ManualClock) -> None:
    """It writes the same rows as its page, and may be in somebody's way as well."""
    tries: list[int] = []

    def how(connection: Connection, rows: Sequence[ItemRow], now: datetime) -> None:
        del connection, now
        tries.append(len(rows))
        if len(tries) == 3:
            raise DBAPIError("INSERT …", {}, errors.DeadlockDetected("Verklemmung"))
        if any(row.key == 2 for row in rows):
            raise DBAPIError("INSERT …", {}, errors.CheckViolation("no"))

    rows = [ItemRow(key, (key,), (b"", b"")) for key in (1, 2)]
    assert refused_rows(store, RowsRefusedError(how, rows), clock.now()) == {2: "the database refuses it: no"}
    assert tries == [2, 1, 1, 2, 1, 1]
