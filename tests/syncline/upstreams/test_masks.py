"""Our credentials in an upstream's answers: hidden from whatever is stored, and sent again as they were."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote, quote_plus

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from syncline.errors import UnavailableError
from syncline.model.page import Request
from syncline.model.upstream import Auth
from syncline.upstreams.client import Received, UpstreamClient
from syncline.upstreams.masks import Masks

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]

TOKEN = "Zw/9+tok en==é"
BASIC = b64encode(f"ann:{TOKEN}".encode()).decode()


def written(token: str) -> list[str]:
    """How servers write it."""
    encoded = b64encode(token.encode()).decode()
    return [token, quote(token, safe=""), quote(token), quote_plus(token), encoded, encoded.rstrip("="), quote(encoded)]


@pytest.mark.parametrize(
    ("auth", "credentials"),
    [
        (Auth.BEARER, {"token": "Zw/9+token=="}),
        (Auth.HEADER, {"token": "Zw/9+token=="}),
        (Auth.BASIC, {"username": "ann", "password": "Zw/9+token=="}),
        (Auth.QUERY, {"auth_name": "sig", "token": "Zw/9+token=="}),
    ],
)
def test_a_link_that_repeats_our_token_is_followed_and_never_stored(
    serve: Serve, connect: Connect, auth: Auth, credentials: dict[str, str]
) -> None:
    """Without the token in it the next page would be refused; with it, it would stand in a checkpoint in the clear."""
    token, asked = "Zw/9+token==", list[str]()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query.get("access_token", ""))
        link = f"{request.url.origin()}/data?access_token={quote(token, safe='')}&after=1"
        basic = b64encode(f"ann:{token}".encode()).decode()
        body = {"next": link, "who": [token, basic], "page": request.query.get("after")}
        return web.json_response(body, headers={"Link": f'<{link}>; rel="next"', "X-Echo": token})

    async def scenario() -> list[Received]:
        async with serve(data=answer) as url, connect(url, auth=auth, **credentials) as client:
            first = await client.send(Request(path="data"))
            by_body = await client.send(Request(path=json.loads(first.content)["next"]))
            link = by_body.headers["link"].partition(">")[0][1:]
            return [first, by_body, await client.send(Request(path=link))]

    answers = asyncio.run(scenario())
    assert asked == ["", token, token]
    shown = "".join(f"{answer.content} {answer.headers} {answer.url}" for answer in answers)
    assert not any(form in shown for form in ("9+token", "9%2Btoken", "9%2btoken"))
    assert auth is not Auth.BASIC or b64encode(f"ann:{token}".encode()).decode() not in shown
    assert [json.loads(answer.content)["page"] for answer in answers] == [None, "1", "1"]


def test_a_cursor_that_is_our_token_goes_back_as_it_came(serve: Serve, connect: Connect) -> None:
    """A cursor is sent as a parameter; what is in it is the upstream's to choose."""
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query.get("cursor"))
        return web.json_response({"cursor": f"1:{TOKEN}:2"})

    async def scenario() -> bytes:
        async with serve(data=answer) as url, connect(url, auth=Auth.HEADER, token="x", password="y") as client:
            return (await client.send(Request(path="data"))).content

    asyncio.run(scenario())  # a secret of one letter hides nothing

    async def with_token() -> None:
        basic = {"auth": Auth.BASIC, "username": "ann", "password": TOKEN}
        async with serve(data=answer) as url, connect(url, **basic) as client:
            cursor = json.loads((await client.send(Request(path="data"))).content)["cursor"]
            assert TOKEN not in cursor
            await client.send(Request(path="data", params={"cursor": cursor}))

    asyncio.run(with_token())
    assert asked == [None, None, f"1:{TOKEN}:2"]


def test_a_redirect_that_repeats_our_token_shows_it_nowhere(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The HTTP library logs each URL, and relative links are resolved against the last one."""
    asked: list[str] = []

    async def old(request: web.Request) -> web.Response:
        raise web.HTTPFound("/new?access_token=hush-hush-1")

    async def new(request: web.Request) -> web.Response:
        asked.append(request.query["access_token"])
        return web.json_response([])

    async def scenario() -> Received:
        async with serve(old=old, new=new) as url, connect(url, auth=Auth.BEARER, token="hush-hush-1") as client:
            return await client.send(Request(path="old"))

    with caplog.at_level("DEBUG"):
        answer = asyncio.run(scenario())
    assert asked == ["hush-hush-1"]
    assert "hush-hush-1" not in f"{answer}{caplog.text}"


def test_an_error_that_quotes_our_token_in_base64_shows_nothing(serve: Serve, connect: Connect) -> None:
    """Debug pages print the request's headers; errors end up in the session, in logs and in Prefect."""

    async def oops(request: web.Request) -> web.Response:
        return web.Response(status=500, text=f"headers: {request.headers['Authorization']}")

    async def scenario() -> None:
        basic = {"auth": Auth.BASIC, "username": "ann", "password": "hush-hush-1"}
        async with serve(data=oops) as url, connect(url, **basic) as client:
            await client.send(Request(path="data"))

    with pytest.raises(UnavailableError) as caught:
        asyncio.run(scenario())
    assert b64encode(b"ann:hush-hush-1").decode() not in str(caught.value)


@pytest.mark.parametrize("form", written(TOKEN))
def test_each_way_of_writing_a_secret_is_hidden(form: str) -> None:
    """Servers encode what they repeat, each in its own way."""
    masks = Masks((BASIC, TOKEN))
    for body in (f"<{form}>", f"?a=1&token={form}&b=2", json.dumps({"next": form}, ensure_ascii=False)):
        hidden = masks.hide(body.encode())
        assert form.encode() not in hidden
        assert b"syncline-credential-1" in hidden
    for escape in ("/\\/", "=\\u003d", "+\\u002B", "é\\u00e9"):  # PHP, Gson, .NET, ASCII
        escaped = form.replace(escape[0], escape[1:])
        assert escaped.encode() not in masks.hide(b'{"next":"%s"}' % escaped.encode())


def test_a_short_secret_is_hidden_only_where_it_is_a_credential() -> None:
    """The password `test` must not turn every test in the data into a mask."""
    masks = Masks(("test",), ("sig",))
    body = b'{"name":"test","next":"/t?sig=test&token=test&q=test&key=tester"}'
    mask = b"syncline-credential-0p"
    assert masks.hide(body) == b'{"name":"test","next":"/t?sig=%s&token=%s&q=test&key=tester"}' % (mask, mask)
    assert masks.reveal_in_url(masks.hide_text("/t?sig=test")) == "/t?sig=test"


@given(st.text(min_size=6), st.text(), st.text())
def test_what_was_hidden_comes_back(secret: str, before: str, after: str) -> None:
    """A mask that is read back as another secret would send the wrong one."""
    masks = Masks(("another-secret-1", secret))
    text = before + secret + after
    hidden = masks.hide_text(text)
    assert masks.reveal(hidden) == text or secret in "syncline-credential-1p" or "%" in secret
    assert secret not in hidden or secret in "syncline-credential-1p"


def test_an_answer_without_secrets_stays_as_it_is() -> None:
    """Nearly all of them; they are not even copied."""
    content = b'{"data":[]}'
    assert Masks((BASIC, TOKEN)).hide(content) is content
