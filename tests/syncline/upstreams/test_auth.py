import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from aiohttp import web

import sandbox
from syncline.errors import ConfigurationError, MissingSettingError, UnavailableError
from syncline.model.page import Request
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.upstreams.client import Received, UpstreamClient

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]


async def fetch(client: UpstreamClient, path: str) -> Received:
    async with client:
        return await client.send(Request(path=path))


@pytest.mark.parametrize(
    ("auth", "given", "header"),
    [
        (Auth.BEARER, {"token": "hush"}, "authorization: Bearer hush"),
        (Auth.BASIC, {"username": "ann", "password": "hush"}, "authorization: Basic YW5uOmh1c2g="),
        (Auth.HEADER, {"token": "hush"}, "x-api-key: hush"),
    ],
)
def test_each_kind_of_header_authentication_is_sent(
    serve: Serve, connect: Connect, auth: Auth, given: dict[str, str], header: str
) -> None:
    """An upstream knows one way to say who we are, and it is not ours to choose."""
    name, came = header.partition(":")[0], list[str]()

    async def note(request: web.Request) -> web.Response:
        came.append(f"{name}: {request.headers.get(name)}")
        return web.json_response([])

    async def scenario() -> None:
        async with serve(data=note) as url:
            await fetch(connect(url, auth=auth, **given), "data")

    asyncio.run(scenario())
    assert came == [header]


def test_a_token_in_the_query_is_sent_and_never_comes_back(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Servers repeat the query in next links, which are stored; httpx logs URLs."""
    token = "hush/hush+1"

    async def mirror(request: web.Request) -> web.Response:
        assert request.query["key"] == token
        body = {"next": str(request.url), "page": request.query.get("page")}
        return web.json_response(body, headers={"Link": f'<{request.url}>; rel="next"'})

    async def scenario() -> list[Received]:
        async with serve(data=mirror) as url, connect(url, auth=Auth.QUERY, auth_name="key", token=token) as client:
            first = await client.send(Request(path="data", params={"page": "1"}))
            link = first.headers["link"].partition(">")[0][1:]
            return [first, await client.send(Request(path=link))]

    with caplog.at_level("DEBUG"):
        answers = asyncio.run(scenario())
    assert all(b'"page": "1"' in answer.content for answer in answers)
    assert all("hush" not in f"{answer}" for answer in answers)
    assert "hush" not in caplog.text


def test_a_missing_credential_is_named(connect: Connect) -> None:
    """Its reader must know which variable to set."""
    for auth, given, setting in (
        (Auth.BEARER, {}, "SYNCLINE_UPSTREAMS__ERP__TOKEN"),
        (Auth.BASIC, {"username": "ann"}, "SYNCLINE_UPSTREAMS__ERP__PASSWORD"),
        (Auth.BASIC, {"password": "hush"}, "SYNCLINE_UPSTREAMS__ERP__USERNAME"),
    ):
        with pytest.raises(MissingSettingError, match=setting) as caught:
            connect("http://127.0.0.1:1", auth=auth, **given)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://ann:hush@erp.example", "http://", "http://[::1"])
def test_a_base_url_that_cannot_be_used_is_refused_at_once(connect: Connect, url: str) -> None:
    """A traceback from deep inside the first sync does not say what to change."""
    with pytest.raises(ConfigurationError, match="SYNCLINE_UPSTREAMS__ERP__BASE_URL") as caught:
        connect(url)
    assert "hush" not in str(caught.value)


def test_a_failure_of_the_transport_shows_no_secret_in_its_traceback(serve: Serve, connect: Connect) -> None:
    """Prefect logs tracebacks with every cause."""

    def fail(request: httpx.Request) -> httpx.Response:
        message = f"lost {request.url} with {request.headers}"
        raise httpx.ReadError(message, request=request)

    upstream = Upstream(name="erp", auth=Auth.QUERY, auth_name="key")
    settings = Settings(upstreams={"erp": UpstreamSettings.model_validate({"base_url": "http://h", "token": "hush"})})
    client = UpstreamClient(upstream, settings, transport=httpx.MockTransport(fail))
    with pytest.raises(UnavailableError) as caught:
        asyncio.run(fetch(client, "data"))
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_sandbox_knows_us_by_the_token_alone(box: sandbox.Box, erp: Connect) -> None:
    """The request on record carries no credential in its URL."""
    asyncio.run(fetch(erp(), "/erp/products"))
    (entry,) = box.requests.entries()
    assert (entry.status, entry.query) == (200, "")
