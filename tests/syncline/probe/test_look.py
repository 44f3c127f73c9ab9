import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from aiohttp import web

import sandbox
from syncline.errors import RefusedError, RejectedError, UnavailableError
from syncline.model.page import Ask
from syncline.probe.guess import Guess
from syncline.probe.look import probe
from syncline.upstreams.client import UpstreamClient
from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, OnePage, PageNumber, Paging, Range

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Answer = Callable[[web.Request], web.Response]
ROWS = [{"id": f"k{n:03}", "title": f"Title {n}", "rank": n} for n in range(45)]


def number(request: web.Request, name: str, default: int) -> int:
    return int(request.query.get(name, default))


def github(request: web.Request) -> web.Response:
    page, size = number(request, "page", 1), number(request, "per_page", 10)
    more = page * size < len(ROWS)
    link = {"Link": f'<{request.url.update_query(page=page + 1)}>; rel="next"'} if more else {}
    return web.json_response(ROWS[(page - 1) * size : page * size], headers=link)


def github_with_total(request: web.Request) -> web.Response:
    answer = github(request)
    answer.headers["X-Total-Count"] = str(len(ROWS))
    return answer


def odata(request: web.Request) -> web.Response:
    skip, top = number(request, "$skiptoken", 0), number(request, "$top", len(ROWS))
    rows = ROWS[skip : min(skip + 10, top)]
    body: dict[str, object] = {"@odata.context": "$metadata#things", "value": rows}
    if skip + 10 < min(len(ROWS), top):
        body["@odata.nextLink"] = str(request.url.update_query({"$skiptoken": skip + 10}))
    return web.json_response(body)


def stripe(request: web.Request) -> web.Response:
    if request.query.keys() - {"starting_after", "limit"}:
        return web.json_response({"error": "unknown parameter"}, status=400)
    keys = [row["id"] for row in ROWS]
    after = request.query.get("starting_after")
    start = 0 if after is None else keys.index(after) + 1
    stop = start + number(request, "limit", 10)
    return web.json_response({"object": "list", "data": ROWS[start:stop], "has_more": stop < len(ROWS)})


def cursors(request: web.Request) -> web.Response:
    start, size = number(request, "pageToken", 0), number(request, "maxResults", 10)
    body: dict[str, object] = {"kind": "things", "items": ROWS[start : start + size]}
    if start + size < len(ROWS):
        body["nextPageToken"] = str(start + size)
    return web.json_response(body)


def nested_cursors(request: web.Request) -> web.Response:
    start = number(request, "cursor", 0)
    after = str(start + 10) if start + 10 < len(ROWS) else None
    meta = {"paging": {"next_cursor": after, "limit": 10}}
    return web.json_response({"result": {"items": ROWS[start : start + 10]}, "meta": meta})


def django(request: web.Request) -> web.Response:
    page = number(request, "page", 1)
    if (page - 1) * 10 >= len(ROWS):
        return web.json_response({"detail": "Invalid page."}, status=404)
    after = str(request.url.update_query(page=page + 1)) if page * 10 < len(ROWS) else None
    rows = ROWS[(page - 1) * 10 : page * 10]
    return web.json_response({"count": len(ROWS), "next": after, "previous": None, "results": rows})


def spring(request: web.Request) -> web.Response:
    page, size = number(request, "page", 0), number(request, "size", 10)
    body = {"content": ROWS[page * size : (page + 1) * size], "totalElements": len(ROWS), "number": page, "size": size}
    return web.json_response(body)


def offsets(request: web.Request) -> web.Response:
    offset, limit = number(request, "offset", 0), number(request, "limit", 10)
    page = {"offset": offset, "limit": limit, "total": len(ROWS)}
    return web.json_response({"result": {"items": ROWS[offset : offset + limit], "pagination": page}})


def ranges(request: web.Request) -> web.Response:
    first, last = 0, len(ROWS) - 1
    if "Range" in request.headers:
        first, last = map(int, request.headers["Range"].removeprefix("items=").split("-"))
        if first >= len(ROWS):
            return web.json_response({"error": "past the end"}, status=416)
    rows = ROWS[first : min(last, first + 19) + 1]
    told = {"Content-Range": f"{first}-{first + len(rows) - 1}/{len(ROWS)}", "Range-Unit": "items"}
    return web.json_response(rows, status=206, headers=told)


def whole(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "data": {"pools": ROWS, "tags": ["a", "b"]}})


def filters(request: web.Request) -> web.Response:
    """As json-server: a parameter that is no field of any row leaves no row."""
    wanted = request.query.items()
    return web.json_response([row for row in ROWS if all(str(row.get(k)) == v for k, v in wanted)])


