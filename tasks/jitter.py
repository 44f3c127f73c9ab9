"""The jitter of a source's schedule, waited before the run holds anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from syncline.clock import Clock
from syncline.model.policies import Mode
from syncline.model.source import Source
from syncline.passes.ticks import begins_at
from tasks.due import current_due

__all__ = ["jitter_left_seconds", "wait_for_jitter"]


async def wait_for_jitter(
    source: Source, clock: Clock, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Wait until the run of the tick under way begins; a run that nobody scheduled begins at once."""
    seconds = jitter_left_seconds(source, current_due(Mode.INCREMENTAL).scheduled_for, clock.now())
    if seconds > 0:
        await sleep(seconds)


def jitter_left_seconds(source: Source, tick: datetime | None, now: datetime) -> float:
    """How long the run of `tick` still waits; 0 where it waits no longer, or for nothing."""
    if tick is None or not source.jitter_seconds:
        return 0
    return max(0, (begins_at(source, tick) - now).total_seconds())
