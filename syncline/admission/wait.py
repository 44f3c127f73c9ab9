"""Waiting for admission: a run that may wait asks again until it is its turn, or until it has waited too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from syncline.admission.admit import ask
from syncline.admission.due_run import Admission, DueRun, Queued
from syncline.errors import StoreError
from syncline.model.policies import Overlap
from syncline.model.source import Source
from syncline.store import queue
from syncline.store.engine import Store

__all__ = ["admit_in_turn", "patience_seconds"]

_ASK_EVERY_SECONDS = 0.5
_ENDS_WITHIN_SECONDS = 15
"""A session that is asked to end does so within a few seconds; the run that asked it waits at least this long."""


def patience_seconds(source: Source) -> float:
    """How long a run of the source waits for its turn."""
    at_least = _ENDS_WITHIN_SECONDS if source.overlap is Overlap.CANCEL_RUNNING else 0
    return max(source.patience_seconds, at_least)


async def admit_in_turn(
    store: Store,
    source: Source,
    run: DueRun,
    *,
    is_earlier_pending: Callable[[], Awaitable[bool]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Admission:
    """Admit the run as `admit.admit` does, after a wait of up to `patience_seconds` if the source's policies want it.

    Args:
        store: the database.
        source: what is to be brought up to date.
        run: the run that is due.
        is_earlier_pending: tells whether Prefect knows of an earlier tick whose run has not asked yet.
        sleep: waits so many seconds.
    """
    ticket: Queued | None = None
    until = store.clock.now() + timedelta(seconds=patience_seconds(source))
    try:
        while True:
            pending = is_earlier_pending is not None and await is_earlier_pending()
            timed_out = store.clock.now() >= until
            answer = await asyncio.to_thread(
                ask, store, source, run, ticket=ticket, earlier_pending=pending, timed_out=timed_out
            )
            if isinstance(answer, Admission):
                return answer
            ticket = answer
            await sleep(_ASK_EVERY_SECONDS)
    except BaseException:
        _leave(store, ticket)
        raise


def _leave(store: Store, ticket: Queued | None) -> None:
    """Leave the queue; if the database cannot be reached, the place expires by itself within a minute."""
    if ticket is not None:
        with suppress(StoreError), store.write() as connection:
            queue.leave(connection, ticket.session_id)
