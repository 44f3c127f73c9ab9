"""Entering: the tweets that were pulled become entries of the contest's open round."""

from __future__ import annotations

import asyncio

from prefect import task
from prefect.cache_policies import NO_CACHE

from syncline.contests import entering
from syncline.model.source import Source
from tasks.context import settings
from tasks.retrying import attempt, is_worth_another_try
from tasks.run import current_run
from tasks.task_hooks import note_attempt, note_failure

__all__ = ["enter", "enter_task"]


async def enter(source: Source) -> int:
    """Make entries of the tweets of `source` that are none yet; returns how many."""
    return await attempt(enter_task, source.retry)


@task(
    name="enter",
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_condition_fn=is_worth_another_try,
    on_running=[note_attempt],
    on_failure=[note_failure],
)
async def enter_task() -> int:
    """One transaction."""
    run = current_run()
    return await asyncio.to_thread(entering.enter, run.store, run.session_id, round_seconds=settings().round_seconds)
