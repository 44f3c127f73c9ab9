"""The progress bar draws what is on record of the running session."""

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy.exc import OperationalError

from cli.progress import Reading, describe, read, shown
from syncline.clock import ManualClock
from syncline.errors import DatabaseUnavailableError
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Tally
from syncline.model.target import Target
from syncline.store import heartbeats, sessions
from syncline.store.engine import Store

START = datetime(2026, 1, 22, 10, tzinfo=UTC)


def _reading(**values: object) -> Reading:
    usual: dict[str, object] = {
        "session_id": "s",
        "mode": Mode.FULL,
        "started_at": START,
        "at": START + timedelta(seconds=8),
        "pages": 12,
        "total_pages": 46,
        "items": 1200,
    }
    return Reading(**{**usual, **values})  # pyright: ignore[reportArgumentType] - a table of values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "12/46 pages · 1,200 items · 150/s · 23 s left"),  # 34 pages at 12 in 8 s: 22.7 s
        ({"total_pages": None}, "12 pages · 1,200 items · 150/s"),
        ({"pages": 0, "items": 0}, "0/46 pages · 0 items · 0/s"),
        ({"at": START}, "12/46 pages · 1,200 items · 0/s"),
        ({"pages": 50}, "50/46 pages · 1,200 items · 150/s · 0.0 s left"),  # the upstream grew meanwhile
        ({"attempt": 2, "total_pages": None}, "12 pages · 1,200 items · 150/s · attempt 2"),
        ({"waiting_for": "hold: orders"}, "12/46 pages · 1,200 items · waits: hold: orders"),
        (
            {"waiting_for": "rate limit", "waiting_until": START + timedelta(seconds=30)},
            "12/46 pages · 1,200 items · waits: rate limit (in 22 s)",
        ),
    ],
)
def test_progress_is_told_in_pages_items_speed_and_time_left(values: dict[str, object], words: str) -> None:
    """Who waits wants to know whether to wait."""
    assert describe(_reading(**values)) == words


def test_the_session_on_record_is_read_as_it_advances(sqlite_store: Store, clock: ManualClock) -> None:
    """The bar shows what is committed: exactly what would be kept if the process died now."""
    _open(sqlite_store, "products-1")
    with sqlite_store.write() as connection:
        heartbeats.began(connection, Target("products"), now=clock.now())
    clock.advance(seconds=10)
    with sqlite_store.write() as connection:
        sessions.advance(connection, "products-1", Tally(pages=3, processed=300), pages_left=43)
        sessions.note_retry(connection, "products-1", retry_count=1)
        until = clock.now() + timedelta(seconds=20)
        heartbeats.waiting(connection, Target("products"), reason="hold: orders", until=until, now=clock.now())
    seen = read(sqlite_store, Target("products"), since=START)
    assert seen == _reading(
        session_id="products-1",
        mode=Mode.FULL,
        at=START + timedelta(seconds=10),
        pages=3,
        items=300,
        attempt=2,
        waiting_for="hold: orders",
        waiting_until=START + timedelta(seconds=30),
    )


def test_only_a_session_that_began_since_is_watched(sqlite_store: Store, clock: ManualClock) -> None:
    """Another process's run of the source is not the one that was asked for."""
    _open(sqlite_store, "products-older")
    clock.advance(seconds=60)
    assert read(sqlite_store, Target("products"), since=clock.now()) is None
    _open(sqlite_store, "products-newer")
    _open(sqlite_store, "customers-newest", source="customers")
    seen = read(sqlite_store, Target("products"), since=clock.now())
    assert seen is not None
    assert seen.session_id == "products-newer"


def test_an_accounts_session_is_not_taken_for_the_sources_own(sqlite_store: Store, clock: ManualClock) -> None:
    """Accounts of one source run side by side."""
    _open(sqlite_store, "of-account", account_id="a1")
    assert read(sqlite_store, Target("products"), since=START) is None
    assert read(sqlite_store, Target("products", "a1"), since=START) is not None


def test_the_bar_is_drawn_while_the_work_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is drawn beside the work, from what another thread reads; trouble in reading does not end it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    answers: list[Reading | Exception | None] = [
        None,
        DatabaseUnavailableError("locked"),
        OperationalError("SELECT", {}, Exception("no such table")),
        _reading(),
        _reading(pages=13),
    ]
    drawn = Event()

    def look() -> Reading | None:
        if len(answers) == 1:
            drawn.set()
            return _reading(pages=13)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with shown("products", look):
        assert drawn.wait(timeout=30)
    assert "12/46 pages" in capsys.readouterr().err


def test_nothing_is_drawn_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file full of half bars helps nobody."""
    looked: list[str] = []
    with shown("products", lambda: looked.append("looked")):
        pass
    captured = capsys.readouterr()
    assert (captured.out, captured.err, looked) == ("", "", [])


def _open(store: Store, session_id: str, *, source: str = "products", account_id: str = "") -> None:
    opened = SyncSession.model_validate(
        {
            "id": session_id,
            "source": source,
            "account_id": account_id,
            "trigger": "manual",
            "mode": "full",
            "status": Status.RUNNING,
            "started_at": store.clock.now(),
        }
    )
    with store.write() as connection:
        sessions.insert_session(connection, opened)
