"""Waits that are checked while they last, so that a hold can end them."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["wait_looking"]

_LOOK_EVERY_SECONDS = 1.0


async def wait_looking(wait: Awaitable[None], look: Callable[[], Awaitable[None]]) -> None:
    """Await `wait`, and call `look` each second until it is over; what `look` raises ends the wait.

    The wait is one call, so that a clock which is moved by hand moves once, and by all of it.
    """
    waiting = asyncio.ensure_future(wait)
    try:
        while not (await asyncio.wait({waiting}, timeout=_LOOK_EVERY_SECONDS))[0]:
            await look()
        await waiting
    finally:
        waiting.cancel()
