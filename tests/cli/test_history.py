"""`syncline history`: the past sessions, each with its outcome."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

import pytest

from syncline.model.session import Status, SyncSession
from syncline.store.engine import Store
from syncline.words import iso_instant

Syncline = Callable[..., CompletedProcess[str]]
Keep = Callable[..., SyncSession]


def test_a_session_is_a_line_with_its_outcome_counts_and_reason(syncline: Syncline, keep: Keep) -> None:
    """It answers the question why a table is not as expected."""
    keep(status=Status.PARTIAL, reason="2 items were rejected", items_rejected=2)
    line = syncline("history").stdout.splitlines()[-1]
    for word in ("3 min ago", "products", "partial", "4,540", "+12 ~8 -0", "1 min 20 s", "2 items were rej"):
        assert word in line


def test_a_session_that_never_ran_has_no_counts(syncline: Syncline, keep: Keep) -> None:
    """Zeros would read as if the upstream had been asked and had nothing."""
    keep(status=Status.MISSED, items_processed=0, items_created=0, reason="covered by a later run")
    assert " - " in syncline("history").stdout.splitlines()[-1]
    assert "+0" not in syncline("history").stdout


def test_the_newest_session_comes_first(syncline: Syncline, keep: Keep) -> None:
    """What is asked about is nearly always the last one."""
    for hours, source in ((5, "customers"), (1, "products"), (3, "customers")):
        keep(id=f"{hours}", source=source, started_at=datetime.now(UTC) - timedelta(hours=hours))
    lines = syncline("history").stdout.splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["1", "3", "5"]


def test_sessions_are_narrowed_by_source_outcome_and_number(syncline: Syncline, keep: Keep) -> None:
    """Among thousands of good sessions the failed ones must be findable."""
    for number in range(4):
        keep(id=f"failed-{number}", status=Status.FAILED, error_type="UnavailableError", error_message="500")
    keep(id="good")
    keep(id="of-another", source="customers", status=Status.FAILED)
    found = json.loads(syncline("history", "products", "--status", "failed", "--limit", "3", "--json").stdout)
    assert [entry["id"] for entry in found] == ["failed-3", "failed-2", "failed-1"]


def test_json_has_the_names_and_instants_of_the_other_commands(syncline: Syncline, keep: Keep) -> None:
    """A script reads a session in the same way wherever a command prints it."""
    kept = keep(retry_count=1)
    found = json.loads(syncline("history", "--json").stdout)[0]
    assert found["started_at"] == iso_instant(kept.started_at)
    assert (found["source"], found["trigger"], found["items_processed"]) == ("products", "schedule", 4540)
    assert (found["status"], found["retry_count"]) == ("completed", 1)


@pytest.mark.parametrize("columns", ["40", "60", "80", "100", "200"])
def test_a_table_fits_the_terminal(
    columns: str, syncline: Syncline, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken lines make a table unreadable; what matters less gives way."""
    monkeypatch.setenv("COLUMNS", columns)
    keep(reason="overlap: session products-sync-1705678900000-ab12 is running", status=Status.SKIPPED)
    lines = syncline("history").stdout.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= int(columns)


def test_brackets_in_a_reason_are_shown_as_they_are(syncline: Syncline, keep: Keep) -> None:
    """An upstream's message must not be taken for markup, nor break the table."""
    keep(status=Status.FAILED, error_type=None, error_message="[/red] [bold]x[/bold]\nsecond line")
    assert "[/red] [bold]x[/bold] s" in syncline("history").stdout


def test_no_sessions_yet_is_said_in_words(syncline: Syncline, store: Store) -> None:
    """An empty table would leave open whether something is broken."""
    done = syncline("history")
    assert (done.returncode, done.stdout) == (0, "no session is on record yet\n")
    assert syncline("history", "--status", "failed").stdout == "no such session is on record yet\n"
    assert json.loads(syncline("history", "--json").stdout) == []


@pytest.mark.parametrize("command", ["history", "rejects", "status", "metrics"])
def test_a_source_is_found_by_its_alias(syncline: Syncline, keep: Keep, command: str) -> None:
    """`twitterPoller` is the name that the contest's documents have."""
    keep(source="twitter_poller", status=Status.PARTIAL, reason="7 tweets were odd")
    assert syncline(command, "twitterPoller").stdout == syncline(command, "twitter_poller").stdout
    if command == "history":
        assert "twitter_poller" in syncline(command, "twitterPoller").stdout
