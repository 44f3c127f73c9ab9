"""A drain that lives for minutes: it takes its place, gives signs of life, and begins anew where it fell over."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from syncline.clock import microseconds
from syncline.errors import DatabaseUnavailableError
from syncline.jobs.drain import Drain, Drained
from syncline.jobs.work import Ended
from syncline.model.policies import Priority
from syncline.store import drains
from syncline.store.drains import DrainPlace
from syncline.store.engine import Store
from syncline.store.leases import Process

__all__ = ["Throughput", "attended", "wait_for_place"]

_log = logging.getLogger("syncline.jobs")
_BEAT_SECONDS = 2.0
"""How often a drain gives a sign of life, and finds out that another one asks for its place."""
_LOOK_SECONDS = 0.25
"""How often a drain that waits for its place looks whether it is free."""
_MINUTE_US = 60_000_000


@dataclass
class Throughput:
    """How many jobs of each priority ended in the last minute."""

    _ended: deque[tuple[int, Priority]] = field(default_factory=deque[tuple[int, Priority]])

    def hear(self, source: str, ended: Sequence[Ended]) -> None:
        """Count the ends of a claim."""
        del source
        self._ended.extend((one.end.ended_us, one.end.job.priority) for one in ended)

    def last_minute(self, now_us: int) -> dict[Priority, int]:
        """How many ended in the minute before now."""
        while self._ended and self._ended[0][0] <= now_us - _MINUTE_US:
            self._ended.popleft()
        counted = dict.fromkeys(Priority, 0)
        for _, priority in self._ended:
            counted[priority] += 1
        return counted


async def wait_for_place(store: Store, place: DrainPlace, *, seconds: float) -> bool:
    """Become the drain of this host and slot as soon as the one before leaves; returns whether that came in time."""
    ends = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(_taken, store, place):
        if asyncio.get_running_loop().time() >= ends:
            return False
        await asyncio.sleep(_LOOK_SECONDS)
    return True


@asynccontextmanager
async def attended(
    store: Store, place: DrainPlace, drain: Drain, throughput: Throughput, *, beat_seconds: float = _BEAT_SECONDS
) -> AsyncGenerator[asyncio.Task[Drained]]:
    """Run `drain`, whose place is taken, in the background; at the end it stops, and the place is free again.

    It stops before where another drain asks for its place, or has taken it.
    """
    stopping = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, _leave, store, place)
        beating = asyncio.create_task(_beat(store, place, drain, throughput, stopping, seconds=beat_seconds))
        stack.callback(beating.cancel)
        work = asyncio.create_task(drain.run(stopping))
        try:
            yield work
        finally:
            stopping.set()
            await asyncio.wait({work})


async def _beat(
    store: Store, place: DrainPlace, drain: Drain, throughput: Throughput, stopping: asyncio.Event, *, seconds: float
) -> None:
    """Give signs of life until another drain asks for the place, or has taken it, as this one seemed dead."""
    while True:
        with suppress(DatabaseUnavailableError):  # the next one may be in time
            if not await asyncio.to_thread(_beaten, store, place, drain, throughput):
                _log.info("another drain takes over at %s, slot %d", place.host, place.slot)
                stopping.set()
                return
        await asyncio.sleep(seconds)


def _taken(store: Store, place: DrainPlace) -> bool:
    with store.write() as connection:
        now_us = microseconds(store.now(connection))
        return drains.take_place(connection, place, process=Process.current(), now_us=now_us) is None


def _beaten(store: Store, place: DrainPlace, drain: Drain, throughput: Throughput) -> bool:
    with store.write() as connection:
        now_us = microseconds(store.now(connection))
        ended = throughput.last_minute(now_us)
        return drains.beat(connection, place, now_us=now_us, under_way=drain.under_way, ended=ended)


def _leave(store: Store, place: DrainPlace) -> None:
    with suppress(DatabaseUnavailableError), store.write() as connection:
        drains.leave(connection, place)
