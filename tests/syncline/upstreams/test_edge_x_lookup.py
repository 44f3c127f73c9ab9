"""What a lookup of tweets sends, and what it makes of X's answers, at the HTTP edge."""

import asyncio

import httpx
import pytest
import respx
from support.edge import BASE, client_of, requests_of

from syncline.clock import ManualClock
from syncline.contests.x import LookedUp, lookup
from syncline.errors import RateLimitedError, RefusedError, RejectedError, UnavailableError
from syncline.model.upstream import Auth, Upstream
from syncline.upstreams.client import UpstreamClient

X = Upstream(name="x", auth=Auth.BEARER)
TOKEN = "hush-hush-token"
URL = f"{BASE}/2/tweets"
GONE = {"resource_id": "3", "title": "Not Found Error", "type": "https://api.twitter.com/2/problems/resource-not-found"}
HIDDEN = {
    "resource_id": "2",
    "title": "Authorization Error",
    "type": "https://api.twitter.com/2/problems/not-authorized-for-resource",
}


@pytest.fixture
def client(edge: respx.Router, clock: ManualClock) -> UpstreamClient:
    return client_of(edge, X, clock=clock, token=TOKEN)


async def looked_up(client: UpstreamClient, *ids: str) -> LookedUp:
    async with client:
        return await lookup(client, ids)


def test_tweets_are_asked_for_in_one_request_each_once(edge: respx.Router, client: UpstreamClient) -> None:
    """The ids with commas between them, the fields that an entry needs, and our token in the header alone."""
    body = {"data": [{"id": "1", "text": "a"}], "errors": [HIDDEN, GONE]}
    route = edge.get(URL).respond(json=body)
    found = asyncio.run(looked_up(client, "1", "2", "3", "1"))
    assert (set(found.present), found.protected, found.deleted) == ({"1"}, {"2"}, {"3"})
    (request,) = requests_of(route)
    assert dict(request.url.params) == {"ids": "1,2,3", "tweet.fields": "author_id,created_at"}
    assert (request.method, request.headers["authorization"]) == ("GET", f"Bearer {TOKEN}")
    assert TOKEN not in str(request.url)


def test_no_tweets_take_no_request(edge: respx.Router, client: UpstreamClient) -> None:
    """A request of nothing would cost a fifteenth of the quarter's budget; the router has no route for it."""
    assert asyncio.run(looked_up(client)) == LookedUp()
    assert requests_of(edge) == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), RefusedError),
        (httpx.Response(403), RefusedError),
        (httpx.Response(400, json={"errors": [{"message": "bad ids"}]}), RejectedError),
        (httpx.Response(503), UnavailableError),
        (httpx.Response(200, text='{"data":[{"id":"1"'), UnavailableError),
        (httpx.Response(200, json={"data": [{"id": "9", "text": "x"}]}), UnavailableError),
    ],
)
def test_nothing_is_concluded_from_an_answer_that_is_none(
    edge: respx.Router, client: UpstreamClient, answer: httpx.Response, error: type[Exception]
) -> None:
    """A tweet that is taken for deleted by mistake costs an entry."""
    edge.get(URL).mock(return_value=answer)
    with pytest.raises(error) as caught:
        asyncio.run(looked_up(client, "1"))
    assert TOKEN not in str(caught.value)


def test_a_429_is_blocked_until_xs_own_reset(edge: respx.Router, client: UpstreamClient, clock: ManualClock) -> None:
    """X names the instant in seconds since 1970, and sends no Retry-After."""
    reset = int(clock.now().timestamp()) + 600
    headers = {"x-rate-limit-limit": "15", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
    edge.get(URL).respond(429, headers=headers)
    with pytest.raises(RateLimitedError) as caught:
        asyncio.run(looked_up(client, "1"))
    assert caught.value.retry_at is not None
    assert caught.value.retry_at.timestamp() == reset
