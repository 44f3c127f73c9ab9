"""Requests under way, in order."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """Answers that are awaited in the order in which they were asked for, however they arrive."""

    def __init__(self) -> None:
        self._tasks: deque[asyncio.Task[T]] = deque()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def failed(self) -> bool:
        """Whether one failed already: asking further would only annoy an upstream that said stop."""
        return any(task.done() and not task.cancelled() and task.exception() for task in self._tasks)

    def add(self, request: Coroutine[Any, Any, T]) -> None:
        """Start one more."""
        self._tasks.append(asyncio.create_task(request))

    async def head(self) -> T:
        """The oldest answer; it stays."""
        return await asyncio.shield(self._tasks[0])

    async def take(self) -> T:
        """The oldest answer; it is handed over."""
        answer = await self.head()
        self._tasks.popleft()
        return answer

    async def close(self) -> None:
        """Cancel all that is under way, and wait until it is over."""
        tasks = list(self._tasks)
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
