"""X's budgets: what our own policy spends, and what X's headers add to it."""

import asyncio
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

import sandbox
from syncline.clock import ManualClock
from syncline.contests.x import LOOKUP_PATH, MENTIONS_PATH, Mentions, lookup
from syncline.errors import BudgetSpentError, RateLimitedError
from syncline.model.budgets import Budget, SlidingWindow, TokenBucket
from syncline.model.page import Ask, Request
from syncline.model.upstream import Auth, Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

QUARTER_SECONDS = 900
NEVER = datetime.max.replace(tzinfo=UTC)
Client = Callable[[], UpstreamClient]


def budget(name: str, limit: int, paths: str) -> Budget:
    """So many requests in a quarter of an hour, as a bucket within X's own window."""
    wall = SlidingWindow(limit=limit, period_seconds=QUARTER_SECONDS)
    return Budget(
        name=name,
        policy=TokenBucket(capacity=limit, refill_per_second=limit / QUARTER_SECONDS, wall=wall),
        paths=paths,
    )


X = Upstream(
    name="x",
    auth=Auth.BEARER,
    budgets=(budget("mentions", 10, MENTIONS_PATH), budget("lookup", 15, LOOKUP_PATH)),
)


@pytest.fixture
def box(clock: ManualClock) -> Generator[sandbox.Box]:
    """X on the test's own clock, with its real budgets."""
    with sandbox.serving(products=1, customers=1, pools=1, mentions=20, clock=clock.now) as served:
        yield served


@pytest.fixture
def client(box: sandbox.Box, sqlite_store: Store, clock: ManualClock) -> Client:
    """Makes clients that pay from budgets of a database, and wait for nothing."""

    def connecting() -> UpstreamClient:
        given = UpstreamSettings.model_validate({"base_url": f"{box.url}/x", "token": box.x_token})
        budget = RequestBudget(gate=Budgets(sqlite_store), patience_seconds=0)
        return UpstreamClient(X, Settings(upstreams={"x": given}), clock=clock, budget=budget)

    return connecting


async def look_up(box: sandbox.Box, client: Client, times: int = 1) -> None:
    async with client() as x:
        for _ in range(times):
            await lookup(x, box.x.tweets.public_ids()[:1])


async def poll(box: sandbox.Box, client: Client) -> None:
    async with client() as x:
        _ = [page async for page in Mentions(user_id=box.x.user_id, page_size=100)(x, Ask())]


async def spent_until(x: UpstreamClient, path: str) -> datetime:
    """Ask until the budget is spent; until when it then is."""
    while True:
        try:
            await x.send(Request(path=path))
        except BudgetSpentError as spent:
            return spent.retry_at or NEVER


def refused_until(work: Callable[[], object]) -> datetime:
    """Until when a spent budget refuses."""
    with pytest.raises(BudgetSpentError) as caught:
        work()
    assert caught.value.retry_at is not None
    return caught.value.retry_at


def drain(box: sandbox.Box, times: int) -> None:
    """Another program with the same token spends from the quota that X counts."""
    headers = {"Authorization": f"Bearer {box.x_token}"}
    with httpx.Client(base_url=box.url, headers=headers) as other:
        for _ in range(times):
            other.get("/x/2/tweets", params={"ids": "1"})


def test_whoever_asks_as_often_as_the_budget_lets_him_never_sees_a_429(
    box: sandbox.Box, client: Client, clock: ManualClock
) -> None:
    """Two hours of backlog on both budgets: X refuses nothing, and nearly all that it offers is used."""
    began = clock.now()

    async def scenario() -> None:
        async with client() as x:
            while clock.now() < began + timedelta(hours=2):
                paths = (f"/2/users/{box.x.user_id}/mentions", "/2/tweets?ids=1")
                next_at = min([await spent_until(x, path) for path in paths])
                clock.advance(seconds=(next_at - clock.now()).total_seconds())

    asyncio.run(scenario())
    for name, limit in (("mentions", 10), ("lookups", 15)):
        window = box.x.windows[name]
        assert (window.refused, window.fullest) == (0, limit)
        assert window.admitted >= 0.95 * 8 * limit


def test_the_two_endpoints_have_budgets_of_their_own(box: sandbox.Box, client: Client) -> None:
    """Validation does not stop the poller."""
    refused_until(lambda: asyncio.run(look_up(box, client, times=16)))
    asyncio.run(poll(box, client))
    assert (box.x.windows["lookups"].admitted, box.x.windows["mentions"].admitted) == (15, 1)


def test_what_somebody_else_spent_is_learned_before_a_429_says_so(
    box: sandbox.Box, client: Client, clock: ManualClock
) -> None:
    """Two services with one token: the headers tell of both."""
    drain(box, 12)
    until = refused_until(lambda: asyncio.run(look_up(box, client, times=4)))
    assert until == clock.now() + timedelta(seconds=QUARTER_SECONDS)
    assert (box.x.windows["lookups"].admitted, box.x.windows["lookups"].refused) == (15, 0)


def test_headers_that_allow_more_than_our_policy_are_not_believed(box: sandbox.Box, client: Client) -> None:
    """X's tiers change, and its headers with them; the policy is the owner's."""
    box.x.settings = box.x.settings.changed({"lookups_limit": 300})
    refused_until(lambda: asyncio.run(look_up(box, client, times=16)))
    assert box.x.windows["lookups"].admitted == 15


def test_a_429_without_retry_after_is_waited_for_by_its_reset(
    box: sandbox.Box, client: Client, clock: ManualClock
) -> None:
    """X says when the window ends, as seconds since 1970; no process asks before."""
    drain(box, 15)
    clock.advance(seconds=100)
    with pytest.raises(RateLimitedError) as caught:
        asyncio.run(look_up(box, client))
    reset = clock.now() + timedelta(seconds=QUARTER_SECONDS - 100)
    assert caught.value.retry_at == reset
    assert refused_until(lambda: asyncio.run(look_up(box, client))) == reset
    assert box.x.windows["lookups"].refused == 1
    clock.advance(seconds=QUARTER_SECONDS - 100)
    asyncio.run(look_up(box, client))


def test_a_429_about_another_bucket_does_not_shorten_our_own_wait(
    box: sandbox.Box, client: Client, clock: ManualClock
) -> None:
    """It says "in three seconds"; a budget that is spent for a quarter of an hour stays so."""
    asyncio.run(look_up(box, client, times=14))
    box.x.settings = box.x.settings.changed({"lookups_limit": 1, "foreign_headers": True})
    with pytest.raises(RateLimitedError) as caught:
        asyncio.run(look_up(box, client))
    assert caught.value.retry_at is None  # nothing that it says is about us
    own = refused_until(lambda: asyncio.run(look_up(box, client)))
    assert own >= clock.now() + timedelta(seconds=QUARTER_SECONDS / 15)
    clock.advance(seconds=4)
    assert refused_until(lambda: asyncio.run(look_up(box, client))) == own
    assert box.x.windows["lookups"].refused == 1
