"""Many requests under way when an upstream begins to refuse, as PocketBase does: 429 without a time."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import httpx
import pytest

from syncline.clock import ManualClock
from syncline.errors import RateLimitedError
from syncline.model.budgets import BudgetKey
from syncline.model.page import Request
from syncline.model.policies import Priority
from syncline.model.upstream import Upstream
from syncline.resilience.budget_state import Denied, Granted
from syncline.settings import Settings, UpstreamSettings
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

SETTINGS = Settings(upstreams={"base": UpstreamSettings(base_url="https://base.example")})
BASE = Upstream(name="base", max_in_flight=8)


@dataclass(kw_only=True)
class PocketBase(httpx.AsyncBaseTransport):
    """Admits `limit` requests in 5 s; answers once so many are there `together`; `headers` go with a 429."""

    clock: ManualClock
    limit: int
    together: int = 1
    all_there: asyncio.Event = field(default_factory=asyncio.Event)
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    window: deque[float] = field(default_factory=deque[float])
    under_way: int = 0
    most_under_way: int = 0
    statuses: list[int] = field(default_factory=list[int])

    def expect(self, together: int) -> None:
        """Answer once so many are there."""
        self.together, self.most_under_way = together, 0
        self.all_there.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        now = self.clock.now().timestamp()
        while self.window and self.window[0] <= now - 5:
            self.window.popleft()
        status = 429 if len(self.window) >= self.limit else 200
        if status == 200:
            self.window.append(now)
        if self.under_way >= self.together:
            self.all_there.set()
        await self.all_there.wait()
        self.under_way -= 1
        self.statuses.append(status)
        headers = self.headers.pop(0) if status == 429 and self.headers else {}
        return httpx.Response(status, headers=headers, json={"data": []}, request=request)


class SlowBudgets(Budgets):
    """The budgets, two of whose calls take as long as the test wants: threads may be that late.

    Attributes:
        late: what the second admission waits for before it is told.
        written: what a block waits for before it is written.
        refusing: released when a block is about to be written.
        blocked: set when one is written.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._admissions = count(1)
        self.refusing, self.blocked = threading.Semaphore(0), threading.Event()
        self.late, self.written = threading.Event(), threading.Event()

    def acquire(
        self,
        keys: Sequence[BudgetKey],
        *,
        cost: int = 1,
        priority: Priority = Priority.NORMAL,
        under_way_seconds: float = 0,
    ) -> Granted | Denied:
        told = super().acquire(keys, cost=cost, priority=priority, under_way_seconds=under_way_seconds)
        assert next(self._admissions) != 2 or self.late.wait(timeout=60)
        return told

    def block(self, keys: Sequence[BudgetKey], *, until: datetime) -> None:
        self.refusing.release()
        assert self.written.wait(timeout=60)
        super().block(keys, until=until)
        self.blocked.set()


@dataclass(kw_only=True)
class Scene:
    store: Store
    clock: ManualClock
    slept: list[float] = field(default_factory=list[float])

    def client(self, server: PocketBase, budgets: Budgets | None = None) -> UpstreamClient:
        budget = RequestBudget(gate=budgets or Budgets(self.store), patience_seconds=3_600, sleep=self.sleep)
        return UpstreamClient(BASE, SETTINGS, transport=server, clock=self.clock, budget=budget)

    async def sleep(self, seconds: float) -> None:
        """Wait together with the others: the clock never moves back."""
        until = self.clock.now() + timedelta(seconds=seconds)
        for _ in range(20):
            await asyncio.sleep(0)
        if until > self.clock.now():
            self.slept.append((until - self.clock.now()).total_seconds())
            self.clock.advance(seconds=self.slept[-1])


@pytest.fixture
def scene(sqlite_store: Store, clock: ManualClock) -> Scene:
    return Scene(store=sqlite_store, clock=clock)


async def asked(client: UpstreamClient, times: int) -> int:
    """How many of so many requests at once were refused."""
    got = await asyncio.gather(*[client.send(Request(path="list")) for _ in range(times)], return_exceptions=True)
    unexpected = [one for one in got if isinstance(one, BaseException) and not isinstance(one, RateLimitedError)]
    assert unexpected == []
    return sum(isinstance(one, RateLimitedError) for one in got)


