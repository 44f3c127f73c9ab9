"""Keys that are not unique: all items are read, or their loss is told."""

import asyncio

import pytest
from support.answering import Answering
from support.odd_lists import Answer, Query, end, ids, read_on

from syncline.model.ending import End
from syncline.model.page import Ask, Page
from syncline.upstreams.paging import Keyset
from syncline.upstreams.rest import RestPages


def walked(answer: Answer, size: int, *, cut_at: frozenset[int] = frozenset()) -> list[Page]:
    """The pages of a walk that is begun anew, at the place that was stored, behind each page whose number is cut at."""
    pages = RestPages(path="list", items="data", paging=Keyset(key="at", page_size=size))
    return read_on(answer, pages, cut_at=cut_at)


def keyed(stamps: list[int], size: int, *, inclusive: bool) -> Answer:
    def answer(query: Query) -> object:
        after = int(query.get("after", -1))
        shown = [{"id": n, "at": at} for n, at in enumerate(stamps) if at > after or (inclusive and at == after)]
        return {"data": shown[:size]}

    return answer


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("ties", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("size", [10, 11])
def test_items_that_share_a_key_are_all_read_or_their_loss_is_told(size: int, ties: int, *, inclusive: bool) -> None:
    """Items with one timestamp lie over a page's border; WooCommerce and others lose them in silence."""
    stamps = [n // ties for n in range(50)]
    server = Answering(keyed(stamps, size, inclusive=inclusive))
    pages = RestPages(path="list", items="data", paging=Keyset(key="at", page_size=size))

    async def scenario() -> list[Page]:
        return [page async for page in pages(server, Ask())]

    got = asyncio.run(scenario())
    found = {bytes(row) for page in got for row in page.rows}
    assert (end(got) is End.REACHED) == (len(found) == 50)
    assert len(found) == 50 or not inclusive


@pytest.mark.parametrize("inclusive", [True, False])
def test_more_than_a_page_of_one_key_cannot_be_paged(*, inclusive: bool) -> None:
    """No mark leads past the first page of them, or none that leads into it."""
    server = Answering(keyed([0] * 30 + list(range(1, 21)), 20, inclusive=inclusive))
    pages = RestPages(path="list", items="data", paging=Keyset(key="at", page_size=20))

    async def scenario() -> list[Page]:
        return [page async for page in pages(server, Ask())]

    assert end(asyncio.run(scenario())) is not End.REACHED
    assert len(server.asked) < 6


def test_a_border_that_hid_items_is_gone_back_to_and_the_walk_goes_on() -> None:
    """The second page tells that the first one ended among items of one key; the rest must be read all the same."""
    got = walked(keyed([1, 2, 5, 5, 6, 9, 9, 10, 11, 12], 3, inclusive=False), 3)
    assert set(ids(got)) == set(range(10))
    assert end(got) is End.REACHED


@pytest.mark.parametrize("cut_at", [{1}, {2}, {1, 2}, set(range(20))])
def test_a_walk_that_is_resumed_still_knows_the_borders_that_it_passed(cut_at: set[int]) -> None:
    """What one process passed, and the next one finds to be no safe border, was lost with a proved end."""
    stamps = [1, 2, 5, 5, 6, 9, 9, 10, 11, 12]
    got = walked(keyed(stamps, 3, inclusive=False), 3, cut_at=frozenset(cut_at))
    assert (end(got) is End.REACHED) == (set(ids(got)) == set(range(10)))


def test_what_comes_again_after_a_resume_does_not_make_up_for_what_is_missing() -> None:
    """Each resumed walk counted its border once more, until the total was reached and a live row was deleted."""

    def answer(query: Query) -> object:
        after = int(query.get("after", -1))
        return {"data": [{"id": n} for n in range(30) if n >= after and n != 17][:5], "total": 30}

    pages = RestPages(path="list", items="data", paging=Keyset(page_size=5), total="total")
    got = read_on(answer, pages, cut_at=frozenset(range(50)))
    assert sorted(ids(got)) == [n for n in range(30) if n != 17]
    assert end(got) is End.CONTRADICTED
