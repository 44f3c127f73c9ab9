import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

import sandbox
from syncline.erp import pages as datasets
from syncline.errors import (
    CursorExpiredError,
    RateLimitedError,
    UnavailableError,
)
from syncline.model.page import Ask, Page
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, PageNumber, Paging, Range
from syncline.upstreams.rest import RestPages

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
KINDS: dict[str, tuple[Paging, dict[str, str]]] = {
    "page": (PageNumber(page_size=30), {}),
    "offset": (Offset(page_size=30), {}),
    "range": (Range(page_size=30), {}),
    "cursor": (Cursor(size="limit", page_size=30), {"paging": "cursor"}),
    "link": (Link(size="per_page", page_size=30), {"paging": "link"}),
    "next in the body": (Cursor(cursor_at="next_cursor", size="limit", page_size=30), {"paging": "cursor"}),
    "keyset": (Keyset(page_size=30, start=""), {}),
}


def products(kind: str, *, total: str | None = "total") -> RestPages:
    paging, params = KINDS[kind]
    return RestPages(path="/erp/products", items="data", paging=paging, params=params, total=total)


async def read(pages: RestPages, client: UpstreamClient, ask: Ask | None = None) -> list[Page]:
    async with client:
        return [page async for page in pages(client, ask or Ask())]


def keys(pages: list[Page]) -> list[object]:
    return [msgspec.json.decode(row)["id"] for page in pages for row in page.rows]


@pytest.mark.parametrize("cap", [None, 7], ids=["uncapped", "capped"])
@pytest.mark.parametrize("total", ["total", None])
@pytest.mark.parametrize("kind", KINDS)
def test_every_item_comes_once_and_in_order(
    box: sandbox.Box, erp: Connect, kind: str, total: str | None, cap: int | None
) -> None:
    """Whether the server tells the total or not, and whatever size it makes its pages."""
    if cap is not None:
        box.faults.add("page_cap", size=cap, count=None)
    pages = asyncio.run(read(products(kind, total=total), erp()))
    assert keys(pages) == box.erp.products.keys()
    assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert not any(page.moved for page in pages)


@pytest.mark.parametrize("cap", [None, 7], ids=["uncapped", "capped"])
@pytest.mark.parametrize("kind", KINDS)
def test_any_page_can_be_resumed_behind(box: sandbox.Box, erp: Connect, kind: str, cap: int | None) -> None:
    """A killed pass goes on behind the last page that was stored, with nothing lost and nothing fetched again."""
    if cap is not None:
        box.faults.add("page_cap", size=cap, count=None)

    async def scenario() -> None:
        whole = await read(products(kind), erp())
        for stored in (1, 2, len(whole) - 1):
            token = msgspec.json.decode(msgspec.json.encode(whole[stored - 1].resume))
            rest = await read(products(kind), erp(), Ask(resume=token))
            assert keys(whole[:stored]) + keys(rest) == box.erp.products.keys()
            assert not any(page.moved for page in rest)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_is_one_empty_page(erp: Connect, kind: str) -> None:
    """A full pass that found nothing has to end, and to say so."""
    pages = replace(products(kind), params={**KINDS[kind][1], "updated_since": "2999-01-01T00:00:00Z"})
    found = asyncio.run(read(pages, erp()))
    assert [(list(page.rows), page.resume) for page in found] == [([], None)]


def test_what_the_upstream_tells_of_itself_is_passed_on(erp: Connect) -> None:
    """Progress needs the total and the page size, the cursor needs the upstream's clock."""
    page = asyncio.run(read(products("page"), erp()))[0]
    assert (page.total, page.page_size, page.requests) == (250, 30, 1)
    assert page.answered_at is not None
    assert abs(page.answered_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_changes_are_asked_for_by_instant(box: sandbox.Box, erp: Connect) -> None:
    """An incremental pass reads what changed, not everything."""
    changed = box.erp.products.keys()[3]
    since = datetime.now(UTC)
    box.erp.products.update(changed, name="New name")
    found = asyncio.run(read(datasets.products, erp(), Ask(updated_since=since)))
    assert keys(found) == [changed]
    assert keys(asyncio.run(read(datasets.customers, erp()))) == box.erp.customers.keys()


def test_a_malformed_body_is_an_outage(box: sandbox.Box, erp: Connect) -> None:
    """Half a body may be whole the next time."""
    box.faults.add("malformed")
    with pytest.raises(UnavailableError, match="cut or no JSON"):
        asyncio.run(read(products("page"), erp()))


def test_a_wrong_items_path_says_what_is_there(erp: Connect) -> None:
    """Its reader wrote the path, and mends it from the message alone."""
    for items, said in (
        ("rows", "no list at 'rows': the body has keys data, total"),
        ("total", r"no list at 'total' \('total' is a number\)"),
        ("", "no list as the body: the body has keys"),
    ):
        with pytest.raises(UnavailableError, match=said):
            asyncio.run(read(replace(products("page"), items=items), erp()))


def test_pages_before_a_failure_are_given_first_and_no_more_is_asked(box: sandbox.Box, erp: Connect) -> None:
    """What was read in good weather is stored; a server that says stop is not asked eight times more."""
    box.faults.add("rate_limited", skip=5, count=None, retry_after=60)
    client = erp()
    given: list[Page] = []

    async def scenario() -> None:
        async with client:
            async for page in products("page")(client, Ask()):
                given.append(page)  # noqa: PERF401 - kept up to the failure, where a comprehension keeps nothing

    with pytest.raises(RateLimitedError):
        asyncio.run(scenario())
    assert 0 < len(keys(given)) <= 150
    assert keys(given) == box.erp.products.keys()[: len(keys(given))]
    assert client.requests <= 5 + 8


@pytest.mark.parametrize("kind", KINDS)
def test_closing_ends_the_requests_under_way(box: sandbox.Box, erp: Connect, kind: str) -> None:
    """A held or cancelled run must not go on spending the budget."""
    box.faults.add("hang", skip=2, count=None)

    async def scenario() -> None:
        async with erp() as client:
            pages = products(kind)(client, Ask())
            await anext(pages)
            await anext(pages)
            await pages.aclose()
            assert not [task for task in asyncio.all_tasks() if "_fetch" in str(task.get_coro())]

    asyncio.run(scenario())


@pytest.mark.parametrize("paging", [PageNumber(page_size=10), Offset(page_size=10), Range(page_size=10)])
def test_no_more_pages_are_held_than_may_be_in_flight(box: sandbox.Box, erp: Connect, paging: Paging) -> None:
    """A million items must fit into the memory of ten thousand."""
    pages = RestPages(path="/erp/products", items="data", paging=paging, total="total")

    async def scenario() -> None:
        async with erp(max_in_flight=3) as client:
            taken = 0
            async for _page in pages(client, Ask()):
                taken += 1
                for _ in range(50):
                    await asyncio.sleep(0.0005)
                assert box.requests.count() <= taken + 3
            assert taken == box.requests.count()

    asyncio.run(scenario())


def test_a_checkpoint_of_another_kind_of_paging_asks_for_a_full_pass(erp: Connect) -> None:
    """The declaration was changed while a pass was interrupted; its place means nothing now."""
    with pytest.raises(CursorExpiredError):
        asyncio.run(read(products("offset"), erp(), Ask(resume={"mark": "abc"})))
