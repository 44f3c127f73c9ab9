"""Freezing: which rounds are due, and one of them from its first entry to its snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from syncline.contests import choosing, freezing, pushing
from syncline.contests.checking import Checks
from syncline.errors import UpstreamError
from syncline.model.session import Tally
from syncline.model.source import Source
from tasks.breaker import report_outcome
from tasks.context import settings
from tasks.early_end import EarlyEnd, unless_ended
from tasks.progress import ProgressArtifact
from tasks.retrying import attempt
from tasks.run import current_run
from tasks.step import step

__all__ = ["due_rounds", "freeze", "freeze_rounds", "freeze_task"]


async def due_rounds(read_by: Source, round_number: int | None = None) -> tuple[int, ...]:
    """The numbers of the rounds to freeze now: the one that is asked for, or those that are due."""
    return await asyncio.to_thread(_due_rounds, read_by, round_number)


def _due_rounds(read_by: Source, round_number: int | None) -> tuple[int, ...]:
    run, known = current_run(), settings()
    if round_number is None:
        return choosing.rounds_to_freeze(run.store, run.session_id, read_by, round_seconds=known.round_seconds)
    if known.snapshot_url is not None:
        pushing.ask_again(run.store, round_number)
    return (round_number,)


async def freeze_rounds(source: Source, numbers: Iterable[int]) -> Tally:
    """Freeze one round after the other; one of which X cannot tell keeps no other from it, and is raised at the end."""
    tally, failed = Tally(), list[UpstreamError]()
    for number in numbers:
        try:
            tally += await freeze(source, number)
        except UpstreamError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return tally


async def freeze(source: Source, round_number: int) -> Tally:
    """Check all entries of the round once more, and make its snapshot; a retried attempt goes on where it stood."""
    return unless_ended(await attempt(freeze_task, source.retry, source, round_number))


@step
async def freeze_task(source: Source, round_number: int) -> Tally | EarlyEnd:
    """One attempt; a run that must wait longer than its patience says so instead of failing."""
    run = current_run()
    transport = await run.open_transport()
    progress = ProgressArtifact(source.name, run.store.clock)
    run.last.push_async_callback(progress.close)
    checks = Checks(store=run.store, source=source, transport=transport, session_id=run.session_id, final=True)
    pushes_it = settings().snapshot_url is not None
    work = freezing.freeze(checks, round_number, pushes=pushes_it, on_batch=progress.show)
    stopped = await report_outcome(run, work, asked=lambda: bool(checks.tally.requests))
    return stopped if isinstance(stopped, EarlyEnd) else checks.tally
