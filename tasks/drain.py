"""Draining: jobs are done for some minutes by a drain that is woken at once; Prefect sees it, never single jobs."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_logger

from syncline.jobs.adaptive_intervals import AdaptiveIntervals
from syncline.jobs.drain import Drain, Drained, DrainLimits
from syncline.jobs.due import Freshness
from syncline.jobs.guarded import Guarded, OpenSources
from syncline.jobs.notices import tell_users
from syncline.jobs.resident import Throughput, attended, wait_for_place
from syncline.jobs.work import AccountSync
from syncline.model.policies import Priority
from syncline.model.session import Status
from syncline.model.source import Source
from syncline.store.account_removal import purge_removed
from syncline.store.breakers import Change
from syncline.store.drains import DrainPlace
from syncline.store.engine import Store
from syncline.store.job_wake import bell_of
from tasks.breaker import breaker_event
from tasks.context import open_store, settings

__all__ = ["drain_for", "drain_minute"]

_MINUTE_SECONDS = 60.0
_PLACE_SECONDS = 90.0
"""How long a new drain waits for the one before to leave: that one hears of it within seconds, and ends its claims."""
_AGAIN_SECONDS = 5.0
"""The pause before a drain that fell over begins anew."""
_SHOW_SECONDS = 10
_PURGED_ROWS = 10_000
"""So many rows of accounts that were removed are deleted each minute."""
_drain: ContextVar[_Drain] = ContextVar("syncline_drain")


@dataclass(frozen=True, kw_only=True)
class _Drain:
    """The drain of this flow run."""

    drain: Drain
    work: asyncio.Task[Drained]
    sources: Sequence[str]


async def drain_for(
    sources: Sequence[Source], *, seconds: float, slot: int, priorities: Sequence[Priority]
) -> dict[str, int]:
    """Do the jobs of `sources` that are due, for so many seconds; returns how many had which outcome.

    The drain of the run before is asked to leave, and ends what it has under way; until then this one waits.
    """
    ready = {one.name: one for one in sources if one.accounts is not None and one.missing(settings()) is None}
    store, log = open_store(), get_logger("syncline")
    place = DrainPlace(
        host=socket.gethostname(),
        slot=slot,
        owner=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        priorities=tuple(priorities),
        capacity=DrainLimits().under_way,
    )
    if not ready:
        log.info("nothing to drain: no source with accounts is set up")
        return {}
    ends = asyncio.get_running_loop().time() + seconds
    counts: dict[str, int] = {}
    while (left := ends - asyncio.get_running_loop().time()) > 0:
        if not await wait_for_place(store, place, seconds=_PLACE_SECONDS):
            log.warning("another drain is at work at slot %d, and does not leave", slot)
            break
        try:
            _add(counts, await _drain_once(store, ready, place, left))
            break
        except Exception:
            log.exception("the drain fell over; it begins anew")
            await asyncio.sleep(_AGAIN_SECONDS)
    await _show(counts, slot)
    return counts


async def _drain_once(store: Store, sources: Mapping[str, Source], place: DrainPlace, seconds: float) -> Drained:
    """Drain until the time is over, the next drain asks for the place, or it falls over."""
    async with AsyncExitStack() as stack:
        throughput = Throughput()
        drain = await _opened(stack, store, sources, place, throughput)
        work = await stack.enter_async_context(attended(store, place, drain, throughput))
        token = _drain.set(_Drain(drain=drain, work=work, sources=list(sources)))
        stack.callback(_drain.reset, token)
        ends = asyncio.get_running_loop().time() + seconds
        while not work.done() and (left := ends - asyncio.get_running_loop().time()) > 0:
            await drain_minute(min(_MINUTE_SECONDS, left))
    return await work


async def _opened(
    stack: AsyncExitStack, store: Store, sources: Mapping[str, Source], place: DrainPlace, throughput: Throughput
) -> Drain:
    connectors: dict[str, AccountSync] = {}
    policies: dict[str, Freshness] = {}
    for name, source in sources.items():
        kind = source.accounts
        assert kind is not None
        assert kind.connect is not None
        assert kind.freshness is not None
        inner: AccountSync = await stack.enter_async_context(kind.connect(store, settings()))
        connectors[name], policies[name] = Guarded(inner, source, store, on_change=_tell), kind.freshness(settings())
    bell = await stack.enter_async_context(bell_of(store))
    return Drain(
        store,
        connectors,
        policies,
        owner=place.owner,
        bell=bell,
        limits=DrainLimits(claim=settings().periodic_batch),
        priorities=place.priorities,
        slot=place.slot,
        open_sources=OpenSources(store=store, sources=sources),
        on_batch=throughput.hear,
        intervals=AdaptiveIntervals(store, policies),
    )


@task(name="drain-minute", cache_policy=NO_CACHE, persist_result=False)
async def drain_minute(seconds: float) -> dict[str, int]:
    """Let the drain work for a minute, and log what it has done; raises what made it fall over."""
    resident = _drain.get()
    before = _counts(resident.drain.done)
    await asyncio.wait({resident.work}, timeout=seconds)
    if resident.work.done():
        resident.work.result()
    await asyncio.to_thread(purge_removed, open_store(), _PURGED_ROWS)
    allowed = settings().accounts.notify_private_hosts
    await asyncio.to_thread(partial(tell_users, open_store(), resident.sources, private_allowed=allowed))
    counts = {name: number - before.get(name, 0) for name, number in _counts(resident.drain.done).items()}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    get_logger("syncline").info("Periodic sync batch: %s", told or "nothing was due", extra={"outcomes": counts})
    return counts


def _counts(done: Drained) -> dict[str, int]:
    more = {"late": done.late, "crashed": done.crashed, "given back": done.given_back}
    return {str(status): done.outcomes.get(status, 0) for status in Status if status in done.outcomes} | more


def _add(counts: dict[str, int], done: Drained) -> None:
    for name, number in _counts(done).items():
        counts[name] = counts.get(name, 0) + number


def _tell(change: Change) -> None:
    told = breaker_event(change, "jobs of its accounts")
    emit_event(told.event, dict(told.resource), occurred=told.occurred, payload=told.payload)


async def _show(counts: Mapping[str, int], slot: int) -> None:
    """An artifact with what the drain did."""
    rows = [{"outcome": name, "jobs": number} for name, number in counts.items()]
    try:
        async with asyncio.timeout(_SHOW_SECONDS):
            await acreate_table_artifact(rows, key=f"drain-jobs-{slot}", description="How many jobs had which outcome")
    except Exception:  # noqa: BLE001 - what it says is in the database
        get_logger("syncline").debug("the artifact of the drain was not made", exc_info=True)
