"""Shapes of answers that a look must understand: each is a real server's, cut down to what tells it from the others."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from aiohttp import web

from syncline.model.page import Ask
from syncline.probe.guess import Guess
from syncline.probe.look import probe
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Link, Offset, OnePage, PageNumber, Paging

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Answer = Callable[[web.Request], web.Response]
ROWS: list[dict[str, object]] = [{"id": n, "name": f"n{n}"} for n in range(45)]


def number(request: web.Request, name: str, default: int) -> int:
    return int(request.query.get(name, default))


def kinto(request: web.Request) -> web.Response:
    """The next page in a header of its own, no total, at most 10 a page."""
    start, size = number(request, "_token", 0), min(10, number(request, "_limit", 10))
    more = start + size < len(ROWS)
    after = request.url.update_query({"_limit": size, "_token": start + size})
    return web.json_response({"data": ROWS[start : start + size]}, headers={"Next-Page": str(after)} if more else {})


def datasette(request: web.Request) -> web.Response:
    """Rows as lists of values, facets that are longer than nothing, the next page in the body."""
    start, size = number(request, "_next", 0), number(request, "_size", 10)
    body: dict[str, object] = {
        "rows": [list(row.values()) for row in ROWS[start : start + size]],
        "columns": ["id", "name"],
        "primary_keys": ["id"],
        "suggested_facets": [{"name": f"f{n}", "toggle_url": "/x"} for n in range(60)],
        "filtered_table_rows_count": len(ROWS),
        "next_url": None,
    }
    if start + size < len(ROWS):
        body["next_url"] = str(request.url.update_query(_next=start + size))
    return web.json_response(body)


def ogc(request: web.Request) -> web.Response:
    """A list of links that is longer than a small page of features."""
    start, size = number(request, "offset", 0), min(20, number(request, "limit", 10))
    links = [{"rel": rel, "href": f"/{rel}", "type": "text/html"} for rel in ("self", "alternate", "collection", "up")]
    if start + size < len(ROWS):
        links.insert(1, {"rel": "next", "href": f"/things?offset={start + size}"})
    body = {"links": links, "features": ROWS[start : start + size], "numberMatched": len(ROWS), "numberReturned": size}
    return web.json_response(body)


def json_server_1(request: web.Request) -> web.Response:
    """Pages only if it is asked to; numbers of pages in the body; the last page again behind the end."""
    if "_page" not in request.query:
        return web.json_response([row for row in ROWS if all(str(row.get(k)) == v for k, v in request.query.items())])
    size = number(request, "_per_page", 10)
    pages = -(-len(ROWS) // size)
    page = min(pages, number(request, "_page", 1))
    told = {"first": 1, "prev": page - 1 or None, "next": page + 1 if page < pages else None, "last": pages}
    body = {**told, "pages": pages, "items": len(ROWS), "data": ROWS[(page - 1) * size : page * size]}
    return web.json_response(body)


def django_offset(request: web.Request) -> web.Response:
    """Links that hide an offset, beside a count."""
    start, size = number(request, "offset", 0), number(request, "limit", 10)
    more = start + size < len(ROWS)
    after = str(request.url.update_query(limit=size, offset=start + size)) if more else None
    return web.json_response({"count": len(ROWS), "next": after, "results": ROWS[start : start + size]})


def word_press(request: web.Request) -> web.Response:
    """The total in a header of its own, 400 behind the last page and above 100 a page."""
    page, size = number(request, "page", 1), number(request, "per_page", 10)
    if size > 100 or (page - 1) * size >= len(ROWS):
        return web.json_response({"code": "rest_post_invalid_page_number"}, status=400)
    return web.json_response(ROWS[(page - 1) * size : page * size], headers={"X-WP-Total": str(len(ROWS))})


def small_pages_only(request: web.Request) -> web.Response:
    """An API that refuses a page size above its own 15."""
    page, size = number(request, "page", 1), number(request, "limit", 10)
    if size > 15:
        return web.json_response({"error": "limit must be at most 15"}, status=422)
    return web.json_response({"total": len(ROWS), "data": ROWS[(page - 1) * size : page * size]})


def side_lists(request: web.Request) -> web.Response:
    """Categories that are more than the items, before them."""
    return web.json_response({"included": [{"id": n} for n in range(60)], "things": ROWS, "total": len(ROWS)})


KINDS: dict[str, tuple[Answer, str, str, Paging, str | None]] = {
    "kinto": (kinto, "", "data", Link(header="Next-Page", size="_limit"), None),
    "datasette": (
        datasette,
        "",
        "rows",
        Link(next_at="next_url", size="_size"),
        "filtered_table_rows_count",
    ),
    "ogc": (ogc, "", "features", Offset(), "numberMatched"),
    "json-server 1": (
        json_server_1,
        "?_page=1",
        "data",
        PageNumber(page="_page", size="_per_page", more="next"),
        "items",
    ),
    "json-server 1, further on": (
        json_server_1,
        "?_page=3&_per_page=5",
        "data",
        PageNumber(page="_page", size="_per_page", more="next"),
        "items",
    ),
    "json-server 1, unasked": (json_server_1, "", "", OnePage(), None),
    "django offset": (django_offset, "", "results", Offset(), "count"),
    "wordpress": (word_press, "", "", PageNumber(), "X-WP-Total"),
    "small pages": (small_pages_only, "", "data", PageNumber(size="limit", page_size=10), "total"),
    "side lists": (side_lists, "", "things", OnePage(), "total"),
}


def look(answer: Answer, query: str, serve: Serve, connect: Connect) -> tuple[Guess, list[object]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        return answer(request)

    async def scenario() -> tuple[Guess, list[object]]:
        async with serve(things=handler) as url, connect(url) as client:
            guess = await probe(client, f"things{query}")
            assert client.requests <= 34
            rows = [msgspec.json.decode(row) async for page in guess.pages(client, Ask()) for row in page.rows]
            return guess, rows

    return asyncio.run(scenario())


@pytest.mark.parametrize("kind", KINDS)
def test_the_shape_is_understood_and_everything_is_read(kind: str, serve: Serve, connect: Connect) -> None:
    """The list, its way of paging and its total; a wrong one silently keeps a part of the items."""
    answer, query, items, paging, total = KINDS[kind]
    guess, rows = look(answer, query, serve, connect)
    assert (guess.paging, guess.items, guess.total, guess.key) == (paging, items, total, "id")
    assert rows == ROWS
    assert guess.seen == len(ROWS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "unasked" not in kind])
def test_what_is_proved_is_not_doubted(kind: str, serve: Serve, connect: Connect) -> None:
    """Warnings that are always there are not read."""
    answer, query, *_ = KINDS[kind]
    guess, _ = look(answer, query, serve, connect)
    assert (guess.doubts, guess.is_whole) == ((), True)


def test_parameters_that_are_no_paging_are_kept_all_of_them(serve: Serve, connect: Connect) -> None:
    """`?status=open&status=closed` narrowed to one of them would delete the other's rows; so would a lost filter."""
    asked: list[list[tuple[str, str]]] = []

    def answer(request: web.Request) -> web.Response:
        asked.append([pair for pair in request.query.items() if pair[0] in {"status", "size", "after"}])
        page = number(request, "page", 1)
        return web.json_response({"data": ROWS[(page - 1) * 10 : page * 10], "page": page, "total": len(ROWS)})

    wanted = [("status", "open"), ("status", "closed"), ("size", "XL"), ("after", "2026-01-01")]
    query = "?" + "&".join(f"{name}={value}" for name, value in wanted)
    guess, rows = look(answer, f"{query}&page=2", serve, connect)
    assert guess.params == tuple(wanted)
    assert rows == ROWS
    assert {tuple(sorted(one)) for one in asked} >= {tuple(sorted(wanted))}
    assert all(("status", "open") in one and ("status", "closed") in one for one in asked)
