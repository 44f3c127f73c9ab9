"""Sweeping: the accounts of a source that fall due are queued."""

from __future__ import annotations

import asyncio
from functools import partial

from syncline.jobs.sweep import sweep
from syncline.model.session import Status, Tally
from syncline.model.source import Source
from syncline.store import sessions
from tasks.context import settings
from tasks.early_end import EarlyEnd, unless_ended
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step

__all__ = ["sweep_accounts", "sweep_task"]


async def sweep_accounts(source: Source) -> Tally:
    """Queue a job for each account of `source` that falls due; drains do them."""
    return unless_ended(await attempt(sweep_task, source.retry, source))


@step
async def sweep_task(source: Source) -> Tally | EarlyEnd:
    """One attempt; where the settings say that accounts are not synced by themselves, nothing is queued."""
    run, kind = current_run(), source.accounts
    assert kind is not None
    assert kind.freshness is not None
    switch = kind.disabled_by(settings())
    if switch is not None:
        return EarlyEnd(status=Status.SKIPPED, reason=f"paused: {switch} switches it off")
    count = await asyncio.to_thread(partial(sweep, run.store, source.name, kind.freshness(settings())))
    tally = Tally(processed=count.queued)
    with run.store.write() as connection:
        sessions.advance(connection, run.session_id, tally)
    return tally
