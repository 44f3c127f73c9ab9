"""Processes that work off a backlog over real HTTP, as their upstream sees them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import msgspec

from benchmarks.resilience.crowd import Together, crowd
from benchmarks.resilience.sources import measured_source, measured_upstream
from benchmarks.resilience.wall import Seen
from syncline.errors import RateLimitedError, UnavailableError
from syncline.model.budgets import Budget, SlidingWindow
from syncline.model.page import Request
from syncline.model.upstream import Upstream
from syncline.resilience.breaker import outcome_of
from syncline.settings import Settings, UpstreamSettings
from syncline.store.breakers import Breakers, Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import RequestBudget
from syncline.upstreams.client import UpstreamClient

__all__ = ["Backlog", "Hits", "Quota", "measure_backlog", "measure_hits", "used_fraction"]

_LIMIT = 100
_WINDOWS = 0.05
"""How much longer than the periods over which the use is measured it is asked, in periods."""
_PROCESSES = 8
_ONE_CALL_PROCESSES = 12


class Quota(msgspec.Struct, kw_only=True, frozen=True):
    """What the upstream allows, and how far away it is.

    Attributes:
        limit: so many requests in any `period_seconds`, which it counts exactly.
        ways_seconds: the shortest and the longest way, there and back each.
        periods: how many are measured after the first, which is filled at once.
    """

    limit: int = _LIMIT
    period_seconds: float
    ways_seconds: tuple[float, float] = (0.0, 0.0)
    periods: int = 2

    @property
    def lasts_seconds(self) -> float:
        """For how long it is asked."""
        return (1 + self.periods + _WINDOWS) * self.period_seconds


class Backlog(msgspec.Struct, kw_only=True):
    """What the upstream saw of eight processes that had more to ask than it allows.

    Attributes:
        longest_way_ms: how long a request, or its answer, was on its way at most.
        refused: requests that it answered 429.
        used: the part of the quota that was used, averaged over the periods after the first.
    """

    database: str
    processes: int
    limit: int
    period_seconds: float
    longest_way_ms: float = 0
    accepted: int
    refused: int
    used: float


class Hits(msgspec.Struct, kw_only=True):
    """How often an upstream that is down was called by processes of one call each, before the breaker opened."""

    database: str
    processes: int
    hits: int


def measure_backlog(kind: str, url: str, quota: Quota) -> Backlog:
    """Let eight processes ask for as much as their budget gives, for some periods."""
    window = SlidingWindow(limit=quota.limit, period_seconds=quota.period_seconds)
    with _wall(quota) as address:
        lasts = quota.lasts_seconds
        crowd(_work_off, (url, address, window, lasts), _PROCESSES, within_seconds=2 * lasts)
        seen = _seen(address)
    return Backlog(
        database=kind,
        processes=_PROCESSES,
        limit=quota.limit,
        period_seconds=quota.period_seconds,
        longest_way_ms=1000 * quota.ways_seconds[1],
        accepted=len(seen.accepted),
        refused=seen.refused,
        used=round(used_fraction(seen.accepted, quota), 4),
    )


def used_fraction(accepted: list[float], quota: Quota) -> float:
    """How full the upstream's sliding window was on average, in the periods after the one of the first arrival."""
    if not accepted:
        return 0
    period_seconds = quota.period_seconds
    begins = min(accepted) + period_seconds
    ends = begins + quota.periods * period_seconds
    inside = sum(max(0.0, min(ends, at + period_seconds) - max(begins, at)) for at in accepted)
    return inside / (quota.limit * (ends - begins))


def measure_hits(kind: str, url: str) -> Hits:
    """Let twelve processes call once each, one after the other, an upstream that answers 503."""
    with _wall(Quota(period_seconds=1)) as address:
        for _ in range(_ONE_CALL_PROCESSES):
            crowd(_call_once, (url, address), 1, within_seconds=10)
        return Hits(database=kind, processes=_ONE_CALL_PROCESSES, hits=_seen(address).down)


def _work_off(together: Together, url: str, address: str, window: SlidingWindow, seconds: float) -> None:
    upstream = measured_upstream(Budget(policy=window, paths="/work$"))
    asyncio.run(_requests(together, url, address, upstream, seconds))


async def _requests(together: Together, url: str, address: str, upstream: Upstream, seconds: float) -> None:
    """Ask without end; a connection is opened before it counts."""
    store = Store(url)
    budget = RequestBudget(gate=Budgets(store), patience_seconds=2 * seconds)
    async with UpstreamClient(upstream, _settings(address), budget=budget) as client:
        await client.send(Request(path="ready"))
        await asyncio.to_thread(together)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await _asked(client)
        except TimeoutError:
            pass
    store.close()


async def _asked(client: UpstreamClient) -> None:
    try:
        await client.send(Request(path="work"))
    except RateLimitedError:
        return  # the upstream has counted it


def _call_once(together: Together, url: str, address: str) -> None:
    """A run of one call, as a schedule makes it."""
    together()
    store, source = Store(url), measured_source("measured")
    breakers = Breakers(store)
    permit = breakers.admit(source)
    if isinstance(permit, Permit):
        breakers.record(permit, outcome_of(asyncio.run(_failure(address))))
    store.close()


async def _failure(address: str) -> Exception | None:
    async with UpstreamClient(measured_upstream(), _settings(address)) as client:
        try:
            await client.send(Request(path="down"))
        except UnavailableError as error:
            return error
    return None


def _settings(address: str) -> Settings:
    return Settings(upstreams={"measured": UpstreamSettings.model_validate({"base_url": address})})


def _seen(address: str) -> Seen:
    return msgspec.json.decode(httpx.get(f"{address}/seen", timeout=10).content, type=Seen)


@contextmanager
def _wall(quota: Quota) -> Generator[str]:
    """The upstream in a process of its own; its address."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.resilience.wall",
        "--limit",
        str(quota.limit),
        "--period",
        str(quota.period_seconds),
        "--ways",
        *(str(seconds) for seconds in quota.ways_seconds),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise RuntimeError("the upstream did not start")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stdout:
            process.stdout.close()
