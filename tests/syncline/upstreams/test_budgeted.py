import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from support.statements import traced

from syncline.clock import ManualClock
from syncline.errors import BudgetSpentError, ConfigurationError, DeferredError, RateLimitedError, RefusedError
from syncline.model.budgets import Budget, SlidingWindow, TokenBucket
from syncline.model.page import Request
from syncline.model.upstream import Upstream
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

Answer = Callable[[httpx.Request], httpx.Response]
SETTINGS = Settings(upstreams={"x": UpstreamSettings(base_url="http://x.invalid")})
MENTIONS = Budget(name="mentions", policy=SlidingWindow(limit=3, period_seconds=60, margin=0), paths="/mentions$")
LOOKUPS = Budget(name="lookups", policy=TokenBucket(capacity=15, refill_per_second=1), paths="/tweets")
X = Upstream(name="x", budgets=(MENTIONS, LOOKUPS))


def fine(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"data": []}, request=request)


@dataclass(kw_only=True)
class Scene:
    """An upstream that answers as it is told, a database, and a clock that moves while a request waits."""

    store: Store
    clock: ManualClock
    sent: list[str] = field(default_factory=list[str])
    slept: list[float] = field(default_factory=list[float])
    heard: list[str] = field(default_factory=list[str])

    def client(self, answer: Answer = fine, *, upstream: Upstream = X, patience_seconds: float = 30) -> UpstreamClient:
        def received(request: httpx.Request) -> httpx.Response:
            self.sent.append(request.url.path)
            return answer(request)

        budget = RequestBudget(
            gate=Budgets(self.store),
            patience_seconds=patience_seconds,
            sleep=self.sleep,
            on_wait=lambda reason, until: self.heard.append(f"{reason} {until:%H:%M:%S}"),
        )
        transport = httpx.MockTransport(received)
        return UpstreamClient(upstream, SETTINGS, transport=transport, clock=self.clock, budget=budget)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds=seconds)
        await asyncio.sleep(0)

    def tokens(self, budget: Budget) -> float:
        key = next(key for key in X.budget_keys if key.name == f"x:{budget.name}")
        return Budgets(self.store).state(key).tokens


@pytest.fixture
def scene(sqlite_store: Store, clock: ManualClock) -> Scene:
    return Scene(store=sqlite_store, clock=clock)


async def ask(client: UpstreamClient, *paths: str, cost: int = 1) -> None:
    async with client:
        for path in paths:
            await client.send(Request(path=path, cost=cost))


def test_each_request_is_paid_from_the_budgets_of_its_path(scene: Scene) -> None:
    """Mentions and lookups have limits of their own; what neither names is free."""
    asyncio.run(ask(scene.client(), "mentions", "tweets", "tweets", "users"))
    assert (scene.tokens(MENTIONS), scene.tokens(LOOKUPS)) == (2, 13)


def test_a_request_may_count_for_several(scene: Scene) -> None:
    """Some APIs charge by what is asked for."""
    asyncio.run(ask(scene.client(), "tweets", cost=10))
    assert scene.tokens(LOOKUPS) == 5


def test_redirects_are_paid_for_as_well(scene: Scene) -> None:
    """The upstream counts requests, not pages."""

    def moved(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/tweets":
            return httpx.Response(302, headers={"Location": "/tweets/all"}, request=request)
        return fine(request)

    asyncio.run(ask(scene.client(moved), "tweets"))
    assert scene.tokens(LOOKUPS) == 13


def test_a_short_wait_is_waited_for_and_told(scene: Scene) -> None:
    """A run that can go on in a moment does so by itself; its heartbeat says what it waits for."""
    asyncio.run(ask(scene.client(patience_seconds=60), *["mentions"] * 4))
    assert scene.slept == [60]
    assert scene.heard == ["budget x:mentions 10:01:00"]
    assert len(scene.sent) == 4


def test_a_long_wait_ends_the_run_with_the_time_to_go_on(scene: Scene) -> None:
    """A process that sleeps for an hour holds a slot for nothing; nothing was sent and nothing spent."""
    with pytest.raises(
        BudgetSpentError, match="the budget x:mentions is spent until 2026-01-22 10:01:00 UTC"
    ) as caught:
        asyncio.run(ask(scene.client(patience_seconds=59), *["mentions"] * 4))
    assert isinstance(caught.value, DeferredError)
    assert caught.value.retry_at == scene.clock.now() + timedelta(seconds=60)
    assert len(scene.sent) == 3
    assert scene.slept == []


def test_waiting_blocks_nothing_else(scene: Scene) -> None:
    """Other requests of the same process go on meanwhile."""

    async def scenario() -> None:
        async with scene.client(patience_seconds=60) as client:
            waiting = asyncio.gather(*[client.send(Request(path="mentions")) for _ in range(4)])
            await client.send(Request(path="tweets"))
            assert scene.sent.count("/tweets") == 1
            await waiting

    asyncio.run(scenario())
    assert scene.sent.count("/mentions") == 4


def limited(status: int = 429, **headers: str) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, headers=named, json={}, request=request)

    return answer


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (limited(Retry_After="90"), 90),
        (limited(Retry_After="Thu, 22 Jan 2026 10:02:00 GMT"), 120),
        (limited(RateLimit='"default";r=0;t=12'), 12),
        (limited(503, Retry_After="40"), 40),
        (limited(403, Retry_After="40"), 40),
        (limited(), 5),
    ],
)
def test_a_refusal_for_the_rate_stops_all_processes_until_the_upstreams_time(
    scene: Scene, answer: Answer, seconds: float
) -> None:
    """The next process would only earn another one, and often a longer one."""
    with pytest.raises(RateLimitedError):
        asyncio.run(ask(scene.client(answer), "tweets"))
    with pytest.raises(BudgetSpentError) as caught:
        asyncio.run(ask(scene.client(patience_seconds=0), "tweets"))
    assert caught.value.retry_at == scene.clock.now() + timedelta(seconds=seconds)
    asyncio.run(ask(scene.client(), "mentions"))
    assert scene.sent == ["/tweets", "/mentions"]


