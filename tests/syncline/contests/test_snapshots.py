"""Snapshots: made once of what was finally checked, and never changed."""

import asyncio
import json
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.contest import Contest

from flows.fast_delete_sweep import FAST_DELETE_SWEEP
from syncline.admission.admit import admit
from syncline.admission.due_run import DueRun
from syncline.contests.choosing import newest
from syncline.contests.tables import EntryStatus
from syncline.model.policies import Mode
from syncline.model.session import Status, Trigger


def content(contest: Contest, number: int = 1) -> dict[str, EntryStatus]:
    """What the snapshot says of each entry."""
    snapshot = contest.snapshot(number)
    assert snapshot is not None
    return {one["tweet_id"]: EntryStatus(one["status"]) for one in json.loads(snapshot.content)["entries"]}


def test_the_hash_is_that_of_the_content_to_the_byte(contest: Contest) -> None:
    """It can be checked with a line of shell; equal rounds have equal content."""
    asyncio.run(contest.poll())
    asyncio.run(contest.freeze(1))
    snapshot = contest.snapshot()
    assert snapshot is not None
    assert snapshot.content_hash == f"sha256:{sha256(snapshot.content.encode()).hexdigest()}"
    told = json.loads(snapshot.content)
    assert snapshot.content == json.dumps(told, sort_keys=True, separators=(",", ":"))
    assert told["counts"] == {"public": 250, "protected": 0, "deleted": 0}
    assert (snapshot.entries, snapshot.public) == (250, 250)
    ids = [one["tweet_id"] for one in told["entries"]]
    assert ids == sorted(ids)


def test_a_frozen_round_stays_as_it_is(contest: Contest) -> None:
    """Freezing it again asks X nothing and changes nothing, whatever happened to its tweets."""
    asyncio.run(contest.poll())
    asyncio.run(contest.freeze(1))
    before = contest.snapshot()
    contest.box.x.tweets.delete(contest.box.x.tweets.public_ids()[0])
    contest.clock.advance(seconds=3_600)
    assert asyncio.run(contest.freeze(1)) is Status.COMPLETED
    assert contest.snapshot() == before
    assert set(contest.box.x.asked().values()) == {1}
    assert len(contest.box.inbox.deliveries) == 1


@pytest.mark.parametrize(
    "statement",
    ["UPDATE snapshots SET content = '{}'", "UPDATE snapshots SET created_at = created_at", "DELETE FROM snapshots"],
)
def test_the_database_itself_refuses_to_change_a_snapshot(any_contest: Contest, statement: str) -> None:
    """The database refuses the change, also from a shell."""
    asyncio.run(any_contest.poll())
    asyncio.run(any_contest.freeze(1))
    with pytest.raises(DBAPIError, match="never changed or deleted"), any_contest.store.write() as connection:
        connection.execute(text(statement))


def test_sqlite_refuses_to_replace_a_snapshot(contest: Contest) -> None:
    """What REPLACE deletes fires no trigger of its own."""
    asyncio.run(contest.poll())
    asyncio.run(contest.freeze(1))
    columns = "round_number, '{}', content_hash, entries, public, created_at"
    with pytest.raises(DBAPIError, match="never changed or deleted"), contest.store.write() as connection:
        connection.execute(text(f"INSERT OR REPLACE INTO snapshots SELECT {columns} FROM snapshots"))  # noqa: S608 - constants


def test_a_sweep_that_ends_late_changes_nothing_of_what_was_finally_checked(any_contest: Contest) -> None:
    """It asked before the freeze, and is told after it: snapshot and entries stay as they were found."""
    contest = any_contest

    async def story() -> None:
        await contest.poll()
        contest.clock.advance(seconds=200)
        sweep = admit(contest.store, FAST_DELETE_SWEEP, DueRun(trigger=Trigger.SCHEDULE, mode=Mode.INCREMENTAL))
        batch = newest(contest.store, 100)
        assert await contest.freeze(1) is Status.COMPLETED
        contest.box.x.tweets.delete(batch[0].tweet_id)
        async with contest.client(FAST_DELETE_SWEEP) as client:
            await contest.checks(FAST_DELETE_SWEEP, client, sweep.session_id).check(batch)

    asyncio.run(story())
    assert set(contest.entries().values()) == {EntryStatus.PUBLIC}
    assert content(contest) == contest.entries()
