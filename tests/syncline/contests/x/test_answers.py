"""What users of mentions declare, and what X may answer."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from aiohttp import web

import sandbox
from syncline.contests.x import Mentions
from syncline.errors import ConfigurationError, RefusedError, RejectedError, UnavailableError
from syncline.model.page import Ask, Page
from syncline.model.upstream import Auth
from syncline.upstreams.client import UpstreamClient

Connect = Callable[..., UpstreamClient]
Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def x(box: sandbox.Box, connect: Connect) -> Callable[[], UpstreamClient]:
    """Makes a client of the sandbox's X."""
    return lambda: connect(f"{box.url}/x", auth=Auth.BEARER, token=box.x_token)


async def read(pages: Mentions, client: UpstreamClient) -> list[Page]:
    async with client:
        return [page async for page in pages(client, Ask())]


def keys(pages: list[Page]) -> list[str]:
    return [msgspec.json.decode(row)["id"] for page in pages for row in page.rows]


def test_a_user_that_x_does_not_know_is_told(box: sandbox.Box, x: Callable[[], UpstreamClient]) -> None:
    """200 with errors is no empty timeline: a typing error in a setting would never be found."""
    with pytest.raises(RejectedError, match="knows no user 17"):
        asyncio.run(read(Mentions(user_id="17"), x()))


def test_the_users_id_may_be_read_when_a_pass_begins(box: sandbox.Box, x: Callable[[], UpstreamClient]) -> None:
    """A source is declared at import, where no settings are read."""
    read_at: list[int] = []

    def user_id() -> str:
        read_at.append(1)
        return box.x.user_id

    pages = Mentions(user_id=user_id)
    assert read_at == []
    assert keys(asyncio.run(read(pages, x()))) == box.x.tweets.public_ids()


@pytest.mark.parametrize("user_id", ["@syncline", "", "1/../2", "1" * 20])
def test_an_id_that_is_none_is_not_sent(box: sandbox.Box, x: Callable[[], UpstreamClient], user_id: str) -> None:
    """Many take the name for the id."""
    with pytest.raises(ConfigurationError, match="decimal number"):
        asyncio.run(read(Mentions(user_id=user_id), x()))
    assert box.requests.count() == 0


@pytest.mark.parametrize("size", [4, 101])
def test_a_size_that_x_refuses_is_refused_at_once(size: int) -> None:
    """Not at the first run in the night."""
    with pytest.raises(ConfigurationError, match="5 to 100"):
        Mentions(user_id="1", page_size=size)


PROBLEM = {"value": "1", "parameter": "id", "detail": "no", "type": "https://api.x.com/2/problems/resource-not-found"}
HIDDEN = {**PROBLEM, "type": "https://api.twitter.com/2/problems/not-authorized-for-resource"}
ROW = {"id": "5", "text": "x"}


def answered(serve: Serve, connect: Connect, body: object) -> list[Page]:
    """What a pass makes of a server that always answers this."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body)

    async def scenario() -> list[Page]:
        async with serve(**{"2/users/1/mentions": answer}) as url:
            return await read(Mentions(user_id="1"), connect(url))

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ({}, UnavailableError, "0 tweets and no `meta`"),
        ({"error": "closed for repairs"}, RejectedError, "no answer of X"),
        ({"data": 5}, RejectedError, "no answer of X"),
        ({"errors": []}, UnavailableError, "0 tweets and no `meta`"),
        ({"meta": {"result_count": 2}}, UnavailableError, "0 tweets and a result_count of 2"),
        ({"errors": [PROBLEM]}, RejectedError, "knows no user 1"),
        ({"errors": [HIDDEN]}, RefusedError, "does not let us see the mentions of 1"),
        ({"data": [ROW], "meta": {"result_count": 1}, "errors": [{"title": "Oops"}]}, RejectedError, "Oops"),
        ({"data": [ROW], "meta": {"result_count": 1, "next_token": "a"}}, RejectedError, "to an end"),
        ({"meta": {"result_count": 0, "next_token": "a"}}, RejectedError, "to an end"),
    ],
)
def test_an_answer_that_cannot_be_right_stores_nothing_as_if_it_were(
    serve: Serve, connect: Connect, body: object, error: type[Exception], said: str
) -> None:
    """An empty timeline is what X says with a `meta`, or an empty `data`."""
    with pytest.raises(error, match=said):
        answered(serve, connect, body)


@pytest.mark.parametrize("meta", [{}, {"meta": {}}, {"meta": {"newest_id": "5"}}])
def test_a_page_that_does_not_count_its_tweets_is_the_last_one(
    serve: Serve, connect: Connect, meta: dict[str, object]
) -> None:
    """Proxies and simulations leave out members that are optional."""
    assert keys(answered(serve, connect, {"data": [ROW]} | meta)) == ["5"]


def test_problems_of_single_tweets_beside_the_page_do_no_harm(serve: Serve, connect: Connect) -> None:
    """X tells of what it leaves out; the rest of the page is as good as ever."""
    body = {"data": [ROW], "meta": {"result_count": 1}, "errors": [HIDDEN, {**PROBLEM, "section": "includes"}]}
    assert keys(answered(serve, connect, body)) == ["5"]
