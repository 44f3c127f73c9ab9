"""Time that passes only while nobody works."""

import asyncio
import heapq
from collections.abc import Coroutine
from itertools import count

from syncline.clock import ManualClock

__all__ = ["VirtualTime"]


class VirtualTime:
    """Time that passes only while all who live in it sleep: the clock then moves to the first that wakes."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._awake = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._group = asyncio.TaskGroup()

    async def sleep(self, seconds: float) -> None:
        """Sleep; real work of others goes on."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._clock.now().timestamp() + max(0, seconds), next(self._order), future))
        self._awake -= 1
        self._wake_next()
        await future

    async def live(self, *lives: Coroutine[None, None, object]) -> None:
        """Run these side by side until all have ended, and whatever they began."""
        async with asyncio.timeout(300), asyncio.TaskGroup() as self._group:
            for life in lives:
                self.begin(life)

    def begin(self, life: Coroutine[None, None, object]) -> None:
        """Begin one more life beside the others."""

        async def one() -> None:
            await life
            self._awake -= 1
            self._wake_next()

        self._awake += 1
        self._group.create_task(one())

    def _wake_next(self) -> None:
        if self._awake or not self._sleepers:
            return
        wakes_at, _, future = heapq.heappop(self._sleepers)
        self._clock.advance(seconds=max(0.0, wakes_at - self._clock.now().timestamp()))
        self._awake += 1
        future.set_result(None)
