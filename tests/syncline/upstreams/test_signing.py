"""Credentials that expire: the signer of an account renews them once, and the request is repeated once."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import httpx
import pytest
from aiohttp import web
from support.exchange import METHODS

from syncline.errors import RefusedError, UnavailableError
from syncline.model.page import Request
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.auth import Signer
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

Serve = Callable[..., AbstractAsyncContextManager[str]]
Connect = Callable[..., UpstreamClient]
DATA = Request(path="data")


@dataclass(kw_only=True)
class Token:
    """An access token, which `refresh` renews as often as there are `others`.

    Attributes:
        refreshed: how often it was asked to.
    """

    value: str = "token-number-0"
    others: list[str] = field(default_factory=list[str])
    refreshed: int = 0
    fails: bool = False
    parameters: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.value,)

    def sign(self, request: httpx.Request) -> None:
        request.headers["Authorization"] = f"Bearer {self.value}"

    async def refresh(self) -> bool:
        await asyncio.sleep(0)
        self.refreshed += 1
        if self.fails:
            message = "the token server failed"
            raise UnavailableError(message, upstream="x")
        if not self.others:
            return False
        self.value = self.others.pop(0)
        return True


@dataclass(kw_only=True)
class Server:
    """Takes only `valid`, and notes what comes; `refuses` with this status."""

    valid: str
    status: int = 401
    came: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.came.append(token)
        self.bodies.append(await request.read())
        if token != self.valid:
            return web.json_response({"error": f"{token} is no good"}, status=self.status)
        return web.json_response({"next": f"/data?token={token}&after={request.query.get('after', '')}"})


def client(url: str, signer: Signer, **given: object) -> UpstreamClient:
    settings = Settings(upstreams={"x": UpstreamSettings(base_url=url)})
    return UpstreamClient(Upstream(name="x"), settings, account_id="ann", signer=signer, **given)  # pyright: ignore[reportArgumentType]


def asked(serve: Serve, server: Server, signer: Signer, *requests: Request) -> list[bytes]:
    """The answers to these requests, one after the other."""

    async def scenario() -> list[bytes]:
        async with serve(data=server.answer) as url, client(url, signer) as one:
            return [(await one.send(request)).content for request in requests]

    return asyncio.run(scenario())


@pytest.mark.parametrize("method", METHODS)
def test_a_token_that_has_expired_is_renewed_and_the_request_repeated(serve: Serve, method: str) -> None:
    """Access tokens live for an hour and a pass for two; a 401 says that nothing was done, so a POST may go again."""
    server, token = Server(valid="token-number-1"), Token(others=["token-number-1"])
    body = None if method in {"GET", "HEAD", "OPTIONS"} else b"<sync/>"
    asked(serve, server, token, Request(method=method, path="data", body=body), DATA)
    assert server.came == ["token-number-0", "token-number-1", "token-number-1"]
    assert server.bodies[:2] == [body or b""] * 2
    assert token.refreshed == 1


def test_a_token_that_cannot_be_renewed_is_refused_as_any_other(serve: Serve) -> None:
    """The account is held then: going on with it gets it locked."""
    server, token = Server(valid="another"), Token()
    with pytest.raises(RefusedError, match="connect account 'ann' again") as caught:
        asked(serve, server, token, DATA)
    assert caught.value.status == 401
    assert (server.came, token.refreshed) == (["token-number-0"], 1)
    assert "token-number" not in str(caught.value)


def test_a_renewed_token_that_is_refused_too_is_not_renewed_again(serve: Serve) -> None:
    """An upstream that refuses each token would be asked for ever."""
    server, token = Server(valid="another"), Token(others=["token-number-1", "token-number-2"])
    with pytest.raises(RefusedError):
        asked(serve, server, token, DATA)
    assert (server.came, token.refreshed) == (["token-number-0", "token-number-1"], 1)


def test_a_403_asks_for_no_other_token(serve: Serve) -> None:
    """It says that we are known, and may not."""
    server, token = Server(valid="another", status=403), Token(others=["token-number-1"])
    with pytest.raises(RefusedError):
        asked(serve, server, token, DATA)
    assert token.refreshed == 0


def test_a_connector_may_judge_a_401_itself(serve: Serve) -> None:
    """Discovery asks without knowing whether it is welcome."""
    server, token = Server(valid="another"), Token(others=["token-number-1"])
    (content,) = asked(serve, server, token, Request(path="data", accept=frozenset({401})))
    assert b"is no good" in content
    assert token.refreshed == 0


def test_a_refresh_that_fails_is_the_upstreams_failure(serve: Serve) -> None:
    """A token server that is down for a minute is no refusal; the run is tried again."""
    with pytest.raises(UnavailableError, match="token server"):
        asked(serve, Server(valid="another"), Token(fails=True), DATA)


@pytest.mark.parametrize("renews", [True, False])
def test_requests_that_are_refused_together_share_one_refresh(serve: Serve, *, renews: bool) -> None:
    """Many providers revoke a refresh token that is used twice."""
    server, token = Server(valid="token-number-1"), Token(others=["token-number-1"] if renews else [])

    async def scenario() -> list[object]:
        together = asyncio.Barrier(6)

        async def answer(request: web.Request) -> web.Response:
            if "number-0" in request.headers["Authorization"]:
                await together.wait()
            return await server.answer(request)

        async with serve(data=answer) as url, client(url, token) as one:
            return list(await asyncio.gather(*(one.send(DATA) for _ in range(6)), return_exceptions=True))

    answers = asyncio.run(scenario())
    assert token.refreshed == 1
    assert sum(isinstance(answer, RefusedError) for answer in answers) == (0 if renews else 6)
    assert len(server.came) == (12 if renews else 6)


def test_the_token_before_a_refresh_and_the_one_behind_it_are_hidden(serve: Serve) -> None:
    """A link that was stored with a mask for the old token leads on with the new one."""
    server, token = Server(valid="token-number-0"), Token(others=["token-number-1"])

    async def scenario() -> tuple[str, str]:
        queries = list[str]()

        async def answer(request: web.Request) -> web.Response:
            queries.append(request.query.get("token", ""))
            plain = await server.answer(request)
            return web.json_response({**json.loads(plain.text or ""), "old": "token-number-0"}, status=plain.status)

        async with serve(data=answer) as url, client(url, token) as one:
            first = json.loads((await one.send(DATA)).content)["next"]
            server.valid = "token-number-1"
            second = await one.send(Request(path=first))
            assert queries == ["", "token-number-0", "token-number-1"]
            return first, second.content.decode()

    stored, shown = asyncio.run(scenario())
    assert "number" not in stored + shown


def test_the_repeated_request_is_paid_for(sqlite_store: Store, serve: Serve) -> None:
    """The upstream counts it, and a hold that was placed meanwhile stops it."""
    server, token, asked_for_holds = Server(valid="token-number-1"), Token(others=["token-number-1"]), list[int]()

    async def for_holds() -> None:
        asked_for_holds.append(len(server.came))

    async def scenario() -> int:
        budget = RequestBudget(gate=Budgets(sqlite_store), for_holds=for_holds)
        async with serve(data=server.answer) as url, client(url, token, budget=budget) as one:
            await one.send(DATA)
            return one.requests

    assert asyncio.run(scenario()) == 2
    assert asked_for_holds == [0, 1]


def test_what_stands_in_the_settings_is_tried_once(serve: Serve, connect: Connect) -> None:
    """Only their owner can renew it; asking twice gets a password locked sooner."""
    server = Server(valid="another")

    async def scenario() -> None:
        async with serve(data=server.answer) as url, connect(url, auth=Auth.BEARER, token="hush-hush") as one:
            with pytest.raises(RefusedError, match="SYNCLINE_UPSTREAMS__ERP__TOKEN"):
                await one.send(DATA)

    asyncio.run(scenario())
    assert server.came == ["hush-hush"]
