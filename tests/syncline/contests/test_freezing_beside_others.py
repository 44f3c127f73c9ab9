"""A snapshot is made while others write: they do not wait for it, and it misses nothing of what they wrote."""

import asyncio
import json
from collections.abc import Callable

import pytest
from sqlalchemy import event, text
from support.contest import Contest

from syncline.model.session import Status
from syncline.store.connections import Limits
from syncline.store.engine import Store


def once_entries_are_read(contest: Contest, then: Callable[[Store], object]) -> Callable[[], None]:
    """Have another process write, once, just when the entries of the round have been read for the snapshot."""
    other = Store(contest.store.url.render_as_string(hide_password=False), limits=Limits(lock_seconds=0.2))
    written: list[str] = []

    def after(*told: object) -> None:
        statement = str(told[2])
        if "ORDER BY entries.tweet_id" in statement and "LIMIT" not in statement and not written:
            written.append(statement)
            then(other)

    event.listen(contest.store.engine, "after_cursor_execute", after)

    def stop() -> None:
        event.remove(contest.store.engine, "after_cursor_execute", after)
        other.close()
        assert len(written) == 1

    return stop


def change(statement: str) -> Callable[[Store], None]:
    def write(store: Store) -> None:
        with store.write() as connection:
            connection.execute(text(statement))

    return write


@pytest.mark.parametrize(
    "statement",
    ["UPDATE rounds SET push_error = 'nobody waits' WHERE number = 1", "UPDATE heartbeats SET page = 7"],
)
def test_nobody_waits_for_a_snapshot_that_is_put_together(any_contest: Contest, statement: str) -> None:
    """Of 100,000 entries that takes seconds, in which neither poll nor heartbeat could write to SQLite."""
    asyncio.run(any_contest.poll())
    stop = once_entries_are_read(any_contest, change(statement))
    assert asyncio.run(any_contest.freeze(1)) is Status.COMPLETED
    stop()
    assert any_contest.snapshot() is not None


def test_what_changes_while_a_snapshot_is_put_together_stands_in_it(any_contest: Contest) -> None:
    """The snapshot says what the entries are at the moment from which on it is kept, not what they were before."""
    asyncio.run(any_contest.poll())
    deletes = "UPDATE entries SET status = 'deleted' WHERE tweet_id = (SELECT min(tweet_id) FROM entries)"
    stop = once_entries_are_read(any_contest, change(deletes))
    assert asyncio.run(any_contest.freeze(1)) is Status.COMPLETED
    stop()
    snapshot = any_contest.snapshot()
    assert snapshot is not None
    told = json.loads(snapshot.content)
    assert told["counts"]["deleted"] == 1
    assert snapshot.public == snapshot.entries - 1
