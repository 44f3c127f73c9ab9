"""What a poll of mentions sends, and what it makes of X's answers, at the HTTP edge."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
from support.edge import BASE, client_of, params_of, read, requests_of, rows_of

from syncline.clock import ManualClock
from syncline.contests.x import MENTIONS_PATH, Mentions, first_id
from syncline.errors import BudgetSpentError, RateLimitedError, RefusedError, RejectedError, UnavailableError
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.page import Ask
from syncline.model.policies import Mode
from syncline.model.upstream import Auth, Upstream
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

X = Upstream(name="x", auth=Auth.BEARER)
TOKEN = "hush-hush-token"
URL = f"{BASE}/2/users/7/mentions"
PAGES = Mentions(user_id="7", look_back_seconds=0)


@pytest.fixture
def client(edge: respx.Router, clock: ManualClock) -> UpstreamClient:
    return client_of(edge, X, clock=clock, token=TOKEN)


def tweets(*ids: int, following: str | None = None) -> httpx.Response:
    meta: dict[str, Any] = {"result_count": len(ids)} | ({} if following is None else {"next_token": following})
    return httpx.Response(200, json={"data": [{"id": str(one), "text": "hi"} for one in ids], "meta": meta})


def test_pages_are_followed_by_their_tokens(edge: respx.Router, client: UpstreamClient) -> None:
    """Newest first; the first page is asked for without a token, and our own token stands in the header alone."""
    route = edge.get(URL).mock(side_effect=[tweets(9, 8, following="t1"), tweets(7, following="t2"), tweets(5)])
    found = asyncio.run(read(PAGES, client))
    assert [row["id"] for row in rows_of(found)] == ["9", "8", "7", "5"]
    asked = {"max_results": "100", "tweet.fields": "author_id,created_at"}
    assert params_of(route) == [asked, asked | {"pagination_token": "t1"}, asked | {"pagination_token": "t2"}]
    assert {request.headers["authorization"] for request in requests_of(route)} == {f"Bearer {TOKEN}"}
    assert TOKEN not in str([request.url for request in requests_of(route)])
    assert found[0].resume == {"before": "8"}


def test_a_poll_asks_for_what_is_newer_and_an_interrupted_one_for_what_is_older(
    edge: respx.Router, client: UpstreamClient, clock: ManualClock
) -> None:
    """By ids, which are instants: since_id is one below the first of its millisecond, until_id the oldest stored."""
    route = edge.get(URL).mock(side_effect=[tweets()])
    since = clock.now() - timedelta(minutes=5)
    ask = Ask(mode=Mode.INCREMENTAL, updated_since=since, resume={"before": "12345"})
    asyncio.run(read(PAGES, client, ask))
    (params,) = params_of(route)
    assert (params["since_id"], params["until_id"]) == (str(first_id(since) - 1), "12345")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), RefusedError),
        (httpx.Response(404), RejectedError),
        (httpx.Response(500), UnavailableError),
        (httpx.Response(200, json={}), UnavailableError),
        (httpx.Response(200, json={"data": [{"id": "1"}], "meta": {"result_count": 2}}), UnavailableError),
        (httpx.ReadTimeout("slow"), UnavailableError),
    ],
)
def test_each_failure_is_told_by_its_kind(
    edge: respx.Router, client: UpstreamClient, answer: httpx.Response | Exception, error: type[Exception]
) -> None:
    """An answer that is no list of mentions must not read as no mentions."""
    effect: Any = {"return_value" if isinstance(answer, httpx.Response) else "side_effect": answer}
    edge.get(URL).mock(**effect)
    with pytest.raises(error) as caught:
        asyncio.run(read(PAGES, client))
    assert TOKEN not in str(caught.value)


def test_a_429_shuts_the_budget_so_that_nothing_more_is_sent(
    edge: respx.Router, clock: ManualClock, sqlite_store: Store
) -> None:
    """Another client of the same database stops before its request: the edge sees one."""
    budget = Budget(name="mentions", policy=SlidingWindow(limit=10, period_seconds=900), paths=MENTIONS_PATH)
    upstream = Upstream(name="x", auth=Auth.BEARER, budgets=(budget,))
    route = edge.get(URL).respond(429, headers={"Retry-After": "120"})
    raised: list[RateLimitedError | BudgetSpentError] = []
    for _ in range(2):
        budget = RequestBudget(gate=Budgets(sqlite_store), patience_seconds=0)
        other = client_of(edge, upstream, clock=clock, budget=budget, token=TOKEN)
        with pytest.raises((RateLimitedError, BudgetSpentError)) as caught:
            asyncio.run(read(PAGES, other))
        raised.append(caught.value)
    assert [type(one) for one in raised] == [RateLimitedError, BudgetSpentError]
    assert all(one.retry_at == clock.now() + timedelta(seconds=120) for one in raised)
    assert len(requests_of(route)) == 1
