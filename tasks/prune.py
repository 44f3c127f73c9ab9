"""Pruning: what a full pass found gone upstream is deleted, or the reason why not is put on record."""

from __future__ import annotations

import asyncio

from syncline.model.policies import Mode
from syncline.model.session import Tally
from syncline.model.source import Source
from syncline.passes import prune as passes
from syncline.passes.prune import Pruned
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step

__all__ = ["prune", "prune_task"]


async def prune(source: Source, mode: Mode = Mode.INCREMENTAL, *, force: bool = False) -> Tally:
    """End the pass; `force` deletes also where that would be more than the source's `max_fraction`.

    The pass knows whether it was full; `mode` stands in the flow's sentence for its reader.
    """
    del mode
    pruned = await attempt(prune_task, source.retry, source, force=force)
    return pruned.tally


@step
async def prune_task(source: Source, *, force: bool) -> Pruned:
    """Delete, or refuse to."""
    run = current_run()
    return await asyncio.to_thread(passes.prune, run.store, source, run.session_id, force=force)
