"""Pages by aiohttp with nothing around it: eight under way, in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import aiohttp
import msgspec

from benchmarks.dataset import PAGE_SIZE
from benchmarks.work import Task

__all__ = ["Body", "bodies"]

_IN_FLIGHT = 8


class Body(msgspec.Struct):
    """A page's body, its items as raw JSON."""

    data: list[msgspec.Raw]
    total: int


async def bodies(task: Task) -> AsyncIterator[bytes]:
    """The bodies of all pages."""
    headers = {"Authorization": f"Bearer {task.token}"}
    since = {"updated_since": task.since} if task.since else {}
    async with aiohttp.ClientSession(task.upstream, headers=headers, read_bufsize=1 << 18) as session:

        async def fetch(page: int) -> bytes:
            asking = {"page": str(page), "per_page": str(PAGE_SIZE), **since}
            async with session.get("/erp/products", params=asking) as answer:
                answer.raise_for_status()
                return await answer.read()

        first = await fetch(1)
        pages = -(-msgspec.json.decode(first, type=Body).total // PAGE_SIZE)
        ahead = deque(asyncio.create_task(fetch(page)) for page in range(2, min(pages, _IN_FLIGHT + 1) + 1))
        yield first
        for page in range(2, pages + 1):
            body = await ahead.popleft()
            if page + _IN_FLIGHT <= pages:
                ahead.append(asyncio.create_task(fetch(page + _IN_FLIGHT)))
            yield body
