"""`syncline rounds`: what is known of rounds, and when one ends."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from subprocess import CompletedProcess

import pytest
from sqlalchemy import insert
from support.rounds import add_entries, frozen, opened

from syncline.contests import pushing, rounds, snapshots
from syncline.contests.tables import EntryStatus, Snapshot
from syncline.store import audit
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]


def _ends_at(store: Store, number: int) -> datetime | None:
    with store.read() as connection:
        one = rounds.find(connection, number)
    assert one is not None
    return one.ends_at


@pytest.fixture
def contest(store: Store) -> Store:
    """Round 1 is frozen, with six entries, its webhook refused once; round 2 is open, with two."""
    frozen(store, opened(store, public=3, protected=2, deleted=1), push_at=datetime.now(UTC))
    with store.write() as connection:
        retry_at = datetime.now(UTC) + timedelta(minutes=5, seconds=30)
        pushing.refused(connection, 1, error="it answered 503", retry_at=retry_at)
    assert opened(store, public=2) == 2
    return store


@pytest.mark.usefixtures("contest")
def test_rounds_are_listed_newest_first(syncline: Syncline, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look tells what is open, what was frozen, and whom nobody has told yet."""
    monkeypatch.setenv("COLUMNS", "160")
    _, _, second, first = syncline("rounds", "list").stdout.splitlines()
    assert second.split()[:2] == ["2", "open"]
    assert first.split()[:2] == ["1", "frozen"]
    assert "again in 5 min" in first
    assert "it answered 503" in first


@pytest.mark.usefixtures("contest")
def test_rounds_as_json_have_counts_hash_and_webhook(syncline: Syncline) -> None:
    """A monitor reads exact times and whole hashes; the rest of the row keeps its names."""
    second, first = json.loads(syncline("rounds", "list", "--json").stdout)
    assert (second["number"], second["status"], second["ends_at"], second["content_hash"]) == (2, "open", None, None)
    assert first["entries"] == {"total": 6, "public": 3, "protected": 2, "deleted": 1}
    assert first["content_hash"].startswith("sha256:")
    assert (first["webhook"]["state"], first["webhook"]["attempts"]) == ("waiting", 1)
    assert first["webhook"]["error"] == "it answered 503"
    assert [one["number"] for one in json.loads(syncline("rounds", "list", "--json", "--limit", "1").stdout)] == [2]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("arguments", [("show", "1"), ("end", "1", "--in", "2h"), ("freeze", "1")])
def test_before_the_first_poll_it_is_said_what_opens_a_round(syncline: Syncline, arguments: tuple[str, ...]) -> None:
    """Nobody opens round 1 by a command; anyone who looks for that one is told."""
    done = syncline("rounds", *arguments)
    assert done.returncode == 1
    assert "the first poll opens round 1 (`syncline sync twitter_poller`" in done.stderr
    assert "the first poll opens round 1" in syncline("rounds", "list").stdout


