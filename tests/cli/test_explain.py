"""`syncline explain` and `syncline history show`: why a source ran or did not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from cli.session_text import follows
from syncline.model.session import Status, SyncSession
from syncline.model.target import Target
from syncline.store import holds
from syncline.store.engine import Store
from syncline.words import iso_instant

Syncline = Callable[..., CompletedProcess[str]]
Keep = Callable[..., SyncSession]


@pytest.fixture(autouse=True)
def erp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ERP has an address, at which nobody listens."""
    monkeypatch.setenv("SYNCLINE_UPSTREAMS__ERP__BASE_URL", "http://127.0.0.1:1")


def test_why_a_source_did_not_run_is_said_in_sentences(syncline: Syncline, keep: Keep) -> None:
    """The last tick with its outcome, the holds, the breaker, and the next run or why it is not known."""
    tick = datetime(2026, 1, 22, 10, tzinfo=UTC)
    keep(id="ran")
    kept = keep(
        id="skipped",
        status=Status.SKIPPED,
        started_at=datetime.now(UTC),
        completed_at=datetime.now(UTC),
        scheduled_for=tick,
        reason="overlap: session ran is running",
    )
    syncline("pause", "products", "--reason", "stocktaking")
    told = syncline("explain", "products").stdout
    for words in (
        "products is paused.",
        f"for the tick of {iso_instant(tick)} (trigger: schedule) and is skipped: {kept.reason}",
        "The last one that ran began",
        "held: stocktaking, until resumed",
        "Its breaker is closed.",
        "Wrong: Prefect does not answer",
        "When it runs next: unknown: Prefect did not tell.",
    ):
        assert words in told
    found = json.loads(syncline("explain", "products", "--json").stdout)
    assert (found["state"], found["next_run_at"]) == ("paused", None)
    assert set(told.splitlines()) >= set(found["explanation"][:1])


@pytest.mark.parametrize("status", [Status.CRASHED, Status.CANCELLED, Status.FAILED])
def test_what_follows_is_said_once(syncline: Syncline, keep: Keep, status: Status) -> None:
    """Reasons that the reconciler writes say it themselves."""
    keep(status=status, reason="its process ended without a word; the next run goes on at its checkpoint")
    first = syncline("explain", "products").stdout.partition("Wrong:")[0]
    assert first.count("the next run goes on at its checkpoint") == 1


@pytest.mark.parametrize("status", list(Status))
def test_a_session_is_told_in_full(syncline: Syncline, keep: Keep, status: Status) -> None:
    """Every field that is set, and what follows from its status."""
    completed = None if status is Status.RUNNING else datetime(2026, 1, 22, 11, tzinfo=UTC)
    kept = keep(
        status=status,
        started_at=datetime(2026, 1, 22, 10, tzinfo=UTC),
        completed_at=completed,
        reason="a reason",
        error_type="UnavailableError",
        error_message="the ERP answered 500",
        retry_count=2,
        retry_at=datetime(2026, 1, 22, 12, tzinfo=UTC),
        flow_run_id="f1",
    )
    told = syncline("history", "show", kept.id).stdout
    for words in (
        status.value,
        "a reason",
        "UnavailableError: the ERP answered 500",
        "f1",
        "4,540 read",
        "46 of 46 pages",
    ):
        assert words in told
    assert follows(kept)
    assert "2026-01-22T12:00:00.000Z" in told
    found = json.loads(syncline("history", "show", kept.id, "--json").stdout)
    assert (found["status"], found["retry_count"], found["flow_run_id"]) == (status.value, 2, "f1")
    assert found["started_at"] == "2026-01-22T10:00:00.000Z"


def test_a_session_that_there_is_not_is_told(syncline: Syncline, store: Store) -> None:
    """In one line, with what to do."""
    done = syncline("history", "show", "nope")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no session has the id 'nope': `syncline history` lists them" in done.stderr


@pytest.mark.parametrize("source", ["products", "*"])
def test_a_held_run_names_the_hold_at_once(syncline: Syncline, store: Store, source: str) -> None:
    """It waited in silence for half a minute before."""
    now = store.clock.now()
    with store.write() as connection:
        holds.create(connection, Target(source), reason="stocktaking", created_by="ann", now=now, ttl_seconds=3_600)
    done = syncline("sync", "products")
    assert done.returncode == 75
    assert "held by ann until 20" in done.stderr
    assert "stocktaking; nothing was run" in done.stderr
    assert json.loads(syncline("sync", "products", "--json").stdout)["hold"]["created_by"] == "ann"


@pytest.mark.parametrize(("typed", "meant"), [("prodcts", "products"), ("customer", "customers")])
def test_a_source_that_is_mistyped_is_told_with_the_nearest(
    syncline: Syncline, store: Store, typed: str, meant: str
) -> None:
    """So are commands and options."""
    said = syncline("status", typed).stderr
    assert f"no source is named '{typed}'; there are: " in said
    assert f"(did you mean {meant}?)" in said
    assert "Did you mean 'status'" in syncline("staus").stderr
    assert "--json" in syncline("status", "--jsn").stderr
