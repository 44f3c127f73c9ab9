"""`syncline status`: what each source does now."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

import pytest

from cli.source_state import note
from cli.status_table import facts, row
from cli.timetable import Timing, is_listening
from flows import registry
from syncline.model.policies import BreakerPolicy
from syncline.model.session import Status, SyncSession
from syncline.resilience.breaker import BreakerState
from syncline.status.guards import Guards
from syncline.status.overview import SourceOverview
from syncline.status.row_counts import RowCount
from syncline.store import heartbeats, sessions
from syncline.store.breakers import BreakerStatus
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]
Keep = Callable[..., SyncSession]
NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
NEW = SourceOverview(
    name="products",
    upstream="erp",
    rows=RowCount(rows=4540),
    progress=None,
    running=0,
    last=None,
    last_run=None,
    heartbeat=None,
    holds=(),
)

CLOSED = Guards(
    breaker=BreakerStatus(state=BreakerState.CLOSED), policy=BreakerPolicy(), budgets=(), blocked_until=None
)


def _lines(done: CompletedProcess[str]) -> dict[str, str]:
    return {line.split()[0]: line for line in done.stdout.splitlines()[2:] if line}


def test_each_source_is_a_line_with_its_state_and_last_fate(syncline: Syncline, keep: Keep) -> None:
    """The first question of every morning: is all in step?"""
    keep(status=Status.FAILED, error_type="UnavailableError", error_message="the ERP answered 500")
    lines = _lines(syncline("status"))
    for word in ("failing", "failed", "2 min ago", "UnavailableError: the ERP"):
        assert word in lines["products"]
    assert "new" in lines["customers"]


def test_without_prefect_the_database_is_still_told(syncline: Syncline, keep: Keep) -> None:
    """Just when the server is down, one wants to know what state it left."""
    keep()
    done = syncline("status")
    assert done.returncode == 0
    assert "in step" in _lines(done)["products"]
    assert "Prefect is not running here, so nothing is scheduled: `syncline up` starts it" in done.stderr


def test_a_running_source_shows_how_far_it_is_and_what_it_waits_for(
    syncline: Syncline, keep: Keep, store: Store
) -> None:
    """A sync that waits for a hold looks like one that hangs, unless it says so."""
    running = keep(status=Status.RUNNING, completed_at=None, pages_processed=12, items_processed=1200)
    now = store.clock.now()
    with store.write() as connection:
        heartbeats.began(connection, "products", now=running.started_at)
        until = now + timedelta(minutes=5, seconds=30)
        heartbeats.waiting(connection, "products", reason="hold: order creation", until=until, now=now)
    told = syncline("status", "products").stdout
    assert "12/46 pages, 1,200 items, 6/s" in told
    assert "hold: order creation (in 5 min)" in told
    assert "waiting" in told


def test_a_hold_is_shown_with_its_reason_and_its_end(syncline: Syncline, store: Store) -> None:
    """Who finds a source paused must learn whether that is meant, and for how long."""
    syncline("pause", "products", "--reason", "order creation", "--for", "10m30s")
    assert "held: order creation, ends in 10 min" in syncline("status", "products").stdout
    assert "paused" in _lines(syncline("status"))["products"]


def test_one_source_is_told_in_full(syncline: Syncline, keep: Keep) -> None:
    """The table has no room for all counts."""
    keep()
    told = syncline("status", "products").stdout
    assert "products (from erp)" in told
    assert "completed 2 min ago in 1 min 20 s: 12 created, 8 updated, 4,520 unchanged, 0 deleted" in told


def test_json_has_exact_instants_in_utc(syncline: Syncline, keep: Keep) -> None:
    """A monitor cannot count with `3 min ago`."""
    kept = keep()
    found = {entry["source"]: entry for entry in json.loads(syncline("status", "--json").stdout)}
    assert found["products"]["last_run"]["started_at"] == kept.started_at.isoformat().replace("+00:00", "Z")
    assert found["products"]["state"] == "in step"
    assert (found["customers"]["last_run"], found["customers"]["schedule"]) == (None, None)


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        (None, "-"),
        (Timing(active=False, words="every 30 min"), "stopped"),
        (Timing(active=True, words="every 30 min"), "-"),
        (Timing(active=True, words="every 30 min", next_run_at=NOW + timedelta(minutes=12)), "in 12 min"),
    ],
)
def test_the_next_run_is_told_where_prefect_plans_one(timing: Timing | None, words: str) -> None:
    """A stopped schedule and an unknown one are different things."""
    assert row(NEW, CLOSED, timing, NOW)[6] == words


def test_facts_name_the_schedule() -> None:
    """After `start --every 15m` one looks here whether it was taken."""
    told = {fact.label: str(fact.value) for fact in facts(NEW, CLOSED, Timing(active=True, words="every 15 min"), NOW)}
    assert (told["Schedule"], told["Rows"], told["State"]) == ("every 15 min", "4,540", "new")


def test_a_source_without_news_has_no_note() -> None:
    """Words where nothing is to be said hide those that matter."""
    assert note(NEW, NOW) == ""


@pytest.mark.parametrize("columns", ["40", "60", "80", "120"])
def test_the_table_fits_the_terminal(
    columns: str, syncline: Syncline, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is most often looked at in a split window."""
    monkeypatch.setenv("COLUMNS", columns)
    keep(status=Status.FAILED, error_message="the upstream answered with something that nobody understands " * 3)
    lines = syncline("status").stdout.splitlines()
    assert len(lines) == 2 + len(registry.names())
    assert max(map(len, lines)) <= int(columns)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api", "nonsense", "http://127.0.0.1:notaport"])
def test_nothing_listens_where_there_is_no_server(url: str) -> None:
    """Loading Prefect's client takes seconds; it must not be loaded in vain."""
    assert not is_listening(url)


def test_a_session_closed_by_another_process_is_seen_at_once(syncline: Syncline, keep: Keep, store: Store) -> None:
    """The command reads what is on record, not what it remembers."""
    running = keep(status=Status.RUNNING, completed_at=None)
    assert "running" in _lines(syncline("status"))["products"]
    with store.write() as connection:
        sessions.close(connection, running.id, Status.COMPLETED, now=store.clock.now())
    assert "in step" in _lines(syncline("status"))["products"]
