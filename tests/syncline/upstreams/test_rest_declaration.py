import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest
from aiohttp import web
from support.answering import Answering

from syncline.errors import ConfigurationError
from syncline.model.page import Ask, Json, Page
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Cursor, Keyset, Offset, PageNumber, Paging
from syncline.upstreams.rest import RestPages

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]


async def read(pages: RestPages, client: UpstreamClient, ask: Ask) -> list[Page]:
    async with client:
        return [page async for page in pages(client, ask)]


def keys(pages: list[Page]) -> list[object]:
    return [msgspec.json.decode(row)["id"] for page in pages for row in page.rows]


@pytest.mark.parametrize(
    ("since_format", "written"),
    [
        ("iso", "2026-03-01T10:30:00.000005Z"),
        ("epoch", "1772361000"),
        ("epoch_ms", "1772361000000"),
        ("%Y-%m-%d", "2026-03-01"),
        ("updated >= '{:%Y-%m-%d %H:%M:%S}'", "updated >= '2026-03-01 10:30:00'"),
    ],
)
def test_the_instant_is_written_as_the_upstream_wants(
    serve: Serve, connect: Connect, since_format: str, written: str
) -> None:
    """An instant that the server misreads gives an empty page, which looks like success."""

    async def items(request: web.Request) -> web.Response:
        return web.json_response([{"id": request.query["since"]}])

    async def scenario() -> list[Page]:
        pages = RestPages(path="items", updated_since="since", since_format=since_format)
        instant = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=datetime.strptime("+0200", "%z").tzinfo)
        async with serve(items=items) as url:
            return await read(pages, connect(url), Ask(updated_since=instant))

    assert keys(asyncio.run(scenario())) == [written]


@pytest.mark.parametrize(
    "wrong", [{"ahead": 0}, {"since_format": "{:%Y"}, {"since_format": "{x}"}, {"paging": PageNumber(page_size=0)}]
)
def test_a_declaration_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    """It is refused where it is written, not on the first sync."""
    with pytest.raises(ConfigurationError, match="RestPages"):
        replace(RestPages(path="items"), **wrong)


def last_page(query: Mapping[str, str]) -> object:
    return {"data": [{"id": 1}], "next_cursor": None, "query": dict(query)}


@pytest.mark.parametrize(
    ("paging", "resume", "asked"),
    [
        (Cursor(), {"mark": "c7", "received": 40, "is_said": True, "known": {}}, {"cursor": "c7"}),
        (Keyset(), {"mark": "7", "received": 40, "known": {"counts_in": False}}, {"after": "7", "limit": "100"}),
        (PageNumber(), {"page": 3, "size": 20, "received": 40}, {"page": "3", "per_page": "20"}),
        (
            Offset(),
            {"offset": 40, "size": 20, "received": 40},
            {"offset": "39", "limit": "20"},  # one item again, to see whether the list moved
        ),
    ],
)
def test_a_checkpoint_of_an_earlier_version_is_gone_on_from(
    paging: Paging, resume: Json, asked: dict[str, str]
) -> None:
    """A pass that was begun before an update goes on behind what it has stored, whatever the code calls its fields."""

    async def scenario() -> list[dict[str, str]]:
        server = Answering(last_page)
        async for _ in RestPages(path="items", items="data", paging=paging, ahead=1)(server, Ask(resume=resume)):
            return server.asked
        return []

    assert asyncio.run(scenario())[0] == asked