@pytest.mark.usefixtures("contest")
@pytest.mark.parametrize("arguments", [("show", "7"), ("end", "7", "--in", "2h"), ("freeze", "7")])
def test_a_round_that_is_not_there_is_one_line(syncline: Syncline, arguments: tuple[str, ...]) -> None:
    """It comes at once: Prefect is not started for it."""
    done = syncline("rounds", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "syncline: there is no round 7: `syncline rounds list` shows those that there are\n"


@pytest.mark.parametrize(("entered", "named"), [(10, "2009"), (12, "2009 and 2 more")])
def test_what_a_freeze_has_not_checked_yet_is_named(
    syncline: Syncline, contest: Store, monkeypatch: pytest.MonkeyPatch, entered: int, named: str
) -> None:
    """Who must look at the tweets that hold a freeze up needs the ids of all, and a terminal has room for ten."""
    monkeypatch.setenv("COLUMNS", "160")
    ids = [str(2_000 + order) for order in range(entered)]
    assert "not yet" not in syncline("rounds", "show", "2").stdout
    with contest.write() as connection:
        rounds.begin_freezing(connection, 2, now=datetime.now(UTC))
    add_entries(contest, 2, dict.fromkeys(ids[2:], EntryStatus.PUBLIC))
    assert json.loads(syncline("rounds", "show", "2", "--json").stdout)["unchecked"] == ids
    said = " ".join(syncline("rounds", "show", "2").stdout.split())
    assert f"not yet {', '.join(ids[:9])}, {named}" in said
    assert json.loads(syncline("rounds", "show", "1", "--json").stdout)["unchecked"] == []


def test_the_snapshot_is_given_as_it_is_stored(syncline: Syncline, contest: Store) -> None:
    """Anyone who recomputes the hash needs each byte, not the same JSON written otherwise."""
    told = json.loads(syncline("rounds", "show", "1", "--json").stdout)
    with contest.read() as connection:
        stored = snapshots.find(connection, 1)
    assert stored is not None
    assert told["snapshot"] == stored.content
    assert told["content_hash"] == f"sha256:{sha256(told['snapshot'].encode()).hexdigest()}"
    assert told["hash_fits"] is True
    assert json.loads(syncline("rounds", "show", "2", "--json").stdout)["snapshot"] is None


def test_the_whole_hash_is_shown_on_a_narrow_terminal(
    syncline: Syncline, contest: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a hash proves nothing; it is said as well that it was recomputed."""
    monkeypatch.setenv("COLUMNS", "60")
    done = syncline("rounds", "show", "1")
    with contest.read() as connection:
        stored = snapshots.find(connection, 1)
    assert stored is not None
    assert stored.content_hash in "".join(done.stdout.split())
    assert "fits the content" in done.stdout
    assert done.returncode == 0


def test_a_snapshot_that_does_not_fit_its_hash_fails_the_command(syncline: Syncline, store: Store) -> None:
    """The database refuses changes; anyone who got past it must be seen, also by a script."""
    opened(store)
    wrong = Snapshot(
        round_number=1, content="{}", content_hash="sha256:0", entries=0, public=0, created_at=datetime.now(UTC)
    )
    with store.write() as connection:
        connection.execute(insert(Snapshot), wrong.model_dump())
    done = syncline("rounds", "show", "1")
    assert done.returncode == 1
    assert "DOES NOT FIT THE CONTENT" in done.stdout
    as_json = syncline("rounds", "show", "1", "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)["hash_fits"]) == (1, False)


def test_the_open_round_ends_when_it_is_said(syncline: Syncline, contest: Store) -> None:
    """An instant of any zone, or so long from now; the audit log says who wanted it."""
    assert syncline("rounds", "end", "2", "--at", "2099-03-01T18:00:00+01:00").returncode == 0
    assert _ends_at(contest, 2) == datetime(2099, 3, 1, 17, tzinfo=UTC)
    before = datetime.now(UTC)
    assert syncline("rounds", "end", "2", "--in", "1h30m").stdout.startswith("round 2 ends in 1 h, at ")
    ends_at = _ends_at(contest, 2)
    assert ends_at is not None
    assert timedelta(0) <= ends_at - before - timedelta(minutes=90) < timedelta(minutes=1)
    with contest.read() as connection:
        last, first = audit.latest(connection)
    assert (last.action, last.target, last.actor.partition(":")[0]) == ("round.end", "round/2", "cli")
    assert json.loads(first.detail or "{}") == {"before": None, "ends_at": "2099-03-01T17:00:00+00:00"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either --at 2026-03-01T18:00:00+01:00 or --in 2h"),
        (("--at", "2099-01-01T00:00:00Z", "--in", "2h"), "either --at"),
        (("--at", "tomorrow"), "'tomorrow' is no instant"),
        (("--at", "2099-01-01T00:00:00"), "has no offset"),
        (("--in", "soon"), "--in 'soon' is no duration"),
        (
            ("--at", "2026-01-01T00:00:00Z"),
            "lies in the past, since when tweets may have entered: `syncline rounds freeze 2`",
        ),
    ],
)
def test_an_end_that_cannot_be_is_refused(
    syncline: Syncline, contest: Store, arguments: tuple[str, ...], words: str
) -> None:
    """A time without its zone ends a contest an hour off; one in the past would let late entries stand."""
    done = syncline("rounds", "end", "2", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert _ends_at(contest, 2) is None
    with contest.read() as connection:
        assert not audit.latest(connection)


def test_only_the_last_open_round_can_be_given_an_end(syncline: Syncline, store: Store) -> None:
    """Rounds stand side by side without a gap: moving an earlier end would open one."""
    opened(store)
    with store.write() as connection:
        rounds.plan_end(connection, 1, datetime.now(UTC) - timedelta(seconds=1))
    assert opened(store) == 2
    over = syncline("rounds", "end", "1", "--in", "2h")
    assert over.returncode == 1
    assert "round 1 is over, and round 2 is open: `syncline rounds freeze 1` freezes it" in over.stderr
    frozen(store, 1)
    assert (
        "round 1 is frozen and takes no more entries: the last one is round 2"
        in syncline("rounds", "end", "1", "--in", "2h").stderr
    )
    frozen(store, 2)
    assert "the next poll opens the next one" in syncline("rounds", "end", "2", "--in", "2h").stderr
    with store.read() as connection:
        assert not audit.latest(connection)
