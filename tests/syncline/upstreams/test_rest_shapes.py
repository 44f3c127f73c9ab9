"""Shapes of answers that real servers have, beside a list of objects with the next page in the body."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from aiohttp import web

from syncline.errors import UnavailableError
from syncline.model.page import Ask
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.envelope import Envelope, NoListError
from syncline.upstreams.paging import Link, PageNumber
from syncline.upstreams.rest import RestPages

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Answer = Callable[[web.Request], web.Response]
ROWS = [{"id": n} for n in range(25)]


def read(answer: Answer, pages: RestPages, serve: Serve, connect: Connect) -> list[object]:
    async def handler(request: web.Request) -> web.StreamResponse:
        return answer(request)

    async def scenario() -> list[object]:
        async with serve(items=handler) as url, connect(url) as client:
            return [msgspec.json.decode(row) async for page in pages(client, Ask()) for row in page.rows]

    return asyncio.run(scenario())


def start_of(request: web.Request) -> int:
    return int(request.query.get("from", "0"))


@pytest.mark.parametrize("params", [[("status", "open"), ("status", "closed"), ("sort", "id")], {"sort": "id"}])
def test_a_repeated_parameter_is_sent_as_often_as_it_is_declared(
    serve: Serve, connect: Connect, params: dict[str, str] | list[tuple[str, str]]
) -> None:
    """`?status=open&status=closed` asks for both; with one of them left out half of the rows would be deleted."""
    asked: list[list[tuple[str, str]]] = []

    def answer(request: web.Request) -> web.Response:
        asked.append(sorted(request.query.items()))
        page = int(request.query["page"])
        return web.json_response({"items": ROWS[(page - 1) * 10 : page * 10], "total": len(ROWS)})

    paging = PageNumber(page_size=10)
    pages = RestPages(path="items?lang=en", items="items", paging=paging, total="total", params=params)
    assert read(answer, pages, serve, connect) == ROWS
    own = params.items() if isinstance(params, dict) else params
    assert asked[0] == sorted([*own, ("lang", "en"), ("page", "1"), ("per_page", "10")])
    assert {len(one) for one in asked} == {len(asked[0])}


@pytest.mark.parametrize("relative", [False, True])
def test_the_next_page_may_stand_in_a_header_of_its_own(serve: Serve, connect: Connect, *, relative: bool) -> None:
    """Kinto gives the URL in `Next-Page`; who only reads `Link` stops after the first page."""

    def answer(request: web.Request) -> web.Response:
        start = start_of(request)
        follows = request.rel_url if relative else request.url
        headers = {"Next-Page": str(follows.update_query({"from": start + 10}))} if start + 10 < len(ROWS) else {}
        return web.json_response({"data": ROWS[start : start + 10]}, headers=headers)

    pages = RestPages(path="items", items="data", paging=Link(header="Next-Page"))
    assert read(answer, pages, serve, connect) == ROWS


def test_the_next_page_may_stand_in_a_list_of_links(serve: Serve, connect: Connect) -> None:
    """OGC APIs (pygeoapi) and FHIR list their links, each with its relation, in any order."""

    def answer(request: web.Request) -> web.Response:
        start = start_of(request)
        links = [{"rel": "self", "href": str(request.url)}, {"rel": "license"}, "odd"]
        if start + 10 < len(ROWS):
            links.append({"rel": "next", "href": str(request.url.update_query({"from": start + 10}))})
        return web.json_response({"links": links, "features": ROWS[start : start + 10]})

    pages = RestPages(path="items", items="features", paging=Link(next_at="links[rel=next].href"))
    assert read(answer, pages, serve, connect) == ROWS


def test_items_may_be_lists_of_values_beside_the_names_of_their_columns(serve: Serve, connect: Connect) -> None:
    """Datasette answers so by default; the values stay digit for digit as they were sent."""
    body = b'{"columns": ["id", "wei"], "rows": [[1, 1000000000000000000000000000000], [2, 1.10]]}'
    got = Envelope(items="rows", columns="columns").open(body)
    assert got.rows == [b'{"id":1,"wei":1000000000000000000000000000000}', b'{"id":2,"wei":1.10}']

    def answer(request: web.Request) -> web.Response:
        return web.json_response({"fields": [{"name": "id"}], "rows": [[row["id"]] for row in ROWS]})

    assert read(answer, RestPages(path="items", items="rows", columns="fields"), serve, connect) == ROWS


def test_a_row_that_the_columns_do_not_fit_is_left_for_the_rejects() -> None:
    """One bad row of a page must not stop the others, nor shift its values into wrong columns."""
    body = b'{"columns": ["id", "name"], "rows": [[1, "a"], [2], {"id": 3}]}'
    assert Envelope(items="rows", columns="columns").open(body).rows == [b'{"id":1,"name":"a"}', b"[2]", b'{"id": 3}']


@pytest.mark.parametrize("columns", ["null", "[]", "[1]", '"id"'])
def test_rows_without_names_are_refused(serve: Serve, connect: Connect, columns: str) -> None:
    """A page of which nothing can be read is no empty page."""
    body = f'{{"columns": {columns}, "rows": [[1]]}}'.encode()
    with pytest.raises(NoListError, match="no list of column names at 'columns'"):
        Envelope(items="rows", columns="columns").open(body)

    def answer(_request: web.Request) -> web.Response:
        return web.json_response({"rows": [[1]]})

    with pytest.raises(UnavailableError, match="change `columns`"):
        read(answer, RestPages(path="items", items="rows", columns="columns"), serve, connect)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("link[relation=next].url", "u"),
        ("meta.link[relation=next].url", "v"),
        ("link[relation=self].url", None),
        ("link[relation=next].none", None),
        ("link.url", None),
        ("odd\\[a=b]", 7),
    ],
)
def test_a_path_picks_an_object_of_a_list_by_one_of_its_values(path: str, value: object) -> None:
    """A key that only looks like that is written with a backslash."""
    links = b'[{"relation": "first", "url": "x"}, {"relation": "next", "url": "%s"}]'
    body = b'{"data": [], "link": %s, "meta": {"link": %s}, "odd[a=b]": 7}' % (links % b"u", links % b"v")
    assert Envelope(items="data", others=(path,)).open(body).values.get(path) == value
