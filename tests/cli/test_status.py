"""`syncline status`: what each source does now."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from support.overviews import unprotected, unseen

from cli.source_state import note
from cli.status import facts, row
from deployments.schedules.prefect_schedules import ScheduleInfo
from flows import registry
from syncline.model.session import Status, SyncSession
from syncline.model.target import Target
from syncline.status.judgement import report
from syncline.status.report import SourceReport
from syncline.status.schedules import Schedule, Schedules
from syncline.store import heartbeats, sessions
from syncline.store.engine import Store
from syncline.words import iso_instant

Syncline = Callable[..., CompletedProcess[str]]
Keep = Callable[..., SyncSession]
NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)
SEEN = unseen("products", rows=4540)


def told(schedule: ScheduleInfo | None = None, *, unknown: str | None = None) -> SourceReport:
    """The report on a source that never ran."""
    known: dict[str, Schedule] = {} if schedule is None else {"products": schedule}
    schedules = Schedules(by_source=known, unknown=unknown)
    return report([SEEN], {"products": unprotected()}, schedules, {}, NOW).of("products")


@pytest.fixture(autouse=True)
def erp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ERP has an address, at which nobody listens."""
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__BASE_URL", "http://127.0.0.1:1")


def _lines(done: CompletedProcess[str]) -> dict[str, str]:
    return {line.split()[0]: line for line in done.stdout.splitlines()[2:] if line}


def test_each_source_is_a_line_with_its_state_and_last_outcome(syncline: Syncline, keep: Keep) -> None:
    """The first question of every morning: is all up to date?"""
    keep(status=Status.FAILED, error_type="UnavailableError", error_message="the ERP answered 500")
    lines = _lines(syncline("status"))
    for word in ("failing", "failed", "2 min ago", "UnavailableError: the ERP"):
        assert word in lines["products"]
    assert "new" in lines["customers"]


def test_the_lines_of_a_table_end_where_their_text_does(
    syncline: Syncline, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One long note would else make each other line of a piped table as long."""
    monkeypatch.delenv("COLUMNS")
    keep(status=Status.FAILED, error_type="OddError", error_message="x" * 300)
    lines = syncline("status").stdout.splitlines()
    assert [line for line in lines if line.endswith(" ")] == []
    assert max(map(len, lines)) > 300


def test_without_prefect_the_database_is_still_told(syncline: Syncline, keep: Keep) -> None:
    """Just when the server is down, one wants to know what state it left."""
    keep()
    done = syncline("status")
    assert done.returncode == 0
    assert "up to date" in _lines(done)["products"]
    assert (
        "Prefect does not answer, so nothing runs by itself: `syncline up` starts it, and again where it hangs"
        in done.stderr
    )


def test_a_running_source_shows_how_far_it_is_and_what_it_waits_for(
    syncline: Syncline, keep: Keep, store: Store
) -> None:
    """A sync that waits for a hold looks like one that hangs, unless it says so."""
    running = keep(status=Status.RUNNING, completed_at=None, pages_processed=12, items_processed=1200)
    now = store.clock.now()
    with store.write() as connection:
        heartbeats.began(connection, Target("products"), now=running.started_at)
        until = now + timedelta(minutes=5, seconds=30)
        heartbeats.waiting(connection, Target("products"), reason="hold: order creation", until=until, now=now)
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
    found = {entry["name"]: entry for entry in json.loads(syncline("status", "--json").stdout)}
    assert found["products"]["last_run"]["started_at"] == iso_instant(kept.started_at)
    assert found["products"]["state"] == "up to date"
    assert (found["customers"]["last_run"], found["customers"]["next_run"]["schedule"]) == (None, None)


@pytest.mark.parametrize(
    ("schedule", "unknown", "words"),
    [
        (None, "Prefect did not answer in time", "unknown"),
        (None, None, "no schedule"),
        (ScheduleInfo(active=False, text="every 30 min", next_run_at=None), None, "stopped"),
        (ScheduleInfo(active=True, text="every 30 min", next_run_at=None), None, "not planned"),
        (ScheduleInfo(active=True, text="every 30 min", next_run_at=NOW + timedelta(minutes=12)), None, "in 12 min"),
        (ScheduleInfo(active=True, text="every 30 min", next_run_at=NOW - timedelta(seconds=9)), None, "now"),
        (ScheduleInfo(active=True, text="every 30 min", next_run_at=NOW - timedelta(minutes=9)), None, "late"),
    ],
)
def test_the_next_run_is_told_or_why_there_is_none(
    schedule: ScheduleInfo | None, unknown: str | None, words: str
) -> None:
    """A stopped schedule, one that is late and an unknown one are different things."""
    assert row(told(schedule, unknown=unknown), NOW)[2] == words


def test_facts_name_the_schedule() -> None:
    """After `start --every 15m` one looks here whether it was taken."""
    known = told(ScheduleInfo(active=True, text="every 15 min", next_run_at=NOW))
    found = {fact.label: str(fact.value) for fact in facts(known, NOW)}
    assert (found["Schedule"], found["Rows"], found["State"]) == ("every 15 min", "4,540", "new")


def test_a_source_without_news_has_no_note() -> None:
    """Words where nothing is to be said hide those that matter."""
    assert note(told(), NOW) == ""


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


def test_a_session_closed_by_another_process_is_seen_at_once(syncline: Syncline, keep: Keep, store: Store) -> None:
    """The command reads what is on record, not what it remembers."""
    running = keep(status=Status.RUNNING, completed_at=None)
    assert "running" in _lines(syncline("status"))["products"]
    with store.write() as connection:
        sessions.close(connection, running.id, Status.COMPLETED, now=store.clock.now())
    assert "up to date" in _lines(syncline("status"))["products"]