KINDS: dict[str, tuple[Answer, str, Paging, str | None]] = {
    "github": (github, "", Link(size="per_page"), None),
    "github with total": (
        github_with_total,
        "",
        PageNumber(page="page", size="per_page"),
        "X-Total-Count",
    ),
    "odata": (odata, "value", Link(next_at="@odata.nextLink", page_size=10), None),
    "stripe": (stripe, "data", Keyset(param="starting_after", key="id", more="has_more"), None),
    "google": (cursors, "items", Cursor(param="pageToken", cursor_at="nextPageToken", size="maxResults"), None),
    "nested cursor": (
        nested_cursors,
        "result.items",
        Cursor(param="cursor", cursor_at="meta.paging.next_cursor", page_size=10),
        None,
    ),
    "django": (django, "results", PageNumber(page="page", size=None, page_size=10), "count"),
    "spring": (spring, "content", PageNumber(page="page", size="size", first=0), "totalElements"),
    "offset": (offsets, "result.items", Offset(), "result.pagination.total"),
    "range": (ranges, "", Range(), None),
    "whole": (whole, "data.pools", OnePage(), None),
    "filters": (filters, "", OnePage(), None),
}


async def look(answer: Answer, serve: Serve, connect: Connect) -> tuple[Guess, list[object], int]:
    async def handler(request: web.Request) -> web.StreamResponse:
        return answer(request)

    async with serve(things=handler) as url, connect(url) as client:
        guess = await probe(client, "things")
        asked = client.requests
        pages = [page async for page in guess.pages(client, Ask())]
    return guess, [msgspec.json.decode(row) for page in pages for row in page.rows], asked


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_of_paging_is_found_and_reads_everything(kind: str, serve: Serve, connect: Connect) -> None:
    """A source written from a wrong guess silently keeps a part of the list."""
    answer, items, paging, total = KINDS[kind]
    guess, rows, asked = asyncio.run(look(answer, serve, connect))
    assert guess.paging == paging
    assert (guess.items, guess.total, guess.key) == (items, total, "id")
    assert rows == ROWS
    assert asked <= 34


def test_what_was_found_is_said_in_sentences(serve: Serve, connect: Connect) -> None:
    """Who is told what was guessed can mend what was guessed wrong."""
    guess, _, _ = asyncio.run(look(offsets, serve, connect))
    assert guess.said == (
        "45 of 45 items at `result.items`; the total stands at `result.pagination.total`",
        "key `id` (str)",
        "pages by offset, with `offset` and `limit`",
        "tried out: read to its end in 3 pages",
        "no field says when an item changed: every pass reads everything",
        "3 columns",
    )


def test_the_sandbox_is_understood(box: sandbox.Box, erp: Connect) -> None:
    """The demo's own API is the first that a newcomer points it at."""

    async def scenario() -> Guess:
        async with erp() as client:
            return await probe(client, "/erp/products?per_page=50&sort=id")

    guess = asyncio.run(scenario())
    assert guess.paging == PageNumber(page="page", size="per_page", page_size=100)
    assert dict(guess.params) == {"sort": "id"}
    assert (guess.updated_field, guess.updated_since, guess.total) == ("updated_at", "updated_since", "total")
    assert guess.seen > 100


@pytest.mark.parametrize("after", [None, ""])
def test_a_list_that_fits_one_page_today_is_ready_to_grow(serve: Serve, connect: Connect, after: str | None) -> None:
    """A `next` that is empty today will not stay so, and what lies behind it must not be lost."""

    def short(request: web.Request) -> web.Response:
        return web.json_response({"data": ROWS[:3], "links": {"next": after}})

    guess, rows, _ = asyncio.run(look(short, serve, connect))
    assert guess.paging == Link(next_at="links.next")
    assert rows == ROWS[:3]


def test_a_limit_met_while_guessing_ends_the_guessing(serve: Serve, connect: Connect) -> None:
    """Half a guess is worth more than an error, and a server that says stop is not asked further."""
    asked = 0

    def limited(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response(ROWS if asked != 3 else {}, status=200 if asked != 3 else 429)

    async def scenario() -> tuple[Guess, int]:
        async def handler(request: web.Request) -> web.StreamResponse:
            return limited(request)

        async with serve(things=handler) as url, connect(url) as client:
            return await probe(client, "things"), client.requests

    guess, requests = asyncio.run(scenario())
    assert (guess.paging, guess.key, requests) == (OnePage(), "id", 3)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (web.json_response({"user": {"name": "ann"}}), RejectedError, "no list of objects; it has user"),
        (web.json_response({"data": []}), RejectedError, "empty list"),
        (web.json_response({"error": "quota spent", "data": []}), RejectedError, "with an error: quota spent"),
        (web.json_response(["a", "b"]), RejectedError, "answers no list of objects$"),
        (web.json_response({"data": {"a": {"n": 1}, "b": {"n": 2}}}), RejectedError, "items by key, at data"),
        (web.Response(text="hello"), UnavailableError, "no JSON"),
        (web.json_response({}, status=401), RefusedError, "refused us"),
    ],
)
def test_an_answer_that_tells_nothing_is_said_to(
    serve: Serve, connect: Connect, answer: web.Response, kind: type[Exception], said: str
) -> None:
    """One clear line beats a source that cannot run."""
    with pytest.raises(kind, match=said):
        asyncio.run(look(lambda _request: answer, serve, connect))
