import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from aiohttp import web

from syncline.errors import RejectedError, UnavailableError
from syncline.model.page import Request
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.upstreams.client import Received, UpstreamClient

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]


async def fetch(client: UpstreamClient, path: str, *, params: dict[str, str] | None = None) -> Received:
    async with client:
        return await client.send(Request(path=path, params=params or {}))


def test_an_answer_comes_whole_with_its_headers(erp: Connect) -> None:
    """Connectors read data, Link and Date from it."""
    answer = asyncio.run(fetch(erp(), "/erp/products", params={"per_page": "3"}))
    assert answer.status_code == 200
    assert answer.content.startswith(b'{"data":[')
    assert answer.headers.get("DATE")
    assert 'rel="next"' in answer.headers["link"]


def test_a_compressed_answer_is_unpacked(serve: Serve, connect: Connect) -> None:
    """Most APIs compress, and the aiohttp transport passes bodies on as they came."""

    async def packed(request: web.Request) -> web.Response:
        answer = web.json_response({"data": ["x" * 1000] * 100})
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async def scenario() -> Received:
        async with serve(data=packed) as url:
            return await fetch(connect(url), "data")

    answer = asyncio.run(scenario())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.content) > 100_000


def test_a_request_has_no_body(serve: Serve, connect: Connect) -> None:
    """Servers refuse a GET that comes with a content type, or wait for the body that it announces."""

    async def mirror(request: web.Request) -> web.Response:
        return web.json_response([name for name in ("Content-Type", "Transfer-Encoding") if name in request.headers])

    async def scenario() -> Received:
        async with serve(data=mirror) as url:
            return await fetch(connect(url), "data")

    assert asyncio.run(scenario()).content == b"[]"


def test_no_more_requests_are_under_way_than_allowed(serve: Serve, connect: Connect) -> None:
    """An upstream that bears 3 connections bans who opens 20."""
    under_way, most = 0, 0
    full = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        under_way -= 1
        return web.json_response([])

    async def scenario() -> int:
        async with serve(data=slow) as url, connect(url, max_in_flight=3) as client:
            await asyncio.gather(*(client.send(Request(path="data")) for _ in range(20)))
            return client.requests

    assert asyncio.run(scenario()) == 20
    assert most == 3


def test_a_redirect_on_the_same_host_is_followed(serve: Serve, connect: Connect) -> None:
    """APIs add slashes and versions that way."""

    async def old(request: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently("/new?page=2")

    async def new(request: web.Request) -> web.Response:
        return web.json_response([request.query["page"], request.headers["Authorization"] == "Bearer hush-hush"])

    async def scenario() -> Received:
        async with serve(old=old, new=new) as url:
            return await fetch(connect(url, auth=Auth.BEARER, token="hush-hush"), "old")

    answer = asyncio.run(scenario())
    assert answer.content == b'["2", true]'
    assert answer.url.endswith("/new?page=2")


def test_credentials_never_follow_a_redirect_elsewhere(serve: Serve, connect: Connect) -> None:
    """An attacker who can make the upstream redirect would otherwise get our token."""
    asked_elsewhere: list[str] = []

    async def trap(request: web.Request) -> web.Response:
        asked_elsewhere.append(request.path)
        return web.json_response([])

    async def scenario() -> None:
        async with serve(trap=trap) as other:

            async def away(request: web.Request) -> web.Response:
                raise web.HTTPFound(f"{other}/trap")

            async with serve(data=away) as url:
                with pytest.raises(RejectedError, match="another host") as caught:
                    await fetch(connect(url, auth=Auth.BEARER, token="hush-hush"), "data")
                assert "hush-hush" not in str(caught.value)
                with pytest.raises(RejectedError, match="another host"):
                    await fetch(connect(url), f"{other}/trap")

    asyncio.run(scenario())
    assert asked_elsewhere == []


def test_a_circle_of_redirects_ends(serve: Serve, connect: Connect) -> None:
    """A login that redirects to itself must not hold the run."""

    async def again(request: web.Request) -> web.Response:
        raise web.HTTPFound("/data")

    async def scenario() -> None:
        async with serve(data=again) as url, connect(url) as client:
            with pytest.raises(RejectedError, match="circles"):
                await client.send(Request(path="data"))
            assert client.requests == 6

    asyncio.run(scenario())


def test_a_link_that_lost_its_tls_is_asked_with_tls() -> None:
    """Servers behind a TLS proxy write http:// into their next links; the token must not go out in clear."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json=[])

    settings = Settings(upstreams={"erp": UpstreamSettings(base_url="https://erp.example/api")})
    client = UpstreamClient(Upstream(name="erp"), settings, transport=httpx.MockTransport(answer))
    asyncio.run(fetch(client, "http://erp.example/api/items?page=2"))
    assert seen == ["https://erp.example/api/items?page=2"]


def test_nobody_at_the_address_is_unavailable(connect: Connect, gone_port: int) -> None:
    """An upstream that restarts is asked again later."""
    with pytest.raises(UnavailableError, match="could not be read"):
        asyncio.run(fetch(connect(f"http://127.0.0.1:{gone_port}"), "data"))


def test_an_answer_that_is_no_http_is_unavailable(connect: Connect) -> None:
    """Something else may listen on the port; httpx-aiohttp lets that error through unmapped."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 smtp.example ready\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()

    async def scenario() -> None:
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(UnavailableError):
                await fetch(connect(f"http://127.0.0.1:{port}"), "data")
            await asyncio.wait_for(ended.wait(), 60)

    asyncio.run(scenario())


@pytest.mark.parametrize("location", ["/data/", "/data/?page=2", "/elsewhere"])
def test_a_redirect_to_the_same_path_keeps_the_query(serve: Serve, connect: Connect, location: str) -> None:
    """A server that only adds a slash, and forgets `page=2` over it, gave page 1 for ever."""

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": location})

    async def mirror(request: web.Request) -> web.Response:
        return web.json_response(dict(request.query))

    async def scenario() -> bytes:
        async with serve(data=redirect, **{"data/": mirror, "elsewhere": mirror}) as url:
            return (await fetch(connect(url), "data", params={"page": "2"})).content

    assert asyncio.run(scenario()) == (b"{}" if location == "/elsewhere" else b'{"page": "2"}')
