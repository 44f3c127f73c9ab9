"""What is told of rounds."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from support.rounds import frozen, opened

from syncline.clock import ManualClock
from syncline.contests import entries, pushing, rounds, snapshots
from syncline.contests.overview import Delivery, RoundOverview, find, newest, snapshot_fits, unchecked
from syncline.contests.snapshots import snapshot_of
from syncline.contests.tables import EntryStatus, Round, RoundStatus
from syncline.store.engine import Store

COUNTS = {"public": 3, "protected": 2, "deleted": 1}


def _found(store: Store, number: int) -> RoundOverview:
    with store.read() as connection:
        one = find(connection, number)
    assert one is not None
    return one


def test_the_entries_of_each_round_are_counted_by_what_they_are(store: Store, clock: ManualClock) -> None:
    """A contest's host looks here how many are still in; a round without entries has zeros, not gaps."""
    frozen(store, opened(store, **COUNTS))
    clock.advance(seconds=1)
    opened(store)
    with store.read() as connection:
        second, first = newest(connection, limit=10)
    assert dict(first.counts) == {EntryStatus.PUBLIC: 3, EntryStatus.PROTECTED: 2, EntryStatus.DELETED: 1}
    assert (second.round.number, set(second.counts.values())) == (2, {0})
    assert (first.entries, second.entries) == (6, 0)
    assert first.content_hash is not None
    assert second.content_hash is None


def test_many_rounds_take_no_more_queries_than_one(sqlite_store: Store, clock: ManualClock) -> None:
    """A round of an hour makes thousands in a year."""
    said: list[str] = []

    @event.listens_for(sqlite_store.engine, "before_cursor_execute")
    def _(connection: object, cursor: object, statement: str, *rest: object) -> None:
        del connection, cursor, rest
        said.append(statement)

    for expected in range(1, 4):
        assert opened(sqlite_store, public=1) == expected
        said.clear()
        with sqlite_store.read() as connection:
            assert len(newest(connection, limit=10)) == expected
        assert len([one for one in said if one.startswith("SELECT")]) == 3
        frozen(sqlite_store, expected)
        clock.advance(seconds=1)


def test_only_the_newest_are_given_where_so_many_are_wanted(sqlite_store: Store, clock: ManualClock) -> None:
    """A terminal has so many lines."""
    frozen(sqlite_store, opened(sqlite_store))
    clock.advance(seconds=1)
    opened(sqlite_store)
    with sqlite_store.read() as connection:
        assert [one.round.number for one in newest(connection, limit=1)] == [2]


@pytest.mark.parametrize(
    ("values", "delivery"),
    [
        ({"status": RoundStatus.OPEN}, Delivery.NONE),
        ({}, Delivery.NONE),
        ({"push_retry_at": True}, Delivery.WAITING),
        ({"push_retry_at": True, "push_attempts": 3}, Delivery.WAITING),
        ({"push_attempts": 12}, Delivery.GIVEN_UP),
        ({"push_attempts": 1, "pushed_at": True}, Delivery.SENT),
    ],
)
def test_how_a_webhook_stands_is_one_word(values: dict[str, object], delivery: Delivery, clock: ManualClock) -> None:
    """A webhook that is sent later differs from one that is never sent."""
    instants = {name: clock.now() if value is True else value for name, value in values.items()}
    one = Round.model_validate({"number": 1, "status": RoundStatus.FROZEN, "starts_at": clock.now(), **instants})
    assert RoundOverview(round=one, counts={}, content_hash=None).delivery is delivery


def test_what_holds_a_freeze_up_can_be_listed(store: Store, clock: ManualClock) -> None:
    """Each must be looked at before the round is frozen; of an open or a frozen round there is nothing to look at."""
    opened(store, public=2, protected=1)

    def left() -> list[str]:
        one = _found(store, 1).round
        with store.read() as connection:
            return list(unchecked(connection, one))

    assert left() == []
    with store.write() as connection:
        rounds.begin_freezing(connection, 1, now=clock.now())
        seen = [
            entries.Found(tweet_id="1001", status=EntryStatus.PUBLIC),
            entries.Found(tweet_id="1002", status=EntryStatus.PROTECTED, is_final=False),
        ]
        entries.record(connection, seen, now=clock.now(), final=True)
    assert left() == ["1000", "1002"]
    frozen(store, 1)
    assert left() == []


def test_a_webhook_that_is_refused_for_good_is_given_up(store: Store, clock: ManualClock) -> None:
    """The rows are those that pushing writes."""
    frozen(store, opened(store), push_at=clock.now())
    assert _found(store, 1).delivery is Delivery.WAITING
    with store.write() as connection:
        pushing.refused(connection, 1, error="gone", retry_at=None)
    assert _found(store, 1).delivery is Delivery.GIVEN_UP
    pushing.ask_again(store, 1)
    with store.write() as connection:
        pushing.accepted(connection, 1, now=clock.now() + timedelta(seconds=1))
    assert _found(store, 1).delivery is Delivery.SENT


def test_a_snapshot_that_was_tampered_with_does_not_fit(sqlite_store: Store, clock: ManualClock) -> None:
    """The hash is there so that a change can be noticed."""
    frozen(sqlite_store, opened(sqlite_store, public=2))
    with sqlite_store.read() as connection:
        stored = snapshots.find(connection, 1)
        one = rounds.find(connection, 1)
    assert stored is not None
    assert one is not None
    assert snapshot_fits(stored)
    other = snapshot_of(one, (), now=clock.now())
    assert not snapshot_fits(stored.model_copy(update={"content": other.content}))
