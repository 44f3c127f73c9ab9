"""Rounds of the contest as they stand in the database: open with entries, or frozen."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert

from syncline.contests import entries, rounds, snapshots
from syncline.contests.snapshots import snapshot_of
from syncline.contests.tables import Entry, EntryStatus
from syncline.store.engine import Store

__all__ = ["add_entries", "frozen", "opened"]


def opened(store: Store, *, public: int = 0, protected: int = 0, deleted: int = 0) -> int:
    """Open the next round, if the last one is over, with so many entries; answers its number."""
    now = store.clock.now()
    with store.write() as connection:
        rounds.roll(connection, now=now, every_seconds=None)
        number = rounds.every(connection)[0].number
    counts = {EntryStatus.PUBLIC: public, EntryStatus.PROTECTED: protected, EntryStatus.DELETED: deleted}
    statuses = [status for status, count in counts.items() for _ in range(count)]
    add_entries(store, number, {str(1_000 * number + order): status for order, status in enumerate(statuses)})
    return number


def add_entries(store: Store, number: int, tweets: Mapping[str, EntryStatus]) -> None:
    """Enter tweets of this moment, which were last seen so."""
    now = store.clock.now()
    with store.write() as connection:
        for tweet_id, status in tweets.items():
            of_whom: dict[str, object] = {"tweet_id": tweet_id, "first_tweet_id": tweet_id, "author_id": "7"}
            when: dict[str, object] = {"created_at": now, "entered_at": now}
            connection.execute(insert(Entry), {**of_whom, **when, "round_number": number, "status": status})


def frozen(store: Store, number: int, *, push_at: datetime | None = None) -> None:
    """Freeze the round as it is, its snapshot to be sent at `push_at`."""
    now = store.clock.now()
    with store.write() as connection:
        rounds.begin_freezing(connection, number, now=now)
        one = rounds.find(connection, number)
        assert one is not None
        snapshots.add(connection, snapshot_of(one, entries.of_round(connection, number), now=now))
        rounds.set_frozen(connection, number, now=now, push_at=push_at)
