"""As many decisions as fit into a moment, and how long each took."""

import asyncio
import time
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["Decide", "Lap", "lap", "lap_of_awaited"]

Decide = Callable[[], bool]
"""Makes one decision, and tells whether it was the right one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lap:
    """One lap of one process.

    Attributes:
        right: how many decisions were right: what should be admitted was, what should be denied was.
        made: how many were made.
        seconds: how long they took together.
        latencies_ns: how long each took.
    """

    right: int
    made: int
    seconds: float
    latencies_ns: "array[int]"


def lap(decide: Decide, seconds: float) -> Lap:
    """Decide for so long."""
    now, latencies, right = time.perf_counter_ns, array("q"), 0
    began = end = now()
    ends = began + int(seconds * 1e9)
    while end < ends:
        start = now()
        right += decide()
        end = now()
        latencies.append(end - start)
    return Lap(right=right, made=len(latencies), seconds=(end - began) / 1e9, latencies_ns=latencies)


def lap_of_awaited(decide: Callable[[], Awaitable[None]], seconds: float) -> Lap:
    """The same for what is awaited, inside of one event loop."""

    async def decided() -> Lap:
        now, latencies = time.perf_counter_ns, array("q")
        began = end = now()
        ends = began + int(seconds * 1e9)
        while end < ends:
            start = now()
            await decide()
            end = now()
            latencies.append(end - start)
        made = len(latencies)
        return Lap(right=made, made=made, seconds=(end - began) / 1e9, latencies_ns=latencies)

    return asyncio.run(decided())
