"""Pushing: snapshots are sent to the receiver that the settings name."""

from __future__ import annotations

from syncline.contests.pushing import endpoint_of, push_due
from syncline.errors import DeferredError
from syncline.model.source import Source
from syncline.passes.waiting import Waiting
from tasks.context import settings
from tasks.early_end import EarlyEnd, deferred_end, unless_ended
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step

__all__ = ["push_snapshots", "push_task"]


async def push_snapshots(source: Source) -> int:
    """Send the snapshots whose time has come; returns how many were accepted. Without an address nothing is sent."""
    return unless_ended(await attempt(push_task, source.retry))


@step
async def push_task() -> int | EarlyEnd:
    """Each of them once; one that is not accepted is sent again by a later run, and so is one that a hold stops."""
    run, endpoint = current_run(), endpoint_of(settings())
    if endpoint is None:
        return 0
    try:
        for_holds = Waiting(store=run.store, source=run.source).for_holds
        return await push_due(run.store, endpoint, run.session_id, for_holds=for_holds)
    except DeferredError as deferred:
        return deferred_end(deferred)
