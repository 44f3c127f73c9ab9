"""The connector against a server of another project: it caps pages at 1,000 without a word."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from syncline.model.page import Ask, Page
from syncline.probe.look import probe
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import PageNumber
from syncline.upstreams.rest import RestPages

Connect = Callable[..., UpstreamClient]
PATH = "/api/collections/things/records"


def things(page_size: int, **params: str) -> RestPages:
    paging = PageNumber(page="page", size="perPage", page_size=page_size)
    return RestPages(path=PATH, items="items", paging=paging, total="totalItems", params={"sort": "id", **params})


async def read(pages: RestPages, client: UpstreamClient) -> list[Page]:
    async with client:
        return [page async for page in pages(client, Ask())]


def names(pages: list[Page]) -> set[str]:
    return {msgspec.json.decode(row)["name"] for page in pages for row in page.rows}


@pytest.mark.parametrize("page_size", [700, 1000, 5000])
@pytest.mark.parametrize("params", [{}, {"skipTotal": "1"}], ids=["total", "no total"])
def test_all_records_come_whatever_size_is_asked_for(
    pocketbase: Any,  # noqa: ANN401 - a class of conftest.py, which tests cannot import
    connect: Connect,
    page_size: int,
    params: dict[str, str],
) -> None:
    """Asked for 5,000 it gives 1,000, and asked to skip the total it says -1."""
    pocketbase.add(2300)
    pages = asyncio.run(read(things(page_size, **params), connect(pocketbase.url)))
    assert sum(len(page.rows) for page in pages) == 2300
    assert names(pages) == {f"n{number}" for number in range(2300)}
    assert pages[0].page_size == min(page_size, 1000)


def test_a_list_that_moves_under_the_pass_is_noticed(pocketbase: Any, connect: Connect) -> None:  # noqa: ANN401 - as above
    """Deletes leave no trace there: what was not seen must not be taken for deleted."""
    pocketbase.add(300)

    async def scenario() -> list[Page]:
        found: list[Page] = []
        async with connect(pocketbase.url, max_in_flight=1) as client:
            async for page in things(50)(client, Ask()):
                found.append(page)
                if len(found) == 2:
                    gone = [msgspec.json.decode(row)["id"] for row in found[0].rows[:3]]
                    pocketbase.batch([{"method": "DELETE", "url": f"{PATH}/{key}"} for key in gone])
        return found

    pages = asyncio.run(scenario())
    assert [page.moved for page in pages[:2]] == [False, False]
    assert any(page.moved for page in pages)


def test_its_pages_are_guessed_and_read_so(pocketbase: Any, connect: Connect) -> None:  # noqa: ANN401 - as above
    """Pointed at an unknown API, `syncline new` must write a source that runs."""
    pocketbase.add(80)

    async def scenario() -> list[Page]:
        async with connect(pocketbase.url) as client:
            guess = await probe(client, PATH)
            assert (guess.items, guess.key, guess.total) == ("items", "id", "totalItems")
            assert guess.paging == PageNumber(page="page", size="perPage", page_size=100)
            assert guess.updated_field == "updated"
            assert guess.updated_since is None
            kinds = {column.name: column.type for column in guess.columns}
            assert kinds["price"] == "Decimal"
            assert kinds["active"] == "bool"
            assert kinds["created"] == "datetime"
            assert kinds["extra"] == "Any"
            assert guess.column("extra").nullable
            return [page async for page in guess.pages(client, Ask())]

    assert len(names(asyncio.run(scenario()))) == 80
