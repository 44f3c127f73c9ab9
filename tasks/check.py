"""Checking: X is asked for some entries, once a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from prefect import task
from prefect.cache_policies import NO_CACHE

from syncline.contests.checking import Checks
from syncline.contests.tables import Entry
from syncline.contests.x import MOST_IDS
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.store.engine import Store
from tasks.breaker import noted
from tasks.early_end import EarlyEnd, unless_ended
from tasks.retrying import attempt, is_worth_another_try
from tasks.run import current_run
from tasks.task_hooks import note_attempt, note_completion, note_failure

__all__ = ["Choice", "check", "check_task"]

Choice: TypeAlias = Callable[[Store, int], Sequence[Entry]]
"""Which entries are to be checked, at most so many."""


async def check(source: Source, choose: Choice) -> Tally:
    """Check one batch of 100 entries; where there are none, X is not asked."""
    return unless_ended(await attempt(check_task, source.retry, source, choose))


@task(
    name="check",
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_condition_fn=is_worth_another_try,
    on_running=[note_attempt],
    on_completion=[note_completion],
    on_failure=[note_failure],
)
async def check_task(source: Source, choose: Choice) -> Tally | EarlyEnd:
    """One attempt; a run that must wait longer than its patience says so instead of failing."""
    run = current_run()
    checks = Checks(store=run.store, source=source, transport=await run.open_transport(), session_id=run.session_id)
    batch = await asyncio.to_thread(choose, run.store, MOST_IDS)
    stopped = await noted(run, checks.check(batch), asked=lambda: bool(batch))
    return stopped if isinstance(stopped, EarlyEnd) else checks.tally
