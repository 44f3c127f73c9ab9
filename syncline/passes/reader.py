"""Pages read ahead of their commit: bounded, in order, several at once where several are there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from syncline.model.page import Page

__all__ = ["batches"]

_AHEAD = 4
"""Pages that wait for their commit, beside those that the connector has under way."""

_Arrival: TypeAlias = "Page | Exception | None"
"""A page, the error that ended the reading, or None at its end."""


async def batches(pages: AsyncGenerator[Page], *, rows: int) -> AsyncGenerator[list[Page]]:
    """Yield pages in order: at once what has come, up to about `rows` items; a slow upstream's pages one by one.

    An error of the upstream is raised after the pages before it were yielded.
    """
    queue: asyncio.Queue[_Arrival] = asyncio.Queue(maxsize=_AHEAD)
    reader = asyncio.create_task(_read(pages, queue))
    try:
        while True:
            batch, end = await _take(queue, rows)
            if batch:
                yield batch
            if isinstance(end, Exception):
                raise end
            if end is _END:
                return
    finally:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


_END = object()


async def _take(queue: asyncio.Queue[_Arrival], rows: int) -> tuple[list[Page], object]:
    """Wait for one arrival and take what else is there; the second value says why there will be no more."""
    batch: list[Page] = []
    arrival = await queue.get()
    while True:
        if arrival is None:
            return batch, _END
        if isinstance(arrival, Exception):
            return batch, arrival
        batch.append(arrival)
        if queue.empty() or sum(len(page.rows) for page in batch) >= rows:
            return batch, None
        arrival = queue.get_nowait()


async def _read(pages: AsyncGenerator[Page], queue: asyncio.Queue[_Arrival]) -> None:
    try:
        async with aclosing(pages):
            async for page in pages:
                await queue.put(page)
    except Exception as error:  # noqa: BLE001 - raised by the one who reads the queue
        await queue.put(error)
    else:
        await queue.put(None)
