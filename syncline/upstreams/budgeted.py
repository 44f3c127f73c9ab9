"""Rate budgets at the wire: the outermost transport of an upstream pays for each request before it is sent."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpx

from syncline.clock import Clock, Steady, SteadyClock, SystemClock
from syncline.errors import BudgetSpentError
from syncline.model.budgets import BudgetKey
from syncline.model.policies import Backoff, Priority
from syncline.model.upstream import Upstream
from syncline.resilience.budget_state import Denied, Granted
from syncline.upstreams.answers import limits_rate
from syncline.upstreams.bodies import asked_by
from syncline.upstreams.connections import InFlight
from syncline.upstreams.limits import read_quota, retry_at

__all__ = ["BudgetGate", "BudgetedTransport", "RequestBudget", "wait_looking"]

_PAUSES = Backoff(initial=5, maximum=900, jitter=0)
"""The pauses after bursts of 429s, one after the other, that name no time."""
_UNBLOCKED_FOR = timedelta(seconds=0.25)
"""For how long an upstream that was read as not blocked is taken to be so without another look at the database."""
_SHORTEST_WAIT_SECONDS = 0.001
_LONGEST_WAY_SECONDS = 5.0
"""After so long a request counts as arrived, even if no answer was seen, or its process died."""
_FREE = Granted()
_FORBIDDEN = 403


class BudgetGate(Protocol):
    """The budgets as a transport needs them (`syncline.store.budgets.Budgets`); its methods may block for a moment."""

    def acquire(
        self,
        keys: Sequence[BudgetKey],
        *,
        cost: int = 1,
        priority: Priority = Priority.NORMAL,
        under_way_seconds: float = 0,
    ) -> Granted | Denied:
        """Pay for a request from all of these budgets, or from none.

        It counts as under way until it is settled, or for `under_way_seconds`.
        """
        ...

    def settle(self, keys: Sequence[BudgetKey], granted: Granted, *, answered: Steady) -> None:
        """Count an admitted request from its answer on, which was seen at that time."""
        ...

    def block(self, keys: Sequence[BudgetKey], *, until: datetime) -> None:
        """Spend nothing from these budgets before `until`."""
        ...

    def learn(self, key: BudgetKey, *, remaining: int, until: datetime) -> None:
        """Spend no more than `remaining` before `until`."""
        ...


@dataclass(frozen=True, kw_only=True)
class RequestBudget:
    """The budget of one client's requests, and what it does while they wait for it.

    Attributes:
        gate: the budgets.
        priority: decides which request is served first where a budget is short.
        patience_seconds: how long a request waits for its budgets, in all.
        sleep: waits for so many seconds, and lets everything else go on.
        on_wait: called with what is waited for, and until when.
        for_holds: called before each request, and each second while one waits for its budget: waits while a hold
            is in force, or raises `DeferredError`; None: there are no holds.
    """

    gate: BudgetGate
    priority: Priority = Priority.NORMAL
    patience_seconds: float = 30
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_wait: Callable[[str, datetime], None] | None = None
    for_holds: Callable[[], Awaitable[None]] | None = None


class BudgetedTransport(httpx.AsyncBaseTransport):
    """Pays for each request, and learns from each answer what is left; passes both on unchanged.

    A 429 that another process receives stops this one at its next payment, where a budget pays for its requests. Where
    none does, only the upstream as a whole is blocked; that is read from the database four times a second, so this
    process stops up to a quarter of a second later.

    When an upstream begins to refuse, several requests are under way, and each is answered 429. They count as one
    burst: one pause, one step of the back-off. A request belongs to the burst if it asked to be admitted before the
    first of these answers had blocked the budget: the database admits requests while the block is being written.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        upstream: Upstream,
        budget: RequestBudget,
        clock: Clock,
        *,
        room: Callable[[], asyncio.Semaphore],
        account_id: str = "",
    ) -> None:
        """Send by `inner` what the budgets of `upstream` and of the account admit.

        `room` bounds what the process has under way there.
        """
        self._account_id = account_id
        self._inner = inner
        self._upstream = upstream
        self._budget = budget
        self._clock = clock
        self._steady = clock if isinstance(clock, SteadyClock) else SystemClock()
        self._block_key = upstream.block_key
        self._unblocked_at: datetime | None = None
        self._room = room
        self._in_flight = InFlight(upstream.max_in_flight)
        self._way_seconds = min(upstream.timeout_seconds, _LONGEST_WAY_SECONDS)
        self._shut = 0  # how many bursts have blocked the budget
        self._shutting = False  # the next block is being written, in another thread
        self._burst_until: datetime | None = None
        self._bursts = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` once it is paid for.

        Raises:
            BudgetSpentError: the budget admits it only after more than the patience.
            DeferredError: a hold is in force.
        """
        keys, waited = self._upstream.budgets_for(request.url.path, self._account_id), 0.0
        cost = asked_by(request).cost
        while True:
            async with self._in_flight, self._place():
                shut = self._shut
                said = await self._pay(keys, cost)
                if isinstance(said, Granted):
                    return await self._answered(request, keys, said, shut)
            waited += await self._wait(said, waited)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    def _is_seen_unblocked(self) -> bool:
        """Whether the upstream was read as not blocked just now."""
        return (
            self._unblocked_at is not None and timedelta(0) <= self._clock.now() - self._unblocked_at < _UNBLOCKED_FOR
        )

    async def _pay(self, keys: Sequence[BudgetKey], cost: int) -> Granted | Denied:
        """Pay from these budgets, unless the whole upstream is blocked; a denied request reserves nothing."""
        looks = not self._is_seen_unblocked()
        if not (keys or looks):
            return _FREE
        asked, budget, shut = (self._block_key, *keys) if looks else keys, self._budget, self._shut
        said = await asyncio.to_thread(
            budget.gate.acquire,
            asked,
            cost=cost,
            priority=budget.priority,
            under_way_seconds=self._way_seconds,
        )
        if isinstance(said, Granted) and looks and self._is_after_bursts(shut):
            self._unblocked_at = self._clock.now()
        return said

    def _is_after_bursts(self, shut: int) -> bool:
        """Whether a request that asked when `shut` bursts had blocked the budget belongs to none of them."""
        return shut == self._shut and not self._shutting

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        """A place among the requests that this process has under way at the upstream.

        Other accounts need these places, so a hold or a spent budget is waited for without one.
        """
        await self._stop_if_held()
        room = self._room()
        has_to_wait = room.locked()
        async with room:
            if has_to_wait:
                await self._stop_if_held()  # it may have been placed meanwhile
            yield

    async def _stop_if_held(self) -> None:
        if self._budget.for_holds is not None:
            await self._budget.for_holds()

    async def _wait(self, said: Denied, waited: float) -> float:
        """Wait until the budget may be asked again; returns for how many seconds.

        Raises:
            BudgetSpentError: that exceeds the patience, of which so much was `waited` already.
            DeferredError: a hold was placed meanwhile.
        """
        budget, wait = self._budget, max(_SHORTEST_WAIT_SECONDS, said.wait_seconds)
        if waited + wait > budget.patience_seconds:
            raise BudgetSpentError(said.budget, retry_at=said.retry_at)
        if budget.on_wait is not None:
            await asyncio.to_thread(budget.on_wait, f"budget {said.budget}", said.retry_at)
        await wait_looking(budget.sleep(wait), self._stop_if_held)
        return wait

    async def _answered(
        self, request: httpx.Request, keys: Sequence[BudgetKey], granted: Granted, shut: int
    ) -> httpx.Response:
        """Send what is paid for; it counts from its answer on, or from its error."""
        try:
            answer = await self._inner.handle_async_request(request)
        except Exception:  # not CancelledError: a cancelled request may still arrive, so it stays under way
            await self._settle(keys, granted)
            raise
        await self._settle(keys, granted)
        await self._learn_from(keys, answer, shut)
        return answer

    async def _settle(self, keys: Sequence[BudgetKey], granted: Granted) -> None:
        if granted.paid:
            await asyncio.to_thread(self._budget.gate.settle, keys, granted, answered=self._steady.steady())

    async def _learn_from(self, keys: Sequence[BudgetKey], answer: httpx.Response, shut: int) -> None:
        """Tell all processes what this answer says: to slow down, or how much is left."""
        gate, now = self._budget.gate, self._clock.now()
        if answer.status_code == _FORBIDDEN:
            await answer.aread()  # Google says in the body that it means the rate
        if limits_rate(answer):
            await self._refused(self._to_blame(keys), retry_at(answer.headers, now), shut, now)
            return
        if self._is_after_bursts(shut):
            self._bursts = 0
            self._in_flight.went_well()
        quota = read_quota(answer.headers, now) if len(keys) == 1 else None
        if quota is not None:
            await asyncio.to_thread(gate.learn, keys[0], remaining=quota.remaining, until=quota.until)

    def _to_blame(self, keys: Sequence[BudgetKey]) -> Sequence[BudgetKey]:
        """Which of the budgets that paid for a refused request are to be blocked.

        Where one of them is the account's, the refusal is taken to be the account's own: it must block no other. If the
        upstream meant us all, the others are refused at their own next request.
        """
        return [key for key in keys if key.account_id] or keys or (self._block_key,)

    async def _refused(self, keys: Sequence[BudgetKey], named: datetime | None, shut: int, now: datetime) -> None:
        """Block these budgets until the time that the upstream `named`, or for a pause where it named none."""
        self._unblocked_at = None
        begins = self._is_after_bursts(shut)
        if begins:
            self._shutting = True
            self._bursts += 1
            self._burst_until = named or now + self._pause()
            self._in_flight.refused()
        try:
            until = named or self._burst_until or now + self._pause()
            await asyncio.to_thread(self._budget.gate.block, keys, until=until)
        finally:
            if begins:
                self._shut, self._shutting = self._shut + 1, False

    def _pause(self) -> timedelta:
        """The pause where the upstream names no time."""
        return timedelta(seconds=_PAUSES.grown_seconds(self._bursts))


_LOOK_EVERY_SECONDS = 1.0


async def wait_looking(wait: Awaitable[None], look: Callable[[], Awaitable[None]]) -> None:
    """Await `wait`, and call `look` each second until it is over; what `look` raises ends the wait.

    The wait is one call, so that a clock which is moved by hand moves once, and by all of it.
    """
    waiting = asyncio.ensure_future(wait)
    try:
        while not (await asyncio.wait({waiting}, timeout=_LOOK_EVERY_SECONDS))[0]:
            await look()
        await waiting
    finally:
        waiting.cancel()
