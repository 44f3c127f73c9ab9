"""The metrics are those of the seed's `getSyncMetrics`, whose SQL is run here beside them, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, text

from syncline.model.policies import Mode
from syncline.model.session import SessionTotal, Status, SyncSession, Trigger
from syncline.status.metrics import Metrics, metrics
from syncline.store import sessions
from syncline.store.engine import Store

STATISTICS = """
    SELECT
      COUNT(*) AS "totalSyncs",
      SUM(CASE WHEN status = 'completed' THEN 1 ELSE 0 END) AS "successfulSyncs",
      SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS "failedSyncs",
      AVG(CASE WHEN completed_at IS NOT NULL THEN completed_at - started_at ELSE NULL END) AS "avgDurationMs",
      MAX(started_at) AS "lastSyncAt"
    FROM sync_sessions
    WHERE source = 'products' AND status NOT IN ('skipped', 'missed')
"""
LAST = """
    SELECT status FROM sync_sessions
    WHERE source = 'products' AND status NOT IN ('skipped', 'missed')
    ORDER BY started_at DESC
    LIMIT 1
"""
"""As the seed has them, with our columns; what never ran is no session there, and a row with that status here."""
_VIEW = """
    WITH sync_sessions AS (
      SELECT source, status, {begin} AS started_at, {end} AS completed_at FROM {table}
    )
"""
IN_MILLISECONDS = {
    "sqlite": _VIEW.format(
        table="main.sync_sessions",
        begin="CAST(strftime('%s', started_at) AS INTEGER) * 1000 + substr(started_at, 21, 3)",
        end="CAST(strftime('%s', completed_at) AS INTEGER) * 1000 + substr(completed_at, 21, 3)",
    ),
    "postgresql": _VIEW.format(
        table="public.sync_sessions",
        begin="ROUND(EXTRACT(EPOCH FROM started_at) * 1000)",
        end="ROUND(EXTRACT(EPOCH FROM completed_at) * 1000)",
    ),
}
"""The seed keeps instants as milliseconds since 1970; we as each database has them."""
BEGAN = datetime(2026, 1, 22, 10, tzinfo=UTC)
ENDS = [status for status in Status if status is not Status.RUNNING]


@st.composite
def histories(draw: st.DrawFn) -> list[SyncSession]:
    """Sessions of two sources that begin at different milliseconds, open or ended, with and without accounts."""
    begins = draw(st.lists(st.integers(0, 10**9), max_size=12, unique=True))
    return [_drawn(draw, number, begin) for number, begin in enumerate(begins)]


def _drawn(draw: st.DrawFn, number: int, begin: int) -> SyncSession:
    status = draw(st.sampled_from(Status))
    began = BEGAN + timedelta(milliseconds=begin)
    took = None if status is Status.RUNNING else timedelta(milliseconds=draw(st.integers(0, 10**8)))
    return SyncSession(
        id=f"s{number}",
        source=draw(st.sampled_from(["products", "products", "customers"])),
        account_id=draw(st.sampled_from(["", "anna"])),
        trigger=draw(st.sampled_from(Trigger)),
        mode=draw(st.sampled_from(Mode)),
        status=status,
        started_at=began,
        completed_at=None if took is None else began + took,
    )


@pytest.mark.parametrize("by", ["insert", "close"])
def test_the_numbers_are_those_of_the_seeds_statement(store: Store, by: str) -> None:
    """Whatever became of the sessions, whether put on record with an end or closed later."""

    @settings(max_examples=30)
    @given(history=histories())
    def holds(history: list[SyncSession]) -> None:
        _record(store, history, closing=by == "close")
        with store.read() as connection:
            told = metrics(connection, "products")
        _agree(told, _by_the_statement(store))

    holds()


@pytest.mark.parametrize("ended", ENDS)
def test_a_session_goes_from_the_open_to_the_ended_with_no_sync_more(store: Store, ended: Status) -> None:
    """A deferred one among them: it is counted once while it runs and once when it has its end."""
    session = SyncSession(
        id="s", source="products", trigger=Trigger.API, mode=Mode.FULL, status=Status.RUNNING, started_at=BEGAN
    )
    with store.write() as connection:
        sessions.insert_session(connection, session)
    with store.write() as connection:
        assert sessions.close(connection, "s", ended, now=BEGAN + timedelta(seconds=4))
        assert not sessions.close(connection, "s", Status.FAILED, now=BEGAN + timedelta(seconds=9))
    with store.read() as connection:
        told = metrics(connection, "products")
    _agree(told, _by_the_statement(store))


def _record(store: Store, history: list[SyncSession], *, closing: bool) -> None:
    with store.write() as connection:
        connection.execute(delete(SyncSession))
        connection.execute(delete(SessionTotal))
        for session in history:
            if not closing or session.completed_at is None:
                sessions.insert_session(connection, session)
                continue
            opened = session.model_copy(update={"status": Status.RUNNING, "completed_at": None})
            sessions.insert_session(connection, opened)
            assert sessions.close(connection, session.id, session.status, now=session.completed_at)


def _by_the_statement(store: Store) -> dict[str, object]:
    """What the seed's function returns."""
    with store.read() as connection:
        view = IN_MILLISECONDS[connection.dialect.name]
        stats = connection.execute(text(view + STATISTICS)).mappings().one()
        last = connection.execute(text(view + LAST)).scalar()
    total, good = stats["totalSyncs"] or 0, stats["successfulSyncs"] or 0
    return {
        "totalSyncs": total,
        "successfulSyncs": good,
        "failedSyncs": stats["failedSyncs"] or 0,
        "successRate": good / total * 100 if total > 0 else 0,
        "avgDurationMs": float(stats["avgDurationMs"] or 0),
        "lastSyncAt": None if stats["lastSyncAt"] is None else int(stats["lastSyncAt"]),
        "lastSyncStatus": last,
    }


def _agree(told: Metrics, expected: dict[str, object]) -> None:
    found = told.model_dump(mode="json")
    rounded = ("successRate", "avgDurationMs")
    assert {name: found[name] for name in rounded} == pytest.approx({name: expected[name] for name in rounded})
    assert found == expected | {name: found[name] for name in rounded}
