"""What a check of entries leaves on record."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from support.answering import Answering
from support.runs import begin, products_source
from support.upstream import ListPages

from syncline.contests.checking import Checks
from syncline.contests.tables import Entry, EntryStatus
from syncline.store import rejects
from syncline.store.engine import Store

NOW = datetime(2026, 1, 22, 10, tzinfo=UTC)


def entry(number: int) -> Entry:
    told = dict.fromkeys(("tweet_id", "first_tweet_id"), str(number))
    return Entry(**told, round_number=1, author_id="7", created_at=NOW, entered_at=NOW, status=EntryStatus.PUBLIC)


def test_what_was_unclear_of_an_entry_is_off_the_record_once_it_is_clear(store: Store) -> None:
    """A list of what is wrong now is worked off; X's hiccup of last week is not on it."""
    unclear = {"1", "2"}

    def answer(query: Mapping[str, str]) -> object:
        ids = query["ids"].split(",")
        problem = {"title": "Odd", "type": "https://api.twitter.com/2/problems/odd", "parameter": "ids"}
        return {
            "data": [{"id": one, "text": "hello"} for one in ids if one not in unclear],
            "errors": [{**problem, "value": one, "resource_id": one} for one in ids if one in unclear],
        }

    source = products_source(ListPages())
    session_id = begin(store, source).session_id
    checks = Checks(store=store, source=source, transport=Answering(answer), session_id=session_id)

    def on_record() -> set[str | None]:
        asyncio.run(checks.check([entry(number) for number in range(1, 4)]))
        with store.read() as connection:
            return {one.item_key for one in rejects.of_source(connection, source.name)}

    assert on_record() == {"1", "2"}
    unclear.remove("2")
    assert on_record() == {"1"}
