from typing import Any

import pytest
from sqlalchemy import event
from support.listings import entry, feed
from support.runs import run
from support.upstream import ListPages

from syncline.listings import stored
from syncline.listings.stored import After, Wanted
from syncline.model.items import ItemStatus
from syncline.store.engine import Store


@pytest.fixture
def filled(store: Store) -> Store:
    """Two feeds, of which one waits for decisions."""
    for name, moderated in (("community", True), ("quests", False)):
        rows = [entry(key, by={"name": "acme" if key < "c" else "zeta", "chain": "Base"}) for key in "aBcde"]
        run(store, feed(ListPages(rows=rows), name, moderated=moderated))
    return store


def keys(store: Store, wanted: Wanted, *, limit: int = 100, after: After | None = None) -> list[tuple[str, str]]:
    with store.read() as connection:
        found = stored.page(connection, wanted, limit=limit, after=after)
    return [(one.listing.source, one.listing.external_id) for one in found]


def test_pages_follow_each_other_by_key(filled: Store) -> None:
    """Each listing once, whatever the size of the pages, over several feeds, in the same order on both databases."""
    whole = keys(filled, Wanted())
    assert whole == sorted(whole)
    assert len(whole) == 10
    walked: list[tuple[str, str]] = []
    while part := keys(
        filled, Wanted(), limit=3, after=After(source=walked[-1][0], external_id=walked[-1][1]) if walked else None
    ):
        walked += part
    assert walked == whole


def test_what_came_or_went_before_the_place_moves_nothing(filled: Store) -> None:
    """An offset would show one twice, or skip one."""
    place = After(source="community", external_id="c")
    before = keys(filled, Wanted(), after=place)
    run(filled, feed(ListPages(rows=[entry(key) for key in "AdeF"])))
    assert keys(filled, Wanted(), after=place) == before


def test_listings_are_picked_by_what_they_say(filled: Store) -> None:
    """A page for one chain, one project, or what waits for a decision."""
    assert {source for source, _ in keys(filled, Wanted(status=ItemStatus.PENDING))} == {"community"}
    assert keys(filled, Wanted(source="quests", project="zeta", chain="Base")) == [("quests", key) for key in "cde"]
    assert keys(filled, Wanted(kind="none")) == []
    with filled.read() as connection:
        assert stored.count(connection, Wanted(status=ItemStatus.LIVE)) == 5
        assert stored.find(connection, "quests", "nothing") is None


def test_what_is_live_is_found_by_an_index(sqlite_store: Store) -> None:
    """A site's frontend asks often."""
    asked: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, statement: str, parameters: object, *more: object) -> None:
        del connection, cursor, more
        asked.append((statement, parameters))

    event.listen(sqlite_store.engine, "before_cursor_execute", note)
    keys(sqlite_store, Wanted(status=ItemStatus.LIVE), limit=50, after=After(source="a", external_id="b"))
    statement, parameters = asked[-1]
    with sqlite_store.read() as connection:
        (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert step[3] == "SEARCH listings USING INDEX ix_listings_status (status=? AND (source,external_id)>(?,?))"
