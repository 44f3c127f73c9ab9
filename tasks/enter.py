"""Entering: the tweets that were pulled become entries of the contest's open round."""

from __future__ import annotations

import asyncio

from syncline.contests import entering
from syncline.model.source import Source
from tasks.context import settings
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step

__all__ = ["enter", "enter_task"]


async def enter(source: Source) -> int:
    """Make entries of the tweets of `source` that are none yet; returns how many."""
    return await attempt(enter_task, source.retry)


@step
async def enter_task() -> int:
    """One transaction."""
    run = current_run()
    return await asyncio.to_thread(entering.enter, run.store, run.session_id, round_seconds=settings().round_seconds)
