"""What there is to see now: from the database, and, where Prefect answers in time, when sources run next."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncline.errors import SynclineError
from syncline.model.session import SyncSession
from syncline.status.guards import Guards, guards
from syncline.status.history import history
from syncline.status.overview import SourceOverview, overview
from syncline.status.rounds import RoundOverview, newest
from web.context import Context
from web.controls import Schedule

__all__ = ["Sight", "look"]

_PATIENCE_SECONDS = 4.0
"""Prefect answers in a tenth of a second, on a machine that is busy in one or two."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One look at the instance.

    Attributes:
        at: when it was taken.
        sources: the sources with their state.
        guards: the breaker and the budgets of each source.
        sessions: the newest sessions of all sources, as many as were asked for.
        rounds: the newest rounds of the contest, as many as were asked for.
        schedules: when each source runs; None where Prefect does not answer.
    """

    at: datetime
    sources: Sequence[SourceOverview]
    guards: Mapping[str, Guards]
    sessions: Sequence[SyncSession]
    rounds: Sequence[RoundOverview]
    schedules: Mapping[str, Schedule] | None


async def look(context: Context, *, sessions: int = 0, rounds: int = 0) -> Sight:
    """See all sources, the newest `sessions` of them, and the newest `rounds`."""
    now = context.store.clock.now()
    seen, schedules = await asyncio.gather(
        asyncio.to_thread(_read, context, now, sessions=sessions, rounds=rounds), _schedules(context)
    )
    return replace(seen, schedules=schedules)


def _read(context: Context, now: datetime, *, sessions: int, rounds: int) -> Sight:
    """What the database has."""
    guarded = guards(context.store, context.sources)
    with context.store.read() as connection:
        return Sight(
            at=now,
            sources=overview(connection, context.sources, now),
            guards=guarded,
            sessions=history(connection, limit=sessions) if sessions else (),
            rounds=newest(connection, limit=rounds) if rounds else (),
            schedules=None,
        )


async def _schedules(context: Context) -> Mapping[str, Schedule] | None:
    try:
        return await asyncio.wait_for(context.controls.scheduled(context.settings), _PATIENCE_SECONDS)
    except (SynclineError, TimeoutError) as error:
        _log.debug("no schedules: %s", error)
        return None
