"""Why a due run may not begin, decided from what is on record and said in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from syncline.model.policies import CatchUp
from syncline.model.session import Status, SyncSession, Trigger
from syncline.model.source import Source
from syncline.passes.due import Due
from syncline.passes.ticks import begins_at, late_seconds
from syncline.resilience.breaker import BreakerState

__all__ = ["left_out", "said_of_breaker", "said_of_lateness", "said_of_waiting"]


def said_of_breaker(source: str, state: BreakerState, retry_at: datetime | None) -> str:
    """Why a breaker that stands like this lets no run through."""
    if state is BreakerState.FORCED_OPEN or retry_at is None:
        return f"breaker: held open until `syncline breaker reset {source}`"
    until = f"{retry_at:%H:%M:%S} UTC"
    if state is BreakerState.OPEN:
        return f"breaker: open until {until}: it failed too often in a row"
    return f"breaker: half-open, and all its probes are out; the next at {until}"


def said_of_lateness(source: Source, newest: SyncSession | None, due: Due, now: datetime) -> str | None:
    """Why `due` is left out where it is late, by the source's policy; None where it is not left out."""
    tick, late = due.scheduled_for, late_seconds(source, due.scheduled_for, now)
    if tick is None or late is None or source.catch_up is CatchUp.ALL:
        return None
    if source.catch_up is CatchUp.NONE:
        return f"{round(late)} s late; late runs of {source.name} are left out"
    if newest is not None and newest.started_at >= begins_at(source, tick):
        return f"{round(late)} s late; session {newest.id} began after its time"
    if due.superseded_by is not None:
        return f"{round(late)} s late; the run due at {due.superseded_by:%Y-%m-%d %H:%M:%S} UTC goes in its place"
    return None


def left_out(source: Source, newest: SyncSession | None, runs: Iterable[Due], now: datetime) -> list[Due]:
    """Those of the `runs` of one schedule, all of which wait to be begun, that are late and would be left out.

    Where late runs are made up for by the newest, that one is not among them, unless a session began since; the others
    say that it goes in their place.
    """
    late = [run for run in runs if late_seconds(source, run.scheduled_for, now) is not None]
    last = max((run.scheduled_for for run in late if run.scheduled_for is not None), default=None)
    asked = [run if run.scheduled_for == last else replace(run, superseded_by=last) for run in late]
    return [run for run in asked if said_of_lateness(source, newest, run, now) is not None]


def said_of_waiting(newest: SyncSession | None, due: Due, now: datetime) -> str | None:
    """Why `due` is left out while the source's newest session waits for its time; None where it is not.

    A tick would only ask in vain, and then wait beside it; so would a run that goes on for an earlier session. What a
    hold put off does not count: it may go on as soon as no hold is in force.
    """
    if newest is None or newest.status is not Status.DEFERRED or newest.held:
        return None
    if newest.retry_at is None or newest.retry_at <= now or not _is_superfluous(due, newest):
        return None
    day = "" if newest.retry_at.date() == now.date() else f"{newest.retry_at:%Y-%m-%d} "
    return f"put off until {day}{newest.retry_at:%H:%M:%S} UTC with session {newest.id}: {newest.reason}"


def _is_superfluous(due: Due, newest: SyncSession) -> bool:
    """Whether nobody asked for the run, and it is not the one that goes on for `newest`."""
    if due.trigger is Trigger.RETRY:
        return due.goes_on_for not in {None, newest.id}
    return due.trigger is Trigger.SCHEDULE
