"""Keys that are not unique: all items are read, or their loss is told."""

import asyncio

import pytest
from support.answering import Answering
from support.odd_lists import Answer, Query, end

from syncline.model.ending import End
from syncline.model.page import Ask, Page
from syncline.upstreams.paging import Keyset
from syncline.upstreams.rest import RestPages


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


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("ties_from", [0, 12, 21, 35])
@pytest.mark.parametrize("size", [10, 11])
def test_a_walk_that_another_process_goes_on_with_knows_the_borders_before_it(
    size: int, ties_from: int, *, inclusive: bool
) -> None:
    """Killed behind a border that cut two items with one key apart, it lost the second, and called itself complete."""
    stamps = [9 if n == 10 else n if n < ties_from else n // 3 * 3 for n in range(50)]
    pages = RestPages(path="list", items="data", paging=Keyset(key="at", page_size=size))

    async def scenario() -> list[Page]:
        got: list[Page] = []
        while not got or got[-1].resume is not None:  # each page is read by a process of its own
            server = Answering(keyed(stamps, size, inclusive=inclusive))
            walk = pages(server, Ask(resume=got[-1].resume if got else None))
            got.append(await anext(walk))
            await walk.aclose()
            assert len(got) < 40
        return got

    got = asyncio.run(scenario())
    found = {bytes(row) for page in got for row in page.rows}
    assert len(found) == 50 or (end(got) is not End.REACHED and not inclusive)
