"""What admission asks of the sessions and holds of one target reads an index, however many others there are."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from syncline.clock import ManualClock
from syncline.model.target import Target
from syncline.store import holds, sessions
from syncline.store.engine import Store

ACCOUNT = Target("wallets", "acc_1")
Asking = Callable[[Connection, ManualClock], object]


def plan(connection: Connection, ask: Callable[[], object]) -> str:
    """How the database answers the last statement that `ask` sends."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, ____: bool) -> None:  # noqa: ANN401, FBT001 - SQLAlchemy's protocol
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    statement, parameters = asked[-1]
    is_sqlite = connection.dialect.name == "sqlite"
    explained = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{statement}", parameters)
    return "\n".join(str(row[-1]) for row in explained)


def newest(connection: Connection, _: ManualClock) -> object:
    return sessions.latest_started(connection, ACCOUNT)


def deferred_in_a_row(connection: Connection, _: ManualClock) -> object:
    return sessions.deferred_in_a_row(connection, ACCOUNT, reason="rate limit")


def abandoned(connection: Connection, clock: ManualClock) -> object:
    return sessions.close_abandoned(connection, ACCOUNT, keep="s1", now=clock.now())


def held(connection: Connection, clock: ManualClock) -> object:
    return holds.active(connection, ACCOUNT, now=clock.now())


def refused(connection: Connection, clock: ManualClock) -> object:
    return holds.of_refusals(connection, ACCOUNT, now=clock.now())


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (newest, "ix_sync_sessions_target"),
        (deferred_in_a_row, "ix_sync_sessions_target"),
        (abandoned, "ix_sync_sessions_open"),
        (held, "ix_holds_target"),
        (refused, "ix_holds_target"),
    ],
    ids=["newest", "deferred in a row", "abandoned", "held", "refused"],
)
def test_admission_of_an_account_reads_an_index(store: Store, clock: ManualClock, ask: Asking, index: str) -> None:
    """Without one, admitting an account read all sessions of its source: half a second at 500,000."""
    with store.write() as connection:
        if not store.is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # which it prefers while the table is small
        found = plan(connection, lambda: ask(connection, clock))
    assert index in found
    assert "SCAN sync_sessions" not in found
