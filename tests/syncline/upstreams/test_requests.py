"""Each method that a connector may send, against a server on the loopback that notes what arrives."""

import asyncio
import gzip
import json
from collections.abc import Callable

import pytest
from aiohttp import web
from support.exchange import CHANGING, METHODS, Arrived, Exchange, fine

from syncline.errors import (
    CursorExpiredError,
    RateLimitedError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UpstreamError,
)
from syncline.model.page import Request
from syncline.model.upstream import Auth
from syncline.upstreams.client import Received, UpstreamClient

Connect = Callable[..., UpstreamClient]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_arrives_with_its_body_and_headers(exchange: Exchange, arrived: Arrived, method: str) -> None:
    """JSON-RPC posts, CalDAV sends XML with PROPFIND and REPORT, calendars are written with PUT and PATCH."""
    body = None if method in {"GET", "HEAD", "OPTIONS"} else b"<sync-token/>"
    headers = {"Depth": "1", "Content-Type": "application/xml", "If-Match": '"7"'}
    (answer,) = exchange(fine, Request(method=method, path="data", headers=headers, body=body))
    assert isinstance(answer, Received)
    assert (arrived.lines, arrived.bodies) == ([f"{method} /data"], [body or b""])
    assert {name: arrived.headers[0].get(name.lower()) for name in headers} == headers
    assert "transfer-encoding" not in arrived.headers[0]
    assert arrived.headers[0].get("content-length", "0") == str(len(body or b""))


def test_parameters_may_be_repeated(exchange: Exchange, arrived: Arrived) -> None:
    """`?status=open&status=closed` is how many APIs take several values."""
    pairs = [("status", "open"), ("status", "closed")]
    exchange(fine, Request(path="data?page=2", params=pairs), Request(path="data?page=2", params={"size": "9"}))
    assert arrived.lines == ["GET /data?page=2&status=open&status=closed", "GET /data?page=2&size=9"]


@pytest.mark.parametrize("status", [304, 401, 403, 404, 410, 412, 418, 500, 507])
def test_an_accepted_status_is_returned_with_its_body(exchange: Exchange, status: int) -> None:
    """An expired sync token is 403, 410, 412 or 418, each on a server of its own: only the connector can tell."""

    def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=status, body=None if status == 304 else b"<valid-sync-token/>")

    judged, raised = exchange(answer, Request(path="data", accept=frozenset({status})), Request(path="data"))
    assert isinstance(judged, Received)
    assert (judged.status_code, judged.content) == (status, b"" if status == 304 else b"<valid-sync-token/>")
    assert isinstance(raised, UpstreamError)
    assert raised.status == status


def test_an_accepted_answer_is_read_whole(exchange: Exchange) -> None:
    """Of a failure only the beginning is read; what a connector judges must not be cut."""
    long = b"[" + b"1," * 800_000 + b"1]"

    def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=412, body=gzip.compress(long), headers={"Content-Encoding": "gzip"})

    (judged,) = exchange(answer, Request(path="data", accept=frozenset({412})))
    assert isinstance(judged, Received)
    assert judged.content == long


@pytest.mark.parametrize("status", [403, 503])
def test_an_accepted_status_that_asks_to_slow_down_is_raised_all_the_same(exchange: Exchange, status: int) -> None:
    """A connector that takes Google's 403 for an expired token would answer a limit with a full pass."""

    def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=status, headers={"Retry-After": "30"})

    (raised,) = exchange(answer, Request(path="data", accept=frozenset({status})))
    assert isinstance(raised, RateLimitedError)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, RefusedError), (410, CursorExpiredError), (422, RejectedError), (502, UnavailableError)]
)
@pytest.mark.parametrize("method", CHANGING)
def test_what_changes_something_is_sent_once(
    exchange: Exchange, arrived: Arrived, method: str, status: int, kind: type[UpstreamError]
) -> None:
    """The calendar may have stored the event before its gateway failed; a second one would double it."""

    def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=status)

    (raised,) = exchange(answer, Request(method=method, path="data", body=b"{}"))
    assert isinstance(raised, kind)
    assert len(arrived.lines) == 1


