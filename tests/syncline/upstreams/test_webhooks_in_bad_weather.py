"""Receivers of webhooks that misbehave, and what is told of it."""

import asyncio
import logging
import traceback
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web
from support.webhooks import SECRET, Talk, endpoint, posted, refused, talking

import sandbox
from syncline.errors import WebhookError

Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def box() -> Generator[sandbox.Box]:
    with sandbox.serving(products=1, customers=1, pools=1, mentions=1, inbox_secret=SECRET) as served:
        yield served


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    """What is signed for one receiver is not carried to another."""
    asked: list[str] = []

    async def here(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"location": "/there?hunter2"})

    async def there(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async def scenario() -> None:
        async with serve(here=here, there=there) as url:
            await posted(f"{url}/here")

    with pytest.raises(WebhookError, match=r"\(307\): redirects are not followed; set SYNCLINE_SNAPSHOT_URL") as caught:
        asyncio.run(scenario())
    assert (caught.value.status, caught.value.final, asked) == (307, False, ["/here"])
    assert "hunter2" not in str(caught.value)


def test_nobody_listening_is_worth_another_try(gone_port: int) -> None:
    """Receivers restart."""
    error = refused(f"http://127.0.0.1:{gone_port}/inbox")
    assert (error.status, error.final) == (None, False)
    assert f"http://127.0.0.1:{gone_port} cannot be reached: " in str(error)


def test_a_receiver_that_hangs_up_is_worth_another_try(box: sandbox.Box) -> None:
    """It may have taken the webhook; the id tells it that it has it already."""
    box.faults.add("drop", path="/inbox")
    error = refused(f"{box.url}/inbox")
    assert (error.status, error.final) == (None, False)
    assert "hung up" in str(error)
    asyncio.run(posted(f"{box.url}/inbox"))
    assert len(box.inbox.accepted()) == 1


async def _silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _patience(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0)


async def _nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"nonsense, hunter2\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("talk", "said"),
    [(_silence, "did not answer within 0.2 s"), (_patience, "did not answer within 0.2 s"), (_nonsense, "no HTTP")],
)
def test_an_attempt_ends_whatever_the_receiver_does(talk: Talk, said: str) -> None:
    """Also one that says "soon" for ever, which no timeout of a single read would end."""

    async def scenario() -> None:
        async with asyncio.timeout(4), talking(talk, asyncio.Event()) as url:
            await posted(url, timeout_seconds=0.2)

    with pytest.raises(WebhookError, match=said) as caught:
        asyncio.run(scenario())
    assert (caught.value.status, caught.value.final) == (None, False)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_an_answer_without_end_is_success_all_the_same() -> None:
    """Its status is all that counts; reading the rest would fill the memory."""

    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()
            await asyncio.sleep(0)

    async def scenario() -> bool:
        hung_up = asyncio.Event()
        async with talking(endless, hung_up) as url, asyncio.timeout(20):
            await posted(url)
            return await hung_up.wait()

    assert asyncio.run(scenario())


def test_the_environments_proxy_is_not_asked(box: sandbox.Box, gone_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook goes where its setting says, and nowhere else."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{gone_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    asyncio.run(posted(f"{box.url}/inbox"))
    assert len(box.inbox.accepted()) == 1


@pytest.mark.parametrize("status", [200, 500])
def test_nothing_secret_is_written_anywhere(serve: Serve, caplog: pytest.LogCaptureFixture, status: int) -> None:
    """A URL may hold a password or a token: it is sent, and neither logged nor told."""
    caplog.set_level(logging.DEBUG)
    asked: list[tuple[str, str | None]] = []
    secret = b64encode(b"hunter2").decode()

    async def take(request: web.Request) -> web.Response:
        asked.append((request.path_qs, request.headers.get("authorization")))
        return web.Response(status=status, text="You sent hunter2")

    async def scenario() -> None:
        async with serve(hook=take) as url:
            there = f"{url}/hook?token=hunter2".replace("://", "://ann:hunter2@")
            seen.append(repr(endpoint(there, secret)))
            await posted(there, secret=secret)

    seen: list[str] = []
    try:
        asyncio.run(scenario())
    except WebhookError as error:
        seen += traceback.format_exception(error)
    assert asked == [("/hook?token=hunter2", f"Basic {b64encode(b'ann:hunter2').decode()}")]
    seen += [record.getMessage() for record in caplog.records if not record.name.startswith("aiohttp")]
    assert [line for line in seen if "hunter2" in line or secret in line] == []
