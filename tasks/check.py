"""Checking: X is asked for some entries, once a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from syncline.contests.checking import Checks
from syncline.contests.tables import Entry
from syncline.contests.x import MOST_IDS
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.store.engine import Store
from tasks.breaker import report_outcome
from tasks.early_end import EarlyEnd, unless_ended
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step

__all__ = ["Choice", "check", "check_task"]

Choice: TypeAlias = Callable[[Store, int], Sequence[Entry]]
"""Which entries are to be checked, at most so many."""


async def check(source: Source, choose: Choice) -> Tally:
    """Check one batch of 100 entries; where there are none, X is not asked."""
    return unless_ended(await attempt(check_task, source.retry, source, choose))


@step
async def check_task(source: Source, choose: Choice) -> Tally | EarlyEnd:
    """One attempt; a run that must wait longer than its patience says so instead of failing."""
    run = current_run()
    checks = Checks(store=run.store, source=source, transport=await run.open_transport(), session_id=run.session_id)
    batch = await asyncio.to_thread(choose, run.store, MOST_IDS)
    stopped = await report_outcome(run, checks.check(batch), asked=lambda: bool(batch))
    return stopped if isinstance(stopped, EarlyEnd) else checks.tally