@pytest.mark.parametrize("method", CHANGING)
def test_what_changes_something_is_not_sent_again_over_a_lost_connection(connect: Connect, method: str) -> None:
    """A connection that ends without an answer says nothing of what was done; aiohttp sends PUT and DELETE again."""
    came, ended = list[bytes](), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the first request, and hang up at the second on the same connection."""
        came.append((await reader.readuntil(b"\r\n\r\n")).partition(b" ")[0])
        if len(came) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
            await writer.drain()
            came.append((await reader.readuntil(b"\r\n\r\n")).partition(b" ")[0])
        writer.close()
        await writer.wait_closed()
        ended.set()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, connect(f"http://127.0.0.1:{port}") as client:
            await client.send(Request(path="data"))
            with pytest.raises(UnavailableError):
                await client.send(Request(method=method, path="data"))
            await asyncio.wait_for(ended.wait(), 60)

    asyncio.run(scenario())
    assert came == [b"GET", method.encode()]


def test_a_request_may_bear_less_or_more_than_its_upstream(exchange: Exchange) -> None:
    """A batch of JSON-RPC answers with megabytes, a discovery with a few hundred bytes."""

    def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response(["x" * 1000])

    asked = [Request(path="data"), Request(path="data", max_bytes=500), Request(path="data", max_bytes=2_000)]
    whole, cut, _ = exchange(answer, *asked)
    assert isinstance(whole, Received)
    assert isinstance(cut, UnavailableError)
    assert "more than 500 bytes" in str(cut)
    refused, borne = exchange(answer, asked[0], asked[2], max_bytes=500)
    assert isinstance(refused, UnavailableError)
    assert isinstance(borne, Received)


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", '{{"cursor": "{}"}}', '{"cursor": "hush\\"&+hush"}'),
        ("application/x-www-form-urlencoded", "cursor={}", "cursor=hush%22%26%2Bhush"),
        ("text/plain", "cursor={}", 'cursor=hush"&+hush'),
    ],
)
def test_a_body_gets_our_secrets_back_in_place_of_their_masks(
    exchange: Exchange, arrived: Arrived, content_type: str, body: str, expected: str
) -> None:
    """A cursor that repeats the token is stored with a mask, and may be sent in a body as well as in a URL."""

    def mirror(request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response({"cursor": 'hush"&+hush'})

    (first,) = exchange(mirror, Request(path="data"), auth=Auth.BEARER, token='hush"&+hush')
    assert isinstance(first, Received)
    cursor = json.loads(first.content)["cursor"]
    assert "hush" not in cursor
    request = Request(
        method="POST", path="data", body=body.format(cursor).encode(), headers={"Content-Type": content_type}
    )
    exchange(mirror, request, auth=Auth.BEARER, token='hush"&+hush')
    assert arrived.bodies[-1].decode() == expected
    assert arrived.headers[-1]["content-length"] == str(len(expected))


def test_what_a_post_is_refused_with_repeats_no_secret(exchange: Exchange) -> None:
    """Errors are stored and shown; servers quote the request in them."""

    def quote(request: web.Request) -> web.StreamResponse:
        return web.Response(status=422, text=f"bad: {request.headers['Authorization']}")

    (raised,) = exchange(quote, Request(method="POST", path="data", body=b"{}"), auth=Auth.BEARER, token="hush-hush")
    assert isinstance(raised, RejectedError)
    assert "bad" in str(raised)
    assert "hush" not in str(raised)


@pytest.mark.parametrize("wrong", [{"method": "get"}, {"method": "GET /"}, {"cost": 0}, {"max_bytes": 0}], ids=str)
def test_a_request_that_cannot_be_sent_is_refused_where_it_is_made(wrong: dict[str, object]) -> None:
    """`get` would arrive as an unknown method, and a cost of nothing would be paid from no budget."""
    with pytest.raises(ValueError, match=r"method|cost"):
        Request(path="data", **wrong)  # pyright: ignore[reportArgumentType] - the wrong types are wanted
