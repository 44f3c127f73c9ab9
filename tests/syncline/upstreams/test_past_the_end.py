"""An empty page past the end that says `total: 0`: it speaks of itself, not of the list."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
from support.json_server import serving

from syncline.model.page import Ask, Page
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Offset, PageNumber, Paging
from syncline.upstreams.rest import RestPages

Connect = Callable[..., UpstreamClient]
ITEMS = [{"id": number} for number in range(1, 21)]


def answer(query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, object]:
    """As many APIs do that count what their query found, offset included."""
    del headers
    size = int(query.get("per_page") or query["limit"])
    start = int(query["offset"]) if "offset" in query else (int(query["page"]) - 1) * size
    rows = ITEMS[start : start + size]
    return 200, {"data": rows, "total": len(ITEMS) if rows else 0}


@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=1)])
def test_a_list_that_ends_with_a_full_page_did_not_move(connect: Connect, paging: Paging) -> None:
    """A full page is never taken for the last, so that one more is asked for; that must not cost a second walk."""

    async def read(url: str) -> list[Page]:
        pages = RestPages(path="list", items="data", paging=paging, total="total")
        async with connect(url) as client:
            return [page async for page in pages(client, Ask())]

    with serving({"/list": answer}) as url:
        pages = asyncio.run(read(url))
    assert sum(len(page.rows) for page in pages) == 20
    assert not pages[-1].rows
    assert not any(page.moved for page in pages)
    assert {page.total for page in pages} == {20}
