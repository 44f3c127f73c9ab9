"""Lists that move while they are read: nothing is lost, nothing counted twice."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest
from support.moves import SAME_ITEMS
from support.runs import products_source, run, stored
from support.shop import Row, product, products
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.model.page import Ask, Page
from syncline.model.session import Tally
from syncline.store.engine import Store


def full(store: Store, *, tells_total: bool = True, notices_moves: bool = True, shifting: bool = True) -> ListPages:
    """An upstream of 40 products in pages of 10, all of them stored."""
    pages = ListPages(
        rows=products(range(1, 41)), tells_total=tells_total, notices_moves=notices_moves, shifting=shifting
    )
    run(store, products_source(pages))
    pages.fetched.clear()
    return pages


def test_an_item_that_slips_to_a_page_before_is_not_lost(store: Store) -> None:
    """The first item goes while page 2 is asked for: item 11 is now on page 1, which was read. A second walk finds it.

    It would look gone otherwise, and be deleted. Seen: 40; the one that went was seen, and stays for one more pass.
    """
    pages = full(store)
    pages.before(2, lambda: pages.rows.pop(0))
    ran = run(store, products_source(pages))
    assert set(stored(store)) == set(range(1, 41))
    assert pages.fetched == [1, 2, 3, 4, 1, 2, 3, 4]
    assert ran.pulled == Tally(pages=8, processed=40, unchanged=40, requests=8)
    assert run(store, products_source(pages)).deleted == 1


def test_an_item_that_slips_past_both_walks_is_not_deleted(store: Store) -> None:
    """Item 11 stands on page 1 whenever page 2 is read, and on page 2 whenever page 1 is: no walk sees it."""
    pages = full(store)

    def slip() -> None:
        pages.rows.append(pages.rows.pop(0))
        pages.before(1, back)

    def back() -> None:
        pages.rows.insert(0, pages.rows.pop())
        pages.before(2, slip)

    pages.before(2, slip)
    source = products_source(pages)
    ran = run(store, source)
    assert (ran.pulled.processed, ran.deleted) == (39, 0)
    assert set(stored(store)) == set(range(1, 41))
    with store.read() as connection:
        reason = connection.exec_driver_sql("SELECT reason FROM sync_sessions ORDER BY started_at DESC").scalar()
    assert reason is not None
    assert reason.endswith("the list moved during both walks, and items may have been missed twice")


def test_an_item_that_is_seen_twice_counts_once(store: Store, clock: ManualClock) -> None:
    """A new item in front pushes item 10 to page 2, where it comes again: 41 processed, 1 created."""
    pages = full(store)
    pages.before(2, lambda: pages.rows.insert(0, product(99)))
    ran = run(store, products_source(pages))
    assert ran.pulled == Tally(pages=10, processed=41, created=1, unchanged=40, requests=10)
    assert set(stored(store)) == {*range(1, 41), 99}


def test_a_change_between_the_walks_is_counted_as_one(store: Store) -> None:
    """Item 1 was seen unchanged, then changed, then seen again: 1 updated, 39 unchanged, 40 in all."""
    pages = full(store)

    def move() -> None:
        pages.rows.append(pages.rows.pop(15))
        pages.rows[0]["name"] = "new"

    pages.before(3, move)
    ran = run(store, products_source(pages))
    assert (ran.pulled.processed, ran.pulled.updated, ran.pulled.unchanged) == (40, 1, 39)
    assert stored(store)[1] == "new"


def test_an_item_that_changes_twice_in_a_pass_is_one_change(store: Store, clock: ManualClock) -> None:
    """Written in the first walk and again in the second: 1 updated."""
    pages = full(store)
    pages.rows[0]["name"] = "new"

    def move() -> None:
        clock.advance(seconds=1)
        pages.rows.append(pages.rows.pop(15))
        pages.rows[0]["name"] = "newer"

    pages.before(3, move)
    ran = run(store, products_source(pages))
    assert (ran.pulled.updated, ran.pulled.unchanged) == (1, 39)
    assert stored(store)[1] == "newer"


def test_a_rejected_item_is_on_record_once_in_two_walks(store: Store) -> None:
    """The list of rejects says how many items are wrong: as many as are counted."""
    pages = full(store)
    pages.rows[0]["price"] = "-1"
    pages.before(3, pages.rows.reverse)
    ran = run(store, products_source(pages))
    assert ran.pulled.rejected == 1
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rejects").scalar() == 1


@pytest.mark.parametrize("event", SAME_ITEMS)
@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("at_page", [2, 3, 4])
def test_the_same_items_in_another_order_are_all_there(
    sqlite_store: Store, event: Callable[[list[Row]], object], *, tells_total: bool, at_page: int
) -> None:
    """Nothing came, nothing went: nothing may be created, deleted or counted twice."""
    pages = full(sqlite_store, tells_total=tells_total)
    pages.before(at_page, lambda: event(pages.rows))
    ran = run(sqlite_store, products_source(pages))
    assert (ran.pulled.processed, ran.pulled.unchanged, ran.deleted) == (40, 40, 0)
    assert len(stored(sqlite_store)) == 40


def test_a_changed_total_alone_is_reason_to_look_again(store: Store) -> None:
    """A connector that sees no overlap still learns from the total that something went."""
    pages = full(store, notices_moves=False)
    pages.before(2, lambda: pages.rows.pop(0))
    run(store, products_source(pages))
    assert set(stored(store)) == set(range(1, 41))


def test_a_list_that_cannot_shift_is_walked_once(store: Store) -> None:
    """Cursors and keysets skip nothing when items come or go; a second walk would be for nothing."""
    pages = full(store, shifting=False)
    pages.before(2, lambda: pages.rows.append(product(99)))
    run(store, products_source(pages))
    assert pages.fetched == [1, 2, 3, 4, 5]


class EmptyEnd(ListPages):
    """Has an empty page behind its last one, which says that there are no items at all."""

    async def __call__(self, transport: object, ask: Ask) -> AsyncGenerator[Page]:
        async with aclosing(super().__call__(transport, ask)) as pages:
            async for page in pages:
                yield page if page.resume is not None else replace(page, resume={"page": 99, "last": None})
        yield Page(rows=(), total=0)


@pytest.mark.parametrize("items", [25, 40])
def test_an_empty_page_past_the_end_that_tells_no_items_is_no_reason_to_look_again(store: Store, items: int) -> None:
    """`total: 0` means that nothing stands there; taken at its word, each pass would cost twice its requests."""
    pages = EmptyEnd(rows=products(range(1, items + 1)))
    ran = run(store, products_source(pages))
    assert (ran.pulled.processed, len(pages.asked)) == (items, 1)


@pytest.mark.parametrize("order", ["rising", "falling", "rising, then not", "doubled"])
def test_what_is_gone_is_found_in_any_order_of_keys(store: Store, order: str) -> None:
    """Rising keys are kept as ranges, others one by one; either way exactly what is gone goes."""
    pages = full(store)
    gone = {3, 10, 11, 40}
    pages.rows = [row for row in pages.rows if row["id"] not in gone]
    match order:
        case "falling":
            pages.rows.reverse()
        case "rising, then not":
            pages.rows.append(pages.rows.pop(20))
        case "doubled":
            pages.rows.insert(0, pages.rows[0])
        case _:
            pass
    ran = run(store, products_source(pages))
    assert (ran.deleted, ran.pulled.processed) == (4, 36)
    assert set(stored(store)) == set(range(1, 41)) - gone
