"""Waiting for admission: a run that may wait for its turn asks again until it is let in, or its patience ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from syncline.errors import StoreError
from syncline.model.policies import Overlap
from syncline.model.source import Source
from syncline.passes.admission import ask
from syncline.passes.due import Admission, Due, Wait
from syncline.store import queue
from syncline.store.engine import Store

__all__ = ["admit_in_turn", "patience_seconds"]

_ASK_EVERY_SECONDS = 0.5
_ENDS_WITHIN_SECONDS = 15
"""A run that is asked to end does so within a few seconds; so long the one that takes its place waits at least."""


def patience_seconds(source: Source) -> float:
    """How long a run of the source waits for its turn."""
    at_least = _ENDS_WITHIN_SECONDS if source.overlap is Overlap.CANCEL_RUNNING else 0
    return max(source.patience_seconds, at_least)


async def admit_in_turn(
    store: Store,
    source: Source,
    due: Due,
    *,
    is_behind: Callable[[], Awaitable[bool]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Admission:
    """Admit the run as `admission.admit` does, after a wait of up to the source's patience where its policies want it.

    `is_behind` tells whether an earlier tick is on its way, which a late run waits for; `sleep` waits so many seconds.
    """
    place: Wait | None = None
    until = store.clock.now() + timedelta(seconds=patience_seconds(source))
    try:
        while True:
            behind = is_behind is not None and await is_behind()
            gives_up = store.clock.now() >= until
            said = await asyncio.to_thread(ask, store, source, due, place=place, behind=behind, gives_up=gives_up)
            if isinstance(said, Admission):
                return said
            place = said
            await sleep(_ASK_EVERY_SECONDS)
    except BaseException:
        _leave(store, place)
        raise


def _leave(store: Store, place: Wait | None) -> None:
    """Give the place up; where the database is away, it is lost by itself in a minute."""
    if place is not None:
        with suppress(StoreError), store.write() as connection:
            queue.leave(connection, place.session_id)
