"""Pulling: from the upstream into the table, page by page, from the checkpoint on."""

from __future__ import annotations

from functools import partial

from syncline.errors import MostlyRejectedError
from syncline.model.policies import Mode
from syncline.model.session import Tally, is_mostly_rejected
from syncline.model.source import Source
from syncline.passes import pull as passes
from syncline.passes.pull import Progress
from tasks.breaker import report_outcome
from tasks.due import is_forced
from tasks.early_end import EarlyEnd, unless_ended
from tasks.progress import ProgressArtifact
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step
from tasks.stopping import stop_if_asked

__all__ = ["pull", "pull_task"]


async def pull(source: Source, mode: Mode = Mode.INCREMENTAL) -> Tally:
    """Read what is new (or everything) and store it; a retried attempt goes on where the last page was stored.

    A run that was asked for with `force` also stores what empties a whole column.
    """
    mode, force = current_run().stronger(mode), is_forced()
    return unless_ended(await attempt(pull_task, source.retry, source, mode, force=force))


@step
async def pull_task(source: Source, mode: Mode, *, force: bool = False) -> Tally | EarlyEnd:
    """One attempt; a run that must wait longer than its patience says so instead of failing."""
    run = current_run()
    transport = await run.open_transport()
    progress = ProgressArtifact(source.name, run.store.clock)

    async def stored(done: Progress) -> None:
        await progress.show(done)
        stop_if_asked(run)

    run.last.push_async_callback(progress.close)
    work = passes.pull(run.store, source, transport, run.session_id, mode=mode, force=force, on_page=stored)
    return await report_outcome(run, work, trouble=partial(_rejections, source, mode))


def _rejections(source: Source, mode: Mode, tally: Tally) -> MostlyRejectedError | None:
    """What is wrong with an upstream that answers, but with items that do not fit."""
    if not is_mostly_rejected(mode, processed=tally.processed, rejected=tally.rejected):
        return None
    message = f"{tally.rejected} of {tally.processed} items were rejected"
    return MostlyRejectedError(message, upstream=source.upstream.name)
