"""One read of something for all requests that ask for it at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

__all__ = ["SharedSnapshot"]

T = TypeVar("T")


class SharedSnapshot(Generic[T]):
    """Reads once for all requests that come at the same moment.

    One read runs at a time. A request that comes meanwhile waits for the next read, and shares it with all others that
    wait, so that a hundred at once cost two reads. It never gets what was read before it came, so nothing expires.
    """

    def __init__(self, take: Callable[[], Awaitable[T]]) -> None:
        """`take` reads."""
        self._take = take
        self._under_way: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The result of a read that begins after this call; raises what it raises."""
        if self._next is None or not _is_here(self._next):
            self._next = asyncio.create_task(self._after(self._under_way))
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None and _is_here(before) and not before.done():
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await self._take()


def _is_here(task: asyncio.Task[T]) -> bool:
    """Whether the task belongs to the running event loop; one of a loop that has ended never goes on."""
    return task.get_loop() is asyncio.get_running_loop()