def test_refusals_that_name_no_time_are_given_longer_and_longer(scene: Scene) -> None:
    """X's may describe another endpoint: a token a time, a whole budget would be spent on being refused."""
    elsewhere = limited(x_rate_limit_remaining="449", x_rate_limit_reset=str(int(scene.clock.now().timestamp()) + 3))
    client = scene.client(elsewhere, patience_seconds=3_600)

    async def refused(times: int) -> None:
        async with client:
            for _ in range(times):
                with pytest.raises(RateLimitedError):
                    await client.send(Request(path="tweets"))

    asyncio.run(refused(3))
    assert scene.slept == [5, 10]


def test_google_says_it_in_the_body(scene: Scene) -> None:
    """A 403 with the reason `rateLimitExceeded` is a limit; any other 403 is a refusal, and blocks no budget."""
    reasons = ["forbidden", "userRateLimitExceeded"]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"error": {"errors": [{"reason": reasons.pop(0)}]}}, request=request)

    with pytest.raises(RefusedError):
        asyncio.run(ask(scene.client(answer), "tweets"))
    with pytest.raises(RateLimitedError):
        asyncio.run(ask(scene.client(answer), "tweets"))
    with pytest.raises(BudgetSpentError):
        asyncio.run(ask(scene.client(answer, patience_seconds=0), "tweets"))


def test_an_upstream_without_budgets_is_left_alone_as_well(scene: Scene) -> None:
    """An upstream without declared budgets still shares what its answers say."""
    plain = Upstream(name="x")
    with pytest.raises(RateLimitedError):
        asyncio.run(ask(scene.client(limited(Retry_After="90"), upstream=plain), "tweets"))
    with pytest.raises(BudgetSpentError, match="the budget x is spent"):
        asyncio.run(ask(scene.client(upstream=plain), "anything"))
    scene.clock.advance(seconds=90)
    asyncio.run(ask(scene.client(upstream=plain), "anything"))


def test_what_another_process_was_told_shuts_the_door_within_a_quarter_of_a_second(scene: Scene) -> None:
    """Without budgets a request costs the database nothing, so it is looked at now and then; soon enough to heed it."""
    plain = Upstream(name="x")

    async def scenario() -> None:
        async with scene.client(upstream=plain) as client:
            await client.send(Request(path="anything"))
            Budgets(scene.store).block([plain.block_key], until=scene.clock.now() + timedelta(seconds=90))
            scene.clock.advance(seconds=0.24)
            await client.send(Request(path="anything"))
            scene.clock.advance(seconds=0.01)
            with pytest.raises(BudgetSpentError, match="the budget x is spent"):
                await client.send(Request(path="anything"))

    asyncio.run(scenario())
    assert len(scene.sent) == 2


def test_what_this_process_was_told_shuts_the_door_at_once(scene: Scene) -> None:
    """The process that was refused needs no look at the database to stop."""
    plain, answers = Upstream(name="x"), [fine, limited(Retry_After="90")]

    def answer(request: httpx.Request) -> httpx.Response:
        return answers.pop(0)(request)

    async def scenario() -> None:
        async with scene.client(answer, upstream=plain) as client:
            await client.send(Request(path="anything"))
            with pytest.raises(RateLimitedError):
                await client.send(Request(path="anything"))
            with pytest.raises(BudgetSpentError):
                await client.send(Request(path="anything"))

    asyncio.run(scenario())
    assert len(scene.sent) == 2


def test_a_door_that_was_found_open_costs_a_request_nothing(scene: Scene) -> None:
    """Most upstreams declare no budget; their syncs must not pay for those that do."""

    async def scenario() -> list[str]:
        async with scene.client(upstream=Upstream(name="x")) as client:
            await client.send(Request(path="anything"))
            heard = traced(scene.store)
            await client.send(Request(path="anything"))
            return heard

    assert asyncio.run(scenario()) == []
    assert len(scene.sent) == 2


def test_what_is_left_is_learned_from_any_answer(scene: Scene) -> None:
    """Another program spends from the same quota; the header says so before a 429 does."""
    headers = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "600"}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, json={}, request=request)

    with pytest.raises(BudgetSpentError) as caught:
        asyncio.run(ask(scene.client(answer, patience_seconds=0), *["tweets"] * 3))
    assert caught.value.retry_at == scene.clock.now() + timedelta(seconds=600)


def test_budgets_cannot_be_forgotten() -> None:
    """A client of an upstream with budgets is not made without a budget."""
    with pytest.raises(ConfigurationError, match="has budgets"):
        UpstreamClient(X, SETTINGS)


def test_two_budgets_of_one_name_are_refused() -> None:
    """They would share a row, and the one would spend what the other counts."""
    with pytest.raises(ConfigurationError, match="names of their own"):
        Upstream(name="x", budgets=(MENTIONS, MENTIONS))
