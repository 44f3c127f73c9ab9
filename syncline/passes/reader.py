"""Pages are read ahead of their commit: bounded, in order, several in one batch if several are there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TypeAlias

from syncline.model.page import Page

__all__ = ["batches"]

_AHEAD = 4
"""Pages that wait for their commit, beside those that the connector has under way."""
_LINGER_SECONDS = 0.03
"""How long a batch that is not full waits for the next page: a transaction costs as much as reading several pages."""

_Arrival: TypeAlias = "Page | Exception | None"
"""A page, the error that ended the reading, or None at its end."""


async def batches(pages: AsyncGenerator[Page], *, rows: int) -> AsyncGenerator[list[Page]]:
    """Yield pages in order: what comes within a moment, up to about `rows` items; a slow upstream's pages one by one.

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
    """Wait for one arrival and take what follows at once; the second value says why there will be no more."""
    batch: list[Page] = []
    held = 0
    arrival = await queue.get()
    while True:
        if arrival is None:
            return batch, _END
        if isinstance(arrival, Exception):
            return batch, arrival
        batch.append(arrival)
        held += len(arrival.rows)
        if held >= rows:
            return batch, None
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                arrival = await queue.get()
        except TimeoutError:
            return batch, None


async def _read(pages: AsyncGenerator[Page], queue: asyncio.Queue[_Arrival]) -> None:
    try:
        async with aclosing(pages):
            async for page in pages:
                await queue.put(page)
    except Exception as error:  # noqa: BLE001 - raised again where the queue is read
        await queue.put(error)
    else:
        await queue.put(None)
