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
from syncline.model.upstream import Upstream
from syncline.resilience.breaker import outcome_of
from syncline.settings import Settings, UpstreamSettings
from syncline.store.breakers import Breakers, Permit
from syncline.store.budgets import Budgets
from syncline.store.engine import Store
from syncline.upstreams.budgeted import Spending
from syncline.upstreams.client import UpstreamClient

__all__ = ["Backlog", "Hits", "measure_backlog", "measure_hits", "used_fraction"]

_LIMIT = 100
_MARGIN = 0.01
"""As windows have it unless they are told otherwise."""
_WINDOWS = 3.05
"""The first is filled at once; over the two after it the use is measured."""
_PROCESSES = 8
_ONE_CALL_PROCESSES = 12


class Backlog(msgspec.Struct, kw_only=True):
    """What the upstream saw of eight processes that had more to ask than it allows.

    Attributes:
        period_seconds: in which it allows `limit` requests; it counts exactly.
        refused: requests that it answered 429.
        used: the part of the quota that was used, averaged over two periods after the first.
    """

    database: str
    processes: int
    limit: int
    period_seconds: float
    accepted: int
    refused: int
    used: float


class Hits(msgspec.Struct, kw_only=True):
    """How often an upstream that is down was called by processes of one call each, before the breaker opened."""

    database: str
    processes: int
    hits: int


def measure_backlog(
    kind: str, url: str, *, period_seconds: float, limit: int = _LIMIT, margin: float = _MARGIN
) -> Backlog:
    """Let eight processes ask for as much as their budget gives, for three periods."""
    window = SlidingWindow(limit=limit, period_seconds=period_seconds, margin=margin)
    with _wall(limit, period_seconds) as address:
        lasts = _WINDOWS * period_seconds
        crowd(_work_off, (url, address, window, lasts), _PROCESSES, within_seconds=2 * lasts)
        seen = _seen(address)
    return Backlog(
        database=kind,
        processes=_PROCESSES,
        limit=limit,
        period_seconds=period_seconds,
        accepted=len(seen.accepted),
        refused=seen.refused,
        used=round(used_fraction(seen.accepted, limit, period_seconds), 4),
    )


def used_fraction(accepted: list[float], limit: int, period_seconds: float) -> float:
    """How full the upstream's sliding window was on average, in the second and third period after the first arrival."""
    if not accepted:
        return 0
    begins = min(accepted) + period_seconds
    ends = begins + 2 * period_seconds
    inside = sum(max(0.0, min(ends, at + period_seconds) - max(begins, at)) for at in accepted)
    return inside / (limit * (ends - begins))


def measure_hits(kind: str, url: str) -> Hits:
    """Let twelve processes call once each, one after the other, an upstream that answers 503."""
    with _wall(_LIMIT, 1) as address:
        for _ in range(_ONE_CALL_PROCESSES):
            crowd(_call_once, (url, address), 1, within_seconds=10)
        return Hits(database=kind, processes=_ONE_CALL_PROCESSES, hits=_seen(address).down)


def _work_off(together: Together, url: str, address: str, window: SlidingWindow, seconds: float) -> None:
    upstream = measured_upstream(Budget(policy=window, paths="/work$"))
    asyncio.run(_requests(together, url, address, upstream, seconds))


async def _requests(together: Together, url: str, address: str, upstream: Upstream, seconds: float) -> None:
    """Ask without end; a connection is opened before it counts."""
    store = Store(url)
    spending = Spending(gate=Budgets(store), patience_seconds=2 * seconds)
    async with UpstreamClient(upstream, _settings(address), spending=spending) as client:
        await client.get("ready")
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
        await client.get("work")
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
            await client.get("down")
        except UnavailableError as error:
            return error
    return None


def _settings(address: str) -> Settings:
    return Settings(upstreams={"measured": UpstreamSettings.model_validate({"base_url": address})})


def _seen(address: str) -> Seen:
    return msgspec.json.decode(httpx.get(f"{address}/seen", timeout=10).content, type=Seen)


@contextmanager
def _wall(limit: int, period_seconds: float) -> Generator[str]:
    """The upstream in a process of its own; its address."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.resilience.wall",
        "--limit",
        str(limit),
        "--period",
        str(period_seconds),
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