def test_a_burst_of_refusals_is_one_refusal(scene: Scene) -> None:
    """Doubling the pause for each of five answers gave ten minutes of silence for a window of five seconds."""
    server = PocketBase(clock=scene.clock, limit=2, together=8)

    async def scenario() -> list[int]:
        async with scene.client(server) as client:
            refused = await asked(client, 8)
            server.expect(1)
            return [refused, await asked(client, 2)]

    assert asyncio.run(scenario()) == [6, 0]
    assert sum(scene.slept) == 5


def test_what_is_let_in_while_a_refusal_is_written_belongs_to_it(scene: Scene) -> None:
    """Its admission came from another thread after the first 429; counted as another burst it doubled the pause."""
    server, budgets = PocketBase(clock=scene.clock, limit=0), SlowBudgets(scene.store)

    async def scenario() -> list[int]:
        async with scene.client(server, budgets) as client:
            both = asyncio.create_task(asked(client, 2))
            assert await asyncio.to_thread(budgets.refusing.acquire, timeout=60)
            budgets.late.set()
            assert await asyncio.to_thread(budgets.refusing.acquire, timeout=60)
            budgets.written.set()
            refused = await both
            server.limit = 10
            return [refused, await asked(client, 1)]

    assert asyncio.run(scenario()) == [2, 0]
    assert scene.slept == [5]


def test_an_admission_from_before_a_refusal_does_not_make_the_next_request_skip_the_look(scene: Scene) -> None:
    """That an upstream may be asked is believed for a quarter of a second; a 429 ends that, also for who comes late."""
    server, budgets = PocketBase(clock=scene.clock, limit=0), SlowBudgets(scene.store)

    async def scenario() -> list[int]:
        async with scene.client(server, budgets) as client:
            both = asyncio.create_task(asked(client, 2))
            budgets.written.set()
            assert await asyncio.to_thread(budgets.blocked.wait, 60)
            server.limit = 10
            budgets.late.set()
            refused = await both
            return [refused, await asked(client, 1)]

    assert asyncio.run(scenario()) == [1, 0]
    assert scene.slept == [5]


def test_a_backlog_is_worked_off_with_silences_no_longer_than_the_window(scene: Scene) -> None:
    """Sixty requests at ten in five seconds take six windows, not an hour; each is asked again until it is answered."""
    server = PocketBase(clock=scene.clock, limit=10)

    async def scenario() -> int:
        left, rounds = 60, 0
        async with scene.client(server) as client:
            while left:
                rounds += 1
                left -= min(8, left) - await asked(client, min(8, left))
        return rounds

    assert asyncio.run(scenario()) <= 40
    assert sum(scene.slept) <= 40
    assert max(scene.slept) <= 5
    assert server.statuses.count(200) == 60


def test_fewer_are_under_way_after_a_burst_and_more_again_as_it_goes_well(scene: Scene) -> None:
    """Coming back with as many as were refused earns the next burst."""
    server = PocketBase(clock=scene.clock, limit=6)

    async def scenario() -> list[int]:
        most = list[int]()
        async with scene.client(server) as client:
            for together in (8, 4):
                server.expect(together)
                await asked(client, 8)
                most.append(server.most_under_way)
            server.limit = 1_000
            await asked(client, 40)
            server.expect(8)
            await asked(client, 40)
            most.append(server.most_under_way)
        return most

    assert asyncio.run(scenario()) == [8, 4, 8]


def test_refusals_round_after_round_are_given_longer(scene: Scene) -> None:
    """What is sent after the pause and refused again is another burst; an upstream may want more than five seconds."""
    server = PocketBase(clock=scene.clock, limit=0)

    async def scenario() -> None:
        async with scene.client(server) as client:
            for _ in range(4):
                assert await asked(client, 1) == 1

    asyncio.run(scenario())
    assert scene.slept == [5, 10, 20]


def test_the_longest_time_of_a_burst_is_obeyed(scene: Scene) -> None:
    """Each of its answers may name one."""
    named = [{"Retry-After": "7"}, {"Retry-After": "30"}, {}]
    server = PocketBase(clock=scene.clock, limit=0, headers=named, together=3)

    async def scenario() -> None:
        async with scene.client(server) as client:
            await asked(client, 3)
            server.limit = 10
            server.expect(1)
            assert await asked(client, 1) == 0

    asyncio.run(scenario())
    assert sum(scene.slept) == 30
