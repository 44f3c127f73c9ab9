"""What docs/contests.md shows for deleting the words of frozen rounds' tweets works as it stands there."""

import re
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlmodel import col
from support.rounds import frozen, opened

from syncline.clock import ManualClock
from syncline.contests.tables import Entry, Tweet
from syncline.store.engine import Store

DOCS = Path(__file__).parents[3] / "docs" / "contests.md"


@pytest.fixture
def statement() -> str:
    """The only SQL of the page."""
    (found,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return found


def _tweeted(store: Store, *tweet_ids: str) -> None:
    now = store.clock.now()
    usual = {"author_id": "7", "text": "hello", "created_at": now, "synced_at": now}
    fingerprints = {"raw_fingerprint": b"", "fingerprint": b""}
    with store.write() as connection:
        connection.execute(insert(Tweet), [{"id": one, **usual, **fingerprints} for one in tweet_ids])


def test_the_words_of_frozen_rounds_alone_are_deleted(store: Store, clock: ManualClock, statement: str) -> None:
    """Anyone who runs it on a live contest keeps what has not entered yet, what is still checked, and every entry."""
    frozen(store, opened(store, public=2))
    clock.advance(seconds=1)
    assert opened(store, public=1) == 2
    _tweeted(store, "1000", "1001", "2000", "3000")
    with store.write() as connection:
        connection.execute(text(statement))
        assert connection.scalars(select(col(Tweet.id)).order_by(col(Tweet.id))).all() == ["2000", "3000"]
        assert connection.scalar(select(func.count()).select_from(Entry)) == 3
