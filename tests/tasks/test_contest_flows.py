"""The four services on X as flows, without a Prefect server: what each sentence does, and how it ends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, col, select
from support.contest import INBOX_SECRET

import sandbox
from flows.fast_delete_sweep import fast_delete_sweep
from flows.freeze_coordinator import FREEZE_COORDINATOR, freeze_coordinator
from flows.twitter_poller import twitter_poller
from flows.validate_entries import VALIDATE_ENTRIES, validate_entries
from syncline.contests.tables import Entry, EntryStatus, Round, RoundStatus, Snapshot
from syncline.errors import ConfigurationError, UnavailableError
from syncline.model.session import Status, SyncSession, Tally
from syncline.store.breakers import Breakers
from syncline.store.engine import Store
from tasks.context import open_store


@pytest.fixture
def box() -> Iterator[sandbox.Box]:
    with sandbox.serving(mentions=60, inbox_secret=INBOX_SECRET) as served:
        yield served


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str, box: sandbox.Box) -> Iterator[Store]:
    """An instance whose X is the simulated one, and whose snapshots go to the simulated inbox."""
    values = {
        "SYNCLINE_HOME": str(tmp_path),
        "SYNCLINE_DATABASE_URL": sqlite_url,
        "SYNCLINE_UPSTREAMS__X__BASE_URL": f"{box.url}/x",
        "SYNCLINE_UPSTREAMS__X__TOKEN": box.x_token,
        "SYNCLINE_UPSTREAMS__X__USER_ID": box.x.user_id,
        "SYNCLINE_SNAPSHOT_URL": f"{box.url}/inbox",
        "SYNCLINE_SNAPSHOT_SECRET": INBOX_SECRET,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    store = open_store()
    yield store
    store.close()


def entries(store: Store) -> dict[str, EntryStatus]:
    with store.read() as connection:
        return {entry.tweet_id: EntryStatus(entry.status) for entry in Session(connection).exec(select(Entry))}


def newest(store: Store, service: str) -> SyncSession:
    with store.read() as connection:
        mine = select(SyncSession).where(col(SyncSession.source) == service)
        return Session(connection).exec(mine.order_by(col(SyncSession.started_at).desc()).limit(1)).one()


def test_a_contest_from_its_mentions_to_its_snapshot(instance: Store, box: sandbox.Box) -> None:
    """Four sentences, one after the other: mentions, a deletion that is found, a check of all, a snapshot told of."""
    polled = asyncio.run(twitter_poller.fn())
    assert (polled.name, polled.data) == ("Completed", Tally(pages=1, requests=1, processed=60, created=60))
    gone = box.x.tweets.public_ids()[0]
    box.x.tweets.delete(gone)
    swept = asyncio.run(fast_delete_sweep.fn())
    assert swept.data == Tally(pages=1, requests=1, processed=60, deleted=1, unchanged=59)
    validated = asyncio.run(validate_entries.fn())
    assert validated.data == Tally(pages=1, requests=1, processed=59, unchanged=59)
    frozen = asyncio.run(freeze_coordinator.fn(round_number=1))
    assert (frozen.name, frozen.data) == ("Completed", Tally(pages=2, requests=2, processed=60, unchanged=60))
    assert entries(instance) == dict.fromkeys(entries(instance), EntryStatus.PUBLIC) | {gone: EntryStatus.DELETED}
    with instance.read() as connection:
        snapshot = Session(connection).exec(select(Snapshot)).one()
        (first, *_) = Session(connection).exec(select(Round).order_by(col(Round.number))).all()
    assert (snapshot.entries, snapshot.public, first.status) == (60, 59, RoundStatus.FROZEN)
    assert [one.body["data"]["content_hash"] for one in box.inbox.accepted()] == [snapshot.content_hash]


def test_the_coordinator_freezes_what_is_due_and_nothing_else(instance: Store, box: sandbox.Box) -> None:
    """A round without an end is nobody's business but its owner's."""
    asyncio.run(twitter_poller.fn())
    state = asyncio.run(freeze_coordinator.fn())
    assert (state.name, state.data) == ("Completed", Tally())
    assert not box.x.lookups


def test_x_in_trouble_is_told_to_the_breaker_of_the_service_that_asked(instance: Store, box: sandbox.Box) -> None:
    """Each attempt counts, as it does for sources; the other services' breakers are their own."""
    asyncio.run(twitter_poller.fn())
    box.faults.add("status", path="/x/2/tweets", code=503, count=None)
    with pytest.raises(UnavailableError, match="503"):
        asyncio.run(validate_entries.fn())
    failures = [Breakers(instance).state(one).failures for one in (VALIDATE_ENTRIES, FREEZE_COORDINATOR)]
    assert failures == [1, 0]


def test_a_webhook_that_is_not_accepted_leaves_the_round_frozen_and_says_so(instance: Store, box: sandbox.Box) -> None:
    """The snapshot is what counts; it is sent again by a later run, and X's breaker has nothing to do with it."""
    asyncio.run(twitter_poller.fn())
    box.inbox.fail(1)
    state = asyncio.run(freeze_coordinator.fn(round_number=1))
    assert state.name == "Partial"
    session = newest(instance, "freeze_coordinator")
    assert session.status is Status.PARTIAL
    assert "the snapshot of round 1 was not accepted" in (session.reason or "")
    assert Breakers(instance).state(FREEZE_COORDINATOR).failures == 0
    again = asyncio.run(freeze_coordinator.fn(round_number=1))
    assert again.name == "Completed"
    assert len(box.inbox.accepted()) == 1


def test_a_round_that_is_not_there_fails_with_one_line(instance: Store, box: sandbox.Box) -> None:
    """The command that shows those that there are is named."""
    asyncio.run(twitter_poller.fn())
    with pytest.raises(ConfigurationError, match="there is no round 9: `syncline rounds list`"):
        asyncio.run(freeze_coordinator.fn(round_number=9))
